/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * What all probes share: the ring, the state of a CPU, the count of losses. wire.bpf.c creates
 * these maps; every other object reuses them.
 */
#ifndef STATE_BPF_H
#define STATE_BPF_H

#include "kernel.bpf.h"
#include "percpu.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20); /* user space sets the size by the number of CPUs */
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sp_cpu);
} cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SP_PROBES);
	__type(key, __u32);
	__type(value, struct sp_loss);
} losses SEC(".maps");

typedef __u32 sp_buckets[SP_HIST_SIZE];

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SP_HISTS);
	__type(key, __u32);
	__type(value, sp_buckets);
} hists SEC(".maps");

/* The state of this CPU; NULL where it is not recorded. */
static __always_inline struct sp_cpu *this_cpu(void)
{
	__u32 zero = 0;
	struct sp_cpu *c = bpf_map_lookup_elem(&cpus, &zero);

	return c && c->enabled ? c : NULL;
}

/*
 * The same number, for verifiers that lost sight of its bounds: the compiler likes to test another
 * register than the one that is used.
 */
static __always_inline __u64 bounded(__u64 n, __u64 most)
{
	barrier_var(n);
	return n <= most ? n : most;
}

/* Bucket of a duration; the same as bucket() of src/model/hist.rs. */
static __always_inline __u64 hist_bucket(__u64 v)
{
	__u32 log2 = 0, b;
	__u64 x = v;

	if (v < (1 << SP_HIST_SUB))
		return v;
	if (x >> 32)
		x >>= 32, log2 += 32;
	if (x >> 16)
		x >>= 16, log2 += 16;
	if (x >> 8)
		x >>= 8, log2 += 8;
	if (x >> 4)
		x >>= 4, log2 += 4;
	if (x >> 2)
		x >>= 2, log2 += 2;
	if (x >> 1)
		log2 += 1;
	b = (log2 - SP_HIST_SUB + 1) << SP_HIST_SUB |
	    ((v >> (log2 - SP_HIST_SUB)) & ((1 << SP_HIST_SUB) - 1));
	return bounded(b, SP_HIST_SIZE - 1);
}

static __always_inline void hist_count(__u32 hist, __u64 value)
{
	__u32 *buckets = bpf_map_lookup_elem(&hists, &hist);

	if (buckets)
		buckets[hist_bucket(value)]++;
}

static __always_inline void fill_head(struct sp_head *head, __u32 kind, __u64 now)
{
	head->time = now;
	head->cpu = bpf_get_smp_processor_id();
	head->kind = kind;
}

#endif
