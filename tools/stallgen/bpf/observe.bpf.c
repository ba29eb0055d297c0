// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * What a stall does to others: how long each packet waited until it reached
 * its socket, and when ksoftirqd of the held CPU was woken and switched in.
 *
 * Packets are timed here and not by their receiver, whose own wait for a CPU
 * is none of their business, and not by SO_TIMESTAMPING, which stamps before
 * RPS queues the packet (net.core.netdev_tstamp_prequeue).
 */
#include "kernel.bpf.h"

#define UDP_HEADER_LEN 8
/* More looks at the clock than fit into burst_packet_ns. */
#define BURN_ROUNDS 512

enum seen {
	SEEN_PACKET,
	SEEN_WOKEN,
	SEEN_SWITCHED_IN,
};

/* Payload of our packets, in host byte order: they do not leave the host. */
struct packet {
	__u64 sent_ns;
	/* A burst's packet that its receiver is to see; see burst.rs. */
	__u64 bell;
};

struct observation {
	__u64 ns;
	__u64 sent_ns; /* packets only */
	enum seen what;
	__u32 cpu;
};

const volatile __u32 ksoftirqd_tid;
/* What a packet of a burst costs its CPU. */
const volatile __u64 burst_packet_ns;
/* Exports the types to the skeleton. */
const volatile struct packet packet_type;
const volatile struct observation observation_type;

/* Whether ksoftirqd was woken and has not got the CPU yet, for who sends bursts. */
__u32 ksoftirqd_waits;
/* Its CPU alone writes this, and reads it. */
__u32 ksoftirqd_runs;
/* Observations the ring had no room for. */
__u64 lost;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} observations SEC(".maps");

static __always_inline void observe(enum seen what, __u64 sent_ns)
{
	struct observation *o;

	o = bpf_ringbuf_reserve(&observations, sizeof(*o), 0);
	if (!o) {
		__sync_fetch_and_add(&lost, 1);
		return;
	}
	o->ns = bpf_ktime_get_ns();
	o->sent_ns = sent_ns;
	o->what = what;
	o->cpu = bpf_get_smp_processor_id();
	/* No wake-up: it would be an interrupt on the CPU under test. */
	bpf_ringbuf_submit(o, BPF_RB_NO_WAKEUP);
}

static __always_inline bool load_packet(struct __sk_buff *skb, struct packet *p)
{
	return !bpf_skb_load_bytes(skb, UDP_HEADER_LEN, p, sizeof(*p));
}

/* Filter of the victims' socket: lets everything pass. */
SEC("socket")
int victim(struct __sk_buff *skb)
{
	struct packet p;

	if (load_packet(skb, &p))
		observe(SEEN_PACKET, p.sent_ns);
	return -1;
}

/*
 * Filter of the bursts' socket: makes packets dear, so that one sender
 * outruns the CPU, and lets only those pass that ring the bell.
 */
SEC("socket")
int burst(struct __sk_buff *skb)
{
	__u64 end = bpf_ktime_get_ns() + burst_packet_ns;
	struct packet p;
	__u32 i;

	if (!load_packet(skb, &p))
		return 0;
	/* A plain loop: bpf_loop() needs Linux 5.17. */
	for (i = 0; i < BURN_ROUNDS && bpf_ktime_get_ns() < end; i++)
		;
	return p.bell ? -1 : 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(ksoftirqd_woken, struct task_struct *p)
{
	/* A wake that finds it running only keeps it from going to sleep. */
	if (p->pid != ksoftirqd_tid || ksoftirqd_runs)
		return 0;
	*(volatile __u32 *)&ksoftirqd_waits = 1;
	observe(SEEN_WOKEN, 0);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(ksoftirqd_in, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	if (prev->pid == ksoftirqd_tid)
		ksoftirqd_runs = 0;
	if (next->pid != ksoftirqd_tid)
		return 0;
	ksoftirqd_runs = 1;
	*(volatile __u32 *)&ksoftirqd_waits = 0;
	observe(SEEN_SWITCHED_IN, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
