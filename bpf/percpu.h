/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * What the programs keep of one CPU, in maps that they share or that user space looks into: plain
 * integers only, as on the wire.
 */
#ifndef PERCPU_H
#define PERCPU_H

#include "stallprof.h"

#define SP_UNKNOWN     0xffffffffU /* a tid that no task has */
#define SP_BURST       32	   /* softirqs between two ticks whose delays are all measured */
#define SP_BURST_SHARE 16	   /* of further ones, one of so many */

/* rxpath.bpf.c, in a map of its own. */
struct sp_rx_cpu {
	__u64 seen;   /* packets, all of them */
	__u64 other;  /* of these by weight: no row was free */
	__u64 window; /* when the last SP_RX_WINDOW packets began */
	__u32 sparse; /* they came fast: one in `weight` is examined (rxpath.bpf.c) */
	__u32 random;
};

/* A handoff in progress, from the wake of ksoftirqd on. */
struct sp_wait {
	__u64 woken; /* 0: not waiting */
	__u64 in;    /* switched in, and no softirq entered yet; 0: not so */
	__u64 raised;
	__u64 served;
	__u64 runner_since;
	struct sp_handoff out; /* the record as it grows */
};

/*
 * What all share. One owner per field, others only read; except `wait`, which ksoftirqd.bpf.c opens
 * and softirq.bpf.c closes (handoff.bpf.h), and `busy_since`, which sampler.bpf.c sets where it
 * comes to a CPU that was busy before ksoftirqd.bpf.c looked.
 */
struct sp_cpu {
	/* user space, before attach */
	__u32 enabled;
	__u32 ksoftirqd;     /* tid; where it is SP_UNKNOWN, ksoftirqd.bpf.c finds it */
	__u32 softirq_on;    /* the softirq probe is attached */
	__u32 sched_on;	     /* the ksoftirqd probe is attached: busy_since holds */
	__u32 ticks_on;	     /* ticks come at least twice in a stall: bursts need no clock */
	__u32 reads_by_call; /* no other probe counts reads of cgroup files */
	__u32 by_batch;	     /* softirqs run in batches of all that are pending (waits.bpf.h) */

	/* softirq.bpf.c */
	__u64 raised[SP_VECTORS];    /* oldest raise whose entry was not seen: see waits_since() */
	__u32 raised_in[SP_VECTORS]; /* `batches` then */
	__u32 batches;		     /* of softirqs, that were told from the one before */
	__u64 entered;		     /* last softirq_entry; within a burst, its raise */
	__u64 entered_long_irqs;     /* long_irqs at that time */
	__u32 entered_vector;
	__u32 entered_idle;	    /* it interrupted the idle task, and may still be running */
	__u32 polling;		    /* the idle task waits in a loop, and not for an interrupt */
	__u32 burst;		    /* softirqs entered since burst_began */
	__u64 burst_began;	    /* the first softirq_entry since the last tick */
	__u64 burst_mark;	    /* what tick_mark() was then */
	__u32 stride[SP_VECTORS];   /* in bursts, from the last one measured on; 0: none yet */
	__u32 measured[SP_VECTORS]; /* place in `delay` of the last one below the threshold */

	/* ksoftirqd.bpf.c */
	__u64 busy_since;   /* when the CPU left idle; 0 while idle or unknown */
	__u64 left_idle;    /* the same, but kept */
	__u32 in_ksoftirqd; /* it is the current task */
	__u32 pad2;
	struct sp_wait wait;

	/* hardirq.bpf.c */
	__u64 irq_entered;	/* begin of the hard interrupt in progress, 0 outside */
	__u64 hardirqs;		/* time in hard interrupts, all together */
	__u64 long_irqs;	/* that in those past the threshold */
	__u64 timer_irq;	/* begin of the last timer interrupt */
	__u64 timer_irq_before; /* and of the one before it */
	__u64 timer_entered;
	__u64 timer_func;
	__u64 timer_worst;
	__u64 timer_worst_func;

	/* sampler.bpf.c */
	__u64 last_tick;
	__u64 steal;	     /* steal time as of then */
	__u64 tick_hardirqs; /* hardirqs as of then */
	__u64 gap_ended;     /* the last gap, if its steal time is not told yet; else 0 */
	__u64 gap_before;    /* the last tick before the gaps that are not told yet */
	__u64 gap_steal;     /* steal time as of that one */

	/*
	 * softirq.bpf.c. 32 bits, so that all of a CPU fits one lookup: user space takes
	 * differences, which survive a wrap. One row of buckets after the other, a row a vector.
	 */
	__u32 delay[SP_VECTORS * SP_HIST_SIZE];
};

#endif
