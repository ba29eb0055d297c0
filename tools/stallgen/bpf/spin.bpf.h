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

/* A spin under way. */
struct spin {
	__u64 end_ns;
	__u64 last_ns;
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

static long spin_step(__u32 i, struct spin *spin)
{
	__u64 now = bpf_ktime_get_ns();

	if (now - spin->last_ns > spin->paused_ns)
		spin->paused_ns = now - spin->last_ns;
	spin->last_ns = now;
	return now >= spin->end_ns;
}

/* One bpf_loop() is limited to 1 << 23 rounds, too few for a second: nest. */
static long spin_round(__u32 i, struct spin *spin)
{
	bpf_loop(1 << 20, spin_step, spin, 0);
	return bpf_ktime_get_ns() >= spin->end_ns;
}

/*
 * Makes the stall user space armed. Callers have checked that they run where
 * it is wanted; at most one such place runs at a time (one task, or one CPU
 * in one kind of interrupt), so that plain accesses do.
 */
static __always_inline int spin_if_armed(void)
{
	struct spin spin = {};
	struct stall *stall;
	__u64 start;
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
	spin.last_ns = start;
	spin.end_ns = start + (spin_ns < SPIN_MAX_NS ? spin_ns : SPIN_MAX_NS);
	bpf_loop(1 << 12, spin_round, &spin, 0);
	stall->start_ns = start;
	stall->paused_ns = spin.paused_ns;
	stall->end_ns = bpf_ktime_get_ns();
	*(volatile __u64 *)&since_ns = 0;
	*(volatile __u32 *)&made = n + 1;
	return 0;
}

#endif
