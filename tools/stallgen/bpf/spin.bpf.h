/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * The one way in which stallgen holds a CPU inside the kernel: a BPF program
 * that spins until a deadline. What the spin keeps away (preemption, bottom
 * halves, interrupts) follows from where the program is attached.
 */
#ifndef STALLGEN_SPIN_BPF_H
#define STALLGEN_SPIN_BPF_H

#include "kernel.bpf.h"

/* No spin is longer, whatever user space asked for. cli.rs says the same. */
#define SPIN_MAX_NS 1000000000ULL

const volatile __u64 spin_ns;

/* The record of one stall, key: its number. */
struct stall {
	__u64 start_ns;
	__u64 end_ns;
	/* Longest time between two looks at the clock: somebody else had the CPU. */
	__u64 paused_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stall);
} stalls SEC(".maps");

/* Set by user space for one stall, cleared by the program that takes it. */
__u32 armed;
/* How many stalls were made. */
__u32 made;
/* Start of the stall under way, 0 between stalls. */
__u64 since_ns;

/* The stall under way: its last look at the clock, and the longest time between two. */
__u64 last_ns;
__u64 paused_ns;

/*
 * Loops with bounds rather than bpf_loop(), which Linux 5.17 has. The verifier walks through each
 * round, and through some thousand at most: so they nest, in functions that are not static, which
 * it walks through once.
 */
#define SPIN_ROUNDS 500

/* Each tells whether the end has come. */
__noinline int spin_looks(__u64 end_ns)
{
	__u64 now = 0, last = last_ns, paused = paused_ns;

	for (int i = 0; i < SPIN_ROUNDS && now < end_ns; i++) {
		now = bpf_ktime_get_ns();
		if (now - last > paused)
			paused = now - last;
		last = now;
	}
	last_ns = last;
	paused_ns = paused;
	return now >= end_ns;
}

__noinline int spin_rounds(__u64 end_ns)
{
	for (int i = 0; i < SPIN_ROUNDS; i++) {
		if (spin_looks(end_ns))
			return 1;
	}
	return 0;
}

/* Up to 125 million looks at the clock: more than go into SPIN_MAX_NS. */
__noinline int spin_until(__u64 end_ns)
{
	for (int i = 0; i < SPIN_ROUNDS; i++) {
		if (spin_rounds(end_ns))
			return 1;
	}
	return 0;
}

/*
 * Makes the stall user space armed. Callers have checked that they run where
 * it is wanted; at most one such place runs at a time (one task, or one CPU
 * in one kind of interrupt), so that plain accesses do.
 */
static __always_inline int spin_if_armed(void)
{
	struct stall *stall;
	__u64 start, length = spin_ns < SPIN_MAX_NS ? spin_ns : SPIN_MAX_NS;
	__u32 n;

	if (!armed)
		return 0;
	armed = 0;
	n = made;
	stall = bpf_map_lookup_elem(&stalls, &n);
	if (!stall)
		return 0;

	start = bpf_ktime_get_ns();
	*(volatile __u64 *)&since_ns = start;
	last_ns = start;
	paused_ns = 0;
	spin_until(start + length);
	stall->start_ns = start;
	stall->paused_ns = paused_ns;
	stall->end_ns = bpf_ktime_get_ns();
	*(volatile __u64 *)&since_ns = 0;
	*(volatile __u32 *)&made = n + 1;
	return 0;
}

#endif
