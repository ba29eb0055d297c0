// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Slow system calls: number, arguments, the file behind a descriptor, duration. Two programs on a
 * path that runs a million times a second: the start is kept with the task, all else happens only
 * past the threshold.
 */
#include "emit.bpf.h"
#include "filecall.bpf.h"
#include "rungs.bpf.h"
#include "task.bpf.h"

const volatile __u64 min_ns = 5000000;
const volatile __u32 only_tgid = 0;
const volatile __u32 sleeping_too = 0; /* also calls that merely slept */
const volatile __u64 fd_calls[8] = {};
const volatile __u64 read_calls[8] = {};

struct start {
	__u64 at;
	__u64 exec;
	__u64 nvcsw;
	__u64 started; /* whose call it is: thread numbers are used again; 0 with task storage */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct start);
} starts SEC(".maps");

/*
 * Where tasks have no storage for tracing programs (before 5.12), and on the rungs below tp_btf:
 * a task that is pushed out in the middle of its call is not seen to end it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct start);
} starts_by_tid SEC(".maps");

struct call_record {
	struct sp_syscall e;
	char path[SP_PATH + 256];
	__u32 busy;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct call_record);
} scratch SEC(".maps");

static __always_inline void entered(struct task_struct *task, bool typed)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 tid = pid_tgid;
	struct start *s, fresh;

	if (only_tgid && pid_tgid >> 32 != only_tgid)
		return;
	if (typed) {
		s = bpf_task_storage_get(&starts, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (!s)
			return;
	} else {
		s = &fresh;
	}
	s->at = bpf_ktime_get_ns();
	s->exec = ARG_READ(task, se.sum_exec_runtime);
	s->nvcsw = ARG_READ(task, nvcsw);
	s->started = typed ? 0 : BPF_CORE_READ(task, start_boottime);
	if (!typed)
		bpf_map_update_elem(&starts_by_tid, &tid, s, BPF_ANY);
}

/*
 * CPU time since its start. The scheduler books what ran before at its next look, up to a tick
 * later: that is not the call's.
 */
static __always_inline __u64 ran_in(struct task_struct *task, struct start *s, __u64 now)
{
	__u64 ran = BPF_CORE_READ(task, se.sum_exec_runtime) - s->exec;

	return ran < now - s->at ? ran : now - s->at;
}

/* Whether it was sent, as far as the rate goes. */
static __noinline int send_call(struct task_struct *task, long ret, __u64 now, struct start *s)
{
	__u32 zero = 0, len;
	struct call_record *r = bpf_map_lookup_elem(&scratch, &zero);
	struct sp_loss *loss;

	if (!r || !s || !within_rate(SP_P_SYSCALL, now))
		return 0;
	/* Another task's record is half made: since a46023d5616e (7.0) it may have been preempted.
	 */
	if (r->busy) {
		loss = loss_of(SP_P_SYSCALL);
		if (loss)
			loss->preempted++;
		return 0;
	}
	*(volatile __u32 *)&r->busy = 1;
	fill_head(&r->e.head, SP_SYSCALL, now);
	fill_task(&r->e.task, task);
	r->e.duration = now - s->at;
	r->e.on_cpu = ran_in(task, s, now);
	r->e.slept = BPF_CORE_READ(task, nvcsw) != s->nvcsw;
	r->e.ret = ret;
	len = fill_call(&r->e.call, task, user_regs(task), fd_calls, true, r->path);
	emit(SP_P_SYSCALL, r, sizeof(r->e) + bounded(len, SP_PATH), BPF_RB_FORCE_WAKEUP);
	*(volatile __u32 *)&r->busy = 0;
	return 1;
}

/* For calls that may be slow: where their file is (SP_FS_*), and counts those that are reads. */
static __noinline int file_call(struct task_struct *task, long ret, __u64 now, struct start *s)
{
	struct spent spent = {};

	if (!s)
		return SP_FS_OTHER;
	spent.total = now - s->at;
	spent.on_cpu = ran_in(task, s, now);
	spent.slept = BPF_CORE_READ(task, nvcsw) != s->nvcsw;
	spent.bytes = ret;
	return look_at_file(task, fd_calls, read_calls, ret, &spent);
}

static __always_inline void left(struct task_struct *task, long ret, bool typed)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid(), now;
	__u32 tid = pid_tgid;
	struct start *kept, own, *s = &own;
	__u64 at;
	__u32 fs;

	if (only_tgid ? pid_tgid >> 32 != only_tgid : !this_cpu())
		return;
	kept = typed ? bpf_task_storage_get(&starts, task, NULL, 0)
		     : bpf_map_lookup_elem(&starts_by_tid, &tid);
	if (!kept || !kept->at)
		return;
	at = kept->at;
	/* One that seccomp or a tracer refuses is left without having been entered. */
	kept->at = 0;
	now = bpf_ktime_get_ns();
	if (now - at < min_ns && now - at < COUNTED_NS)
		return;
	own = *kept;
	own.at = at;
	if (!typed && s->started != BPF_CORE_READ(task, start_boottime))
		return;
	/* Of calls that are not slow only reads are counted. */
	if (now - s->at < min_ns && !is_in(read_calls, BPF_CORE_READ(user_regs(task), orig_ax)))
		return;
	fs = file_call(task, ret, now, s);
	if (now - s->at < min_ns)
		return;
	/* One that only slept held no CPU; a reader of the kernel's files may wait for its locks.
	 */
	if (fs || sleeping_too || ARG_READ(task, nvcsw) == s->nvcsw ||
	    ARG_READ(task, se.sum_exec_runtime) - s->exec >= min_ns) {
		if (send_call(task, ret, now, s) && fs)
			send_file_call(task, fs, s->at, now);
	}
}

SEC("?tp_btf/sys_enter")
int BPF_PROG(sys_enter_tp_btf)
{
	entered(bpf_get_current_task_btf(), true);
	return 0;
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(sys_exit_tp_btf, struct pt_regs *regs, long ret)
{
	left(bpf_get_current_task_btf(), ret, true);
	return 0;
}

#define THIS_TASK ((struct task_struct *)bpf_get_current_task())

SEC("?raw_tp/sys_enter")
int BPF_PROG(sys_enter_raw_tp)
{
	entered(THIS_TASK, false);
	return 0;
}

SEC("?raw_tp/sys_exit")
int BPF_PROG(sys_exit_raw_tp, struct pt_regs *regs, long ret)
{
	left(THIS_TASK, ret, false);
	return 0;
}

ON_TRACEPOINT(raw_syscalls, sys_enter, trace_event_raw_sys_enter, entered(THIS_TASK, false))
ON_TRACEPOINT(raw_syscalls, sys_exit, trace_event_raw_sys_exit, left(THIS_TASK, ctx->ret, false))

/*
 * Without tracepoints: the calls that are known to hold CPUs, one by one. An instance of a
 * kretprobe is taken for as long as a call sleeps, and there are few: some ends are missed.
 */
#define CALL(name)                                                                                 \
	ON_FUNCTION(__x64_sys_##name, entered(THIS_TASK, false))                                   \
	SEC("?fexit/__x64_sys_" #name)                                                             \
	int BPF_PROG(name##_fexit, struct pt_regs *regs, long ret)                                 \
	    HANDLE(false, left(THIS_TASK, ret, false)) SEC("?kretprobe/__x64_sys_" #name) int      \
	    BPF_KRETPROBE(name##_kretprobe, long ret) HANDLE(false, left(THIS_TASK, ret, false))

CALL(read)
CALL(pread64)
CALL(write)
CALL(pwrite64)
CALL(sendto)
CALL(getdents64)
CALL(ioctl)
CALL(munmap)
CALL(madvise)

char LICENSE[] SEC("license") = "Dual MIT/GPL";
