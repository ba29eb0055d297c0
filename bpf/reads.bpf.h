/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Maps of the probes that look at reads of files that the kernel makes up while they are read, on
 * cgroupfs and procfs. wire.bpf.c creates them.
 */
#ifndef READS_BPF_H
#define READS_BPF_H

#include "state.bpf.h"
#include "wire_files.h"

/* By process and file. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct sp_reader);
	__type(value, struct sp_reads);
} reads SEC(".maps");

/* Who they are, as first seen. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct sp_reader);
	__type(value, struct sp_task);
} readers SEC(".maps");

/* What a thread did with the locks of the cgroup statistics in one read: kept by rstat.bpf.c. */
struct flush {
	__u64 start;	  /* whose: task->start_boottime */
	__u64 call;	  /* which read: as many the thread had finished before */
	__u64 since;	  /* its first look at a lock */
	__u64 wants;	  /* since when it wants the lock that all share; 0: it does not */
	__u64 wants_cpus; /* the same of the lock of a CPU */
	__u64 locked;
	__u64 waited;
	__u64 held;
	__u64 locks;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct flush);
} flushes SEC(".maps");

#endif
