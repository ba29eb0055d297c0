/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Whether a softirq that was raised still waits. The kernel does not run our program at each
 * softirq_entry: not on the rung of trace events, where it interrupted another program
 * (trace_call_bpf() of kernel/trace/bpf_trace.c), and some kernels run none in the context of
 * certain tasks. A raise whose entry passed unseen must not be taken for one that waits for long.
 *
 * What gives it away: handle_softirqs() of kernel/softirq.c takes all that are pending, and enters
 * them in the order of their vectors. So an entry of the same or a lower vector than the one
 * before it belongs to the next batch. A softirq that waits is in the first batch that begins
 * after its raise; the one in progress then may be told from the one before it only after it.
 */
#ifndef WAITS_BPF_H
#define WAITS_BPF_H

#include "state.bpf.h"

/* When a softirq that still waits was raised; 0: none does. */
static __always_inline __u64 waits_since(struct sp_cpu *c, __u32 vec)
{
	return c->by_batch && c->batches - c->raised_in[vec] > 2 ? 0 : c->raised[vec];
}

#endif
