// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Every read of a cgroup file, however short, at the function that all of them go through.
 */
#include "count.bpf.h"
#include "rungs.bpf.h"

const volatile __u32 only_tgid = 0;

/* A read in progress. */
struct reading {
	__u64 at;
	__u64 exec;
	__u64 nvcsw;
	struct file *file;
	__u64 filesystem;
};

/* A thread that is pushed out in the middle of a read is not counted. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct reading);
} readings SEC(".maps");

static __always_inline void began(struct task_struct *task, struct kiocb *iocb, bool typed)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 tid = pid_tgid;
	struct reading reading = {};

	if (only_tgid && pid_tgid >> 32 != only_tgid)
		return;
	reading.file = ARG_READ(iocb, ki_filp);
	reading.filesystem = filesystem_of(reading.file);
	if (!reading.filesystem)
		return; /* sysfs */
	reading.exec = ARG_READ(task, se.sum_exec_runtime);
	reading.nvcsw = ARG_READ(task, nvcsw);
	reading.at = bpf_ktime_get_ns();
	bpf_map_update_elem(&readings, &tid, &reading, BPF_ANY);
}

static __always_inline void ended(struct task_struct *task, long ret, bool typed)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct reading *reading = bpf_map_lookup_elem(&readings, &tid);
	struct spent spent = {};

	if (!reading || !reading->at)
		return;
	spent.total = bpf_ktime_get_ns() - reading->at;
	spent.on_cpu = ARG_READ(task, se.sum_exec_runtime) - reading->exec;
	spent.slept = ARG_READ(task, nvcsw) != reading->nvcsw;
	spent.bytes = ret;
	reading->at = 0;
	if (ret > 0 && (only_tgid || this_cpu()))
		count_read(task, reading->file, reading->filesystem, &spent);
}

/* 4eaad21a6ac9 ("kernfs: implement ->read_iter", 5.11). Reads of sysfs come here too. */
/* clang-format off */
SEC("?fentry/kernfs_fop_read_iter")
int BPF_PROG(read_began_fentry, struct kiocb *iocb)
HANDLE(true, began(TASK, iocb, typed))

SEC("?fexit/kernfs_fop_read_iter")
int BPF_PROG(read_ended_fexit, struct kiocb *iocb, void *iter, long ret)
HANDLE(true, ended(TASK, ret, typed))

SEC("?kprobe/kernfs_fop_read_iter")
int BPF_KPROBE(read_began_kprobe, struct kiocb *iocb)
HANDLE(false, began(TASK, iocb, typed))

SEC("?kretprobe/kernfs_fop_read_iter")
int BPF_KRETPROBE(read_ended_kretprobe, long ret)
HANDLE(false, ended(TASK, ret, typed))

char LICENSE[] SEC("license") = "Dual MIT/GPL";
