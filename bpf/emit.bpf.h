/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Records to user space. Those of stalls are bounded in rate per CPU and object (samples are by
 * the sampler's own rate), and every one that does not make it is counted in the row of its probe.
 */
#ifndef EMIT_BPF_H
#define EMIT_BPF_H

#include "state.bpf.h"

/* Records a second and CPU; past it a storm of stalls would itself become one. */
#define SP_RATE 1000

struct limiter {
	__u64 window; /* the second that is being counted */
	__u64 sent;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct limiter);
} limit SEC(".maps");

static __always_inline struct sp_loss *loss_of(__u32 probe)
{
	return bpf_map_lookup_elem(&losses, &probe);
}

/* The kernel did not run our program where it should have: waits.bpf.h. */
static __always_inline void count_unseen(__u32 probe)
{
	struct sp_loss *loss = loss_of(probe);

	if (loss)
		loss->unseen++;
}

/* Whether this CPU may send one more record; counts the refusal. */
static __always_inline bool within_rate(__u32 probe, __u64 now)
{
	__u32 zero = 0;
	struct limiter *l = bpf_map_lookup_elem(&limit, &zero);
	struct sp_loss *loss;

	if (!l)
		return false;
	if (now - l->window > 1000000000ULL) {
		l->window = now;
		l->sent = 0;
	}
	if (l->sent++ < SP_RATE)
		return true;
	loss = loss_of(probe);
	if (loss)
		loss->rate_limited++;
	return false;
}

/*
 * Whether the ring has room for what comes at every tick; counts the refusal. The last quarter is
 * for what comes seldom and proves something.
 */
static __always_inline bool spare_room(__u32 probe)
{
	__u64 size = bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE);
	struct sp_loss *loss;

	if (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) <= size / 4 * 3)
		return true;
	loss = loss_of(probe);
	if (loss)
		loss->ring_full++;
	return false;
}

static __always_inline void emit(__u32 probe, void *record, __u64 size, __u64 flags)
{
	struct sp_loss *loss;

	if (!bpf_ringbuf_output(&ring, record, size, flags))
		return;
	loss = loss_of(probe);
	if (loss)
		loss->ring_full++;
}

#endif
