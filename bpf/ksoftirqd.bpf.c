// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * The handoff to ksoftirqd/N in its parts, who ran on the CPU while it waited, and since when the
 * CPU is not idle (the sampler needs that).
 */
#include "handoff.bpf.h"
#include "rungs.bpf.h"
#include "task.bpf.h"
#include "waits.bpf.h"

static __always_inline void begin_wait(struct sp_cpu *c, __u64 now, bool preempted)
{
	struct sp_wait *w = &c->wait;
	__u64 oldest = 0;
	__u32 pending = 0;

	for (int v = 0; v < SP_VECTORS; v++) {
		__u64 raised = waits_since(c, v);

		if (!raised)
			continue;
		pending |= 1 << v;
		if (!oldest || raised < oldest)
			oldest = raised;
	}
	w->in = 0;
	w->raised = oldest;
	w->served = 0;
	w->runner_since = now;
	w->out.pending = pending;
	w->out.preempted = preempted;
	w->out.runners = 0;
	w->out.other_runners = 0;
	w->out.other_ran = 0;
	w->woken = now;
}

/*
 * Another turn of a task that has a row. It may have had another policy at the end of an earlier
 * one: the vote of Boyer and Moore finds the one that most of its time is booked on.
 */
static __always_inline void add_turn(struct sp_runner *r, __u32 policy, __u64 ran)
{
	r->ran += ran;
	r->turns++;
	if (ran > r->longest)
		r->longest = ran;
	if (r->task.policy == policy) {
		r->ahead += ran;
	} else if (r->ahead >= ran) {
		r->ahead -= ran;
	} else {
		r->ahead = ran - r->ahead;
		r->task.policy = policy;
	}
}

/*
 * Books the turn of `task` that ends now. A task has one row, however often it ran. Where all rows
 * are taken, whoever ran least makes room for one that ran longer: many short turns must not hide
 * the long one that comes after them.
 */
static __always_inline void book_runner(struct sp_wait *w, struct task_struct *task, __u32 tid,
					__u64 now)
{
	__u64 ran = now - w->runner_since, least_ran = ran;
	__u32 n = w->out.runners, least = SP_RUNNERS;

	w->runner_since = now;
	for (int i = 0; i < SP_RUNNERS; i++) {
		if (i >= n)
			break;
		if (w->out.runner[i].task.tid == tid) {
			add_turn(&w->out.runner[i], policy_of(task), ran);
			return;
		}
		if (w->out.runner[i].ran < least_ran) {
			least_ran = w->out.runner[i].ran;
			least = i;
		}
	}
	if (n < SP_RUNNERS) {
		w->out.runners = n + 1;
	} else {
		n = bounded(least, SP_RUNNERS);
		if (n == SP_RUNNERS) {
			w->out.other_runners++;
			w->out.other_ran += ran;
			return;
		}
		w->out.other_runners += w->out.runner[n].turns;
		w->out.other_ran += least_ran;
	}
	fill_task(&w->out.runner[n].task, task);
	w->out.runner[n].ran = w->out.runner[n].longest = ran;
	w->out.runner[n].ahead = ran;
	w->out.runner[n].turns = 1;
}

/*
 * Whether a task is ksoftirqd/N of this CPU, by name. /proc does not show it to user space in a pid
 * namespace other than the first, nor before its CPU was online.
 */
static __always_inline bool is_own_ksoftirqd(struct task_struct *task)
{
	const char name[] = "ksoftirqd/";
	const __u32 digits = sizeof(name) - 1;
	char comm[SP_COMM] = {};
	__u32 cpu = 0;

	if (!(BPF_CORE_READ(task, flags) & PF_KTHREAD))
		return false; /* anybody can have that name */
	BPF_CORE_READ_STR_INTO(&comm, task, comm);
	for (int i = 0; i < digits; i++) {
		if (comm[i] != name[i])
			return false;
	}
	for (int i = digits; i < SP_COMM; i++) {
		if (!comm[i])
			break;
		cpu = 10 * cpu + comm[i] - '0';
	}
	return cpu == bpf_get_smp_processor_id();
}

/* `task`: whose wake it is, where that is known. */
static __always_inline void woken(struct task_struct *task, __u32 tid)
{
	struct sp_cpu *c = this_cpu();

	if (c && c->ksoftirqd == SP_UNKNOWN && task && is_own_ksoftirqd(task))
		c->ksoftirqd = tid;
	/* A wake of the running ksoftirqd starts no wait: it is on the CPU. */
	if (c && tid == c->ksoftirqd && !c->in_ksoftirqd && !c->wait.woken)
		begin_wait(c, bpf_ktime_get_ns(), false);
}

/* `preempt`: prev did not choose to leave the CPU, whatever its state says. */
static __always_inline void switched(bool preempt, struct task_struct *prev, __u32 from, __u32 to)
{
	struct sp_cpu *c = this_cpu();
	__u64 now;

	if (!c)
		return;
	if (!to)
		c->busy_since = 0;
	if (c->ksoftirqd == SP_UNKNOWN && is_own_ksoftirqd(prev))
		c->ksoftirqd = from;
	if (from && !c->wait.woken && to != c->ksoftirqd && from != c->ksoftirqd)
		return;

	now = bpf_ktime_get_ns();
	if (!from)
		c->busy_since = c->left_idle = now;
	/* Then its switch in went unseen (waits.bpf.h). */
	if (c->wait.woken && !c->wait.in && (!to || from == c->ksoftirqd)) {
		c->wait.woken = 0;
		count_unseen(SP_P_KSOFTIRQD);
	}
	if (c->wait.woken && !c->wait.in)
		book_runner(&c->wait, prev, from, now);
	if (to == c->ksoftirqd) {
		c->in_ksoftirqd = 1;
		if (c->wait.woken) {
			c->wait.in = now;
			hist_count(SP_H_KSOFTIRQD_WAIT, now - c->wait.woken);
			if (!c->softirq_on) /* nobody will see the entry */
				handoff_end(c, now, true);
		}
	} else if (from == c->ksoftirqd) {
		c->in_ksoftirqd = 0;
		if (c->wait.in)
			handoff_end(c, now, false);
		if (still_runnable(prev, preempt))
			begin_wait(c, now, true);
	}
}

ON_RAW_TRACEPOINT(sched_wakeup, woken(p, ARG_READ(p, pid)), struct task_struct *p)
ON_RAW_TRACEPOINT(sched_switch, switched(preempt, prev, ARG_READ(prev, pid), ARG_READ(next, pid)),
		  bool preempt, struct task_struct *prev, struct task_struct *next)

/* The record says of a task that was preempted: TASK_REPORT_MAX (include/linux/sched.h). */
#define PREEMPTED 0x100

ON_TRACEPOINT(sched, sched_wakeup, trace_event_raw_sched_wakeup_template, woken(NULL, ctx->pid))
ON_TRACEPOINT(sched, sched_switch, trace_event_raw_sched_switch,
	      switched(ctx->prev_state &PREEMPTED, (void *)bpf_get_current_task(), ctx->prev_pid,
		       ctx->next_pid))

/*
 * Without tracepoints. The switch is over when finish_task_switch() runs, in the task that came;
 * of one that was preempted on its way to sleep it is not known that it is still runnable.
 */
ON_FUNCTION(try_to_wake_up, woken(p, ARG_READ(p, pid)), struct task_struct *p)
ON_FUNCTION(finish_task_switch,
	    switched(false, prev, ARG_READ(prev, pid), bpf_get_current_pid_tgid()),
	    struct task_struct *prev)

char LICENSE[] SEC("license") = "Dual MIT/GPL";
