// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Slow system calls: number, arguments, the file behind a descriptor, duration. Two programs on a
 * path that runs a million times a second: the start is kept with the task, all else happens only
 * past the threshold.
 */
#include "emit.bpf.h"
#include "task.bpf.h"

const volatile __u64 min_ns = 5000000;
const volatile __u32 only_tgid = 0;
const volatile __u32 sleeping_too = 0; /* also calls that merely slept */
const volatile __u64 takes_fd[8] = {};

struct start {
	__u64 at;
	__u64 exec;
	__u64 nvcsw;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct start);
} starts SEC(".maps");

struct call_record {
	struct sp_syscall e;
	char path[SP_PATH + 256];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct call_record);
} scratch SEC(".maps");

SEC("tp_btf/sys_enter")
int BPF_PROG(sys_enter)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct start *s;

	if (only_tgid && task->tgid != only_tgid)
		return 0;
	s = bpf_task_storage_get(&starts, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!s)
		return 0;
	s->at = bpf_ktime_get_ns();
	s->exec = task->se.sum_exec_runtime;
	s->nvcsw = task->nvcsw;
	return 0;
}

static __noinline int send_call(struct task_struct *task, struct pt_regs *regs, long ret, __u64 now,
				struct start *s)
{
	__u32 zero = 0, len = 0;
	struct call_record *r = bpf_map_lookup_elem(&scratch, &zero);
	__u32 n;

	if (!r || !s || !within_rate(SP_P_SYSCALL, now))
		return 0;
	fill_head(&r->e.head, SP_SYSCALL, now);
	fill_task(&r->e.task, task);
	r->e.duration = now - s->at;
	r->e.on_cpu = BPF_CORE_READ(task, se.sum_exec_runtime) - s->exec;
	r->e.slept = BPF_CORE_READ(task, nvcsw) != s->nvcsw;
	r->e.ret = ret;
	n = r->e.call.nr = BPF_CORE_READ(regs, orig_ax);
	r->e.call.args[0] = BPF_CORE_READ(regs, di);
	r->e.call.args[1] = BPF_CORE_READ(regs, si);
	r->e.call.args[2] = BPF_CORE_READ(regs, dx);
	if (BPF_CORE_READ(task, thread_info.status) & TS_COMPAT)
		r->e.call.nr += 65536;
	else if (n < 512 && (takes_fd[(n >> 6) & 7] >> (n & 63)) & 1)
		len = file_path(task, r->e.call.args[0], r->path);
	if (len > SP_PATH)
		len = SP_PATH;
	r->e.call.path_len = len;
	emit(SP_P_SYSCALL, r, sizeof(r->e) + len, BPF_RB_FORCE_WAKEUP);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs *regs, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct start *s;
	__u64 now;

	if (only_tgid ? task->tgid != only_tgid : !this_cpu())
		return 0;
	s = bpf_task_storage_get(&starts, task, NULL, 0);
	if (!s || !s->at)
		return 0;
	now = bpf_ktime_get_ns();
	if (now - s->at < min_ns)
		return 0;
	/* One that only slept held no CPU. */
	if (sleeping_too || task->nvcsw == s->nvcsw ||
	    task->se.sum_exec_runtime - s->exec >= min_ns)
		send_call(task, regs, ret, now, s);
	s->at = 0;
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
