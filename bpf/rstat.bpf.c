// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * The locks of the cgroup statistics (rstat): how long each reader of a cgroup file waits for
 * them, and how long it holds the one that all share, which on many kernels keeps interrupts off.
 * Sums of one read at a time: the syscall probe takes them if that turns out to be slow.
 */
#include "reads.bpf.h"
#include "rungs.bpf.h"

/* The sums of the current task, from nothing if it is in another read than the last time. */
static __always_inline struct flush *flush_of(struct task_struct *task, bool typed)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct flush *f, fresh = {};
	__u64 start, call;

	/* src/probe/rstat.rs does not load this where there is no such field. */
	if (!bpf_core_field_exists(task->ioac.syscr) || ARG_READ(task, flags) & PF_KTHREAD)
		return NULL;
	start = ARG_READ(task, start_boottime);
	call = ARG_READ(task, ioac.syscr);
	f = bpf_map_lookup_elem(&flushes, &tid);
	if (!f) {
		bpf_map_update_elem(&flushes, &tid, &fresh, BPF_ANY);
		f = bpf_map_lookup_elem(&flushes, &tid);
	}
	if (f && (f->start != start || f->call != call)) {
		*f = fresh;
		f->start = start;
		f->call = call;
		f->since = bpf_ktime_get_ns();
	}
	return f;
}

static __always_inline void contended(struct task_struct *task, bool typed)
{
	struct flush *f = flush_of(task, typed);

	if (f)
		f->wants = bpf_ktime_get_ns();
}

static __always_inline void locked(struct task_struct *task, bool typed)
{
	struct flush *f = flush_of(task, typed);

	if (!f)
		return;
	f->locked = bpf_ktime_get_ns();
	f->locks++;
	if (f->wants)
		f->waited += f->locked - f->wants;
	f->wants = 0;
}

static __always_inline void unlocked(struct task_struct *task, bool typed)
{
	struct flush *f = flush_of(task, typed);

	if (f && f->locked)
		f->held += bpf_ktime_get_ns() - f->locked;
	if (f)
		f->locked = 0;
}

static __always_inline void cpus_contended(struct task_struct *task, bool typed)
{
	struct flush *f = flush_of(task, typed);

	if (f)
		f->wants_cpus = bpf_ktime_get_ns();
}

/* The wait for the lock of a CPU is part of the time with the lock that all share. */
static __always_inline void cpus_locked(struct task_struct *task, bool typed)
{
	struct flush *f = flush_of(task, typed);

	if (f && f->wants_cpus)
		f->waited += bpf_ktime_get_ns() - f->wants_cpus;
	if (f)
		f->wants_cpus = 0;
}

/* As in rungs.bpf.h, but by names that the kernel's 15 characters tell apart. */
/* clang-format off */
#define ON_LOCK(event, name)                                                                       \
	SEC("?tp_btf/" #event) int BPF_PROG(name##_tp_btf) HANDLE(true, name(TASK, typed))         \
	SEC("?raw_tp/" #event) int BPF_PROG(name##_raw_tp) HANDLE(false, name(TASK, typed))        \
	SEC("?tp/cgroup/" #event) int name##_tp(void *ctx) HANDLE(false, name(TASK, typed))
/* clang-format on */

/* fc29e04ae1ad ("cgroup/rstat: add cgroup_rstat_lock helpers and tracepoints", 6.10) */
ON_LOCK(cgroup_rstat_lock_contended, contended)
ON_LOCK(cgroup_rstat_locked, locked)
ON_LOCK(cgroup_rstat_unlock, unlocked)

/* 21c38a3bd4ee (6.10), for as long as each CPU had a lock of its own. */
ON_LOCK(cgroup_rstat_cpu_lock_contended, cpus_contended)
ON_LOCK(cgroup_rstat_cpu_locked, cpus_locked)

char LICENSE[] SEC("license") = "Dual MIT/GPL";
