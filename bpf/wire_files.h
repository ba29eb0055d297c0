/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* System calls on the wire, and the files that the kernel makes up while they are read. */
#ifndef WIRE_FILES_H
#define WIRE_FILES_H

#include "stallprof.h"

#define SP_FILE 48 /* bytes of a file's own name */

/* Followed by: path. */
struct sp_syscall {
	struct sp_head head;
	struct sp_task task;
	struct sp_call call;
	__u64 duration;
	__u64 on_cpu;
	__s64 ret;
	__u32 slept;
	__u32 pad;
};

/* File systems whose files the kernel makes up when they are read. */
enum sp_filesystem {
	SP_FS_OTHER,
	SP_FS_CGROUP1,
	SP_FS_CGROUP2,
	SP_FS_PROC,
};

/* A slow call of a file on one of these: more of the sp_syscall of the same time and CPU. */
struct sp_file_call {
	struct sp_head head;
	__u64 rstat_waited; /* ns for the locks of the statistics; only of reads */
	__u64 rstat_held;   /* ns with the lock that all share */
	__u32 rstat_locks;  /* how often that was taken */
	__u32 filesystem;   /* enum sp_filesystem */
	__u32 tid;
	__u32 pad;
};

/* The directory that a file of procfs is in. */
enum sp_place {
	SP_PLACE_DEEPER,
	SP_PLACE_TOP,
	SP_PLACE_PID, /* one with a number for a name */
};

/* Who read which file. All 0 but the file system: those for whom there was no room. */
struct sp_reader {
	__u64 start; /* of the process's first thread */
	__u32 tgid;
	__u16 filesystem; /* enum sp_filesystem */
	__u16 place;	  /* enum sp_place */
	char file[SP_FILE];
};

/* Reads by one sp_reader that ended on one CPU. */
struct sp_reads {
	__u64 reads;
	__u64 total; /* ns */
	__u64 on_cpu;
	__u64 slept; /* how many */
	__u64 bytes;
};

#endif
