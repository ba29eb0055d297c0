// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * The handoff to ksoftirqd/N in its parts, who ran on the CPU while it waited, and since when the
 * CPU is not idle (the sampler needs that).
 */
#include "handoff.bpf.h"
#include "task.bpf.h"

static __always_inline void begin_wait(struct sp_cpu *c, __u64 now, bool preempted)
{
	struct sp_wait *w = &c->wait;
	__u64 oldest = 0;
	__u32 pending = 0;

	for (int v = 0; v < SP_VECTORS; v++) {
		__u64 raised = c->raised[v];

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

/* Books the turn of `task` that ends now. A task has one row, however often it ran. */
static __always_inline void book_runner(struct sp_wait *w, struct task_struct *task, __u64 now)
{
	__u64 ran = now - w->runner_since;
	__u32 tid = task->pid;
	__u32 n = w->out.runners;

	w->runner_since = now;
	for (int i = 0; i < SP_RUNNERS; i++) {
		if (i < n && w->out.runner[i].task.tid == tid) {
			w->out.runner[i].ran += ran;
			w->out.runner[i].turns++;
			return;
		}
	}
	if (n >= SP_RUNNERS) {
		w->out.other_runners++;
		w->out.other_ran += ran;
		return;
	}
	fill_task(&w->out.runner[n].task, task);
	w->out.runner[n].ran = ran;
	w->out.runner[n].turns = 1;
	w->out.runners = n + 1;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(sched_wakeup, struct task_struct *p)
{
	struct sp_cpu *c = this_cpu();

	/* A wake of the running ksoftirqd starts no wait: it is on the CPU. */
	if (c && p->pid == c->ksoftirqd && !c->in_ksoftirqd && !c->wait.woken)
		begin_wait(c, bpf_ktime_get_ns(), false);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct sp_cpu *c = this_cpu();
	__u32 from, to;
	__u64 now;

	if (!c)
		return 0;
	from = prev->pid;
	to = next->pid;
	if (!to)
		c->busy_since = 0;
	if (from && !c->wait.woken && to != c->ksoftirqd && from != c->ksoftirqd)
		return 0;

	now = bpf_ktime_get_ns();
	if (!from)
		c->busy_since = now;
	if (c->wait.woken && !c->wait.in)
		book_runner(&c->wait, prev, now);
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
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
