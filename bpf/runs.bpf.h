/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Runs of softirq handlers: on idle CPUs past the threshold, and on request all. softirq.bpf.c sees
 * where they begin.
 */
#ifndef RUNS_BPF_H
#define RUNS_BPF_H

#include "emit.bpf.h"
#include "task.bpf.h"

const volatile __u64 stall_ns = 5000000;
const volatile __u32 all_runs = 0;

static __noinline int send_run(__u32 vec, __u64 run, __u64 ended, __u32 idle)
{
	struct sp_run e = {};

	if (!within_rate(SP_P_SOFTIRQ, ended))
		return 0;
	fill_head(&e.head, SP_RUN, ended);
	if (idle && (__u32)bpf_get_current_pid_tgid()) {
		/* Seen by what came after it: this task has nothing to do with it. */
		e.task.flags = PF_KTHREAD;
		__builtin_memcpy(e.task.comm, "swapper", sizeof("swapper"));
	} else {
		fill_task(&e.task, (void *)bpf_get_current_task());
	}
	e.run = run;
	e.vector = vec;
	emit(SP_P_SOFTIRQ, &e, sizeof(e), BPF_RB_FORCE_WAKEUP);
	return 0;
}

/*
 * The run of a softirq that interrupted the idle task, seen by what comes after it: the next
 * softirq, the idle loop (which goes round after each interrupt), or the switch to a task. The
 * sampling timer rests on an idle CPU and softirq_exit is dear: nothing else would see a handler
 * that runs long there. A hard interrupt that came after it and ran long would look like a part of
 * it: those are taken off, and told by their own probe. Short ones belong to the run.
 */
static __always_inline void end_idle_run(struct sp_cpu *c, __u64 now)
{
	__u64 ended = c->left_idle >= c->entered ? c->left_idle : now;
	__u64 run = ended - c->entered, irqs = c->long_irqs - c->entered_long_irqs;

	c->entered_idle = 0;
	if (run >= stall_ns + irqs)
		send_run(c->entered_vector, run - irqs, ended, true);
}

/*
 * The idle loop begins or ends a sleep. State 0 is to wait in a loop (drivers/cpuidle/poll_state.c,
 * cpu_idle_poll() of kernel/sched/idle.c): softirqs come and go in it unseen.
 */
static __always_inline void on_idle(__u32 state)
{
	struct sp_cpu *c = this_cpu();

	if (!c)
		return;
	c->polling = !state;
	if (c->entered_idle)
		end_idle_run(c, bpf_ktime_get_ns());
}

/* On the rungs of functions, where there is no on_idle(), only runs on an idle CPU count. */
static __always_inline void on_exit(__u32 vec)
{
	struct sp_cpu *c;
	__u64 now, run;

	if (!all_runs && (__u32)bpf_get_current_pid_tgid())
		return;
	c = this_cpu();
	if (!c || vec >= SP_VECTORS || c->entered_vector != vec || !c->entered)
		return;
	now = bpf_ktime_get_ns();
	run = now - c->entered;
	if (all_runs)
		hist_count(SP_H_RUN + vec, run);
	if (run >= stall_ns)
		send_run(vec, run, now, false);
}

#endif
