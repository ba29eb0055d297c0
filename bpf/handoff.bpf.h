/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * A handoff to ksoftirqd, from its wake to the first softirq it enters. ksoftirqd.bpf.c opens it
 * and follows it through the run queue; softirq.bpf.c sees the entry that ends it.
 */
#ifndef HANDOFF_BPF_H
#define HANDOFF_BPF_H

#include "emit.bpf.h"

const volatile __u64 handoff_ns = 5000000;

/* Ends the handoff at `now`: a record if it was long enough. */
static __always_inline void handoff_end(struct sp_cpu *c, __u64 now, bool entered)
{
	struct sp_wait *w = &c->wait;
	struct sp_handoff *e = &w->out;

	e->wake_to_in = w->in - w->woken;
	e->in_to_entry = now - w->in;
	e->raise_to_wake = w->raised && w->raised < w->woken ? w->woken - w->raised : 0;
	e->served_after = w->served ? w->served - w->woken : 0;
	e->entered = entered;
	w->woken = 0;
	w->in = 0;
	if (e->raise_to_wake + e->wake_to_in + e->in_to_entry < handoff_ns)
		return;
	if (!within_rate(SP_P_KSOFTIRQD, now))
		return;
	fill_head(&e->head, SP_HANDOFF, now);
	emit(SP_P_KSOFTIRQD, e, sizeof(*e), BPF_RB_FORCE_WAKEUP);
}

/* A softirq is entered while a handoff is open: by ksoftirqd itself, or by someone before it. */
static __always_inline void handoff_softirq_entered(struct sp_cpu *c, __u64 now)
{
	struct sp_wait *w = &c->wait;

	if (w->in && c->in_ksoftirqd)
		handoff_end(c, now, true);
	else if (!w->in && !w->served)
		w->served = now;
}

#endif
