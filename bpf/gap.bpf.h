/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* Interrupt gaps: how late a tick of the sampler is, and the steal time around it. */
#ifndef GAP_BPF_H
#define GAP_BPF_H

#include "state.bpf.h"

const volatile __u64 period_ns = 1001001;
const volatile __u64 gap_ns = 5000000;

/* The longest tick of the kernel's own: CONFIG_HZ=100. */
#define SETTLES 10000000ULL

/* Lateness beyond one period; 0 below the threshold or where it cannot be told. */
static __always_inline __u64 lateness(struct sp_cpu *c, __u32 tid, __u64 now, __u64 last)
{
	__u64 base;

	if (!tid || !c->sched_on)
		return 0; /* the timer rests on an idle CPU */
	if (!c->busy_since) {
		/* This task was there before us. */
		c->busy_since = now;
		return 0;
	}
	/* The first tick of all may be the late one: then the CPU left idle after we came. */
	base = (last > c->busy_since ? last : c->busy_since) + period_ns;
	/*
	 * Ticks may be missing rather than late: the kernel runs no perf program inside of another
	 * tracing program (bpf_overflow_handler() of kernel/events/core.c), and it throttles
	 * timers.
	 */
	if (base < c->timer_irq_before)
		base = c->timer_irq_before;
	return now < base + gap_ns ? 0 : now - base;
}

/*
 * Steal time of this CPU, to the nanosecond: /proc/stat has steps of 10 ms. The kernel brings it up
 * to date at its own tick (steal_account_process_time() of kernel/sched/cputime.c): within SETTLES.
 */
static __always_inline __u64 steal_time(struct task_struct *task)
{
	struct rq *rq;
	__u64 steal = 0;

	/* Two options of the kernel's configuration: see kernel.bpf.h. */
	if (bpf_core_field_exists(struct sched_entity, cfs_rq) &&
	    bpf_core_field_exists(struct rq, prev_steal_time)) {
		rq = BPF_CORE_READ(task, se.cfs_rq, rq);
		bpf_core_read(&steal, sizeof(steal), &rq->prev_steal_time);
	}
	return steal;
}

/*
 * Tells the steal time around a gap, once the kernel has counted it. Whether it was stolen or
 * interrupts were off is the question at each gap.
 */
static __always_inline void tell_steal(struct sp_cpu *c, struct sp_sample *e, __u64 steal,
				       __u64 now, __u64 last)
{
	e->stolen = 0;
	e->stolen_over = 0;
	if (c->gap_ended && now - c->gap_ended >= SETTLES) {
		e->stolen = steal - c->gap_steal;
		e->stolen_over = now - c->gap_before + SETTLES;
		c->gap_ended = 0;
	}
	if (e->gap && c->steal) {
		if (!c->gap_ended) {
			c->gap_before = last;
			c->gap_steal = c->steal;
		}
		c->gap_ended = now; /* gaps in quick succession are told together */
	}
	c->steal = steal;
}

#endif
