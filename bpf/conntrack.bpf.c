// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Connections whose first packet netfilter drops, and the SYNs that are sent again. kfree_skb can
 * be hot: all but drops by netfilter leave after a comparison of addresses.
 *
 * A lost race for a port and a rule that says DROP end in the same line of nf_hook_slow(). What
 * tells them apart is how far the packet had come: confirming is the last hook of POSTROUTING and
 * INPUT, choosing a source port the last but one, and rules that filter stand before both.
 */
#include "flow.bpf.h"
#include "rungs.bpf.h"
#include "syn.bpf.h"

#define SP_DROPPERS 2

/* Where the functions lie that drop what a hook refuses; user space reads /proc/kallsyms. */
const volatile __u64 dropper[SP_DROPPERS] = {};
const volatile __u64 dropper_len[SP_DROPPERS] = {};

#define IPS_CONFIRMED	 (1 << 3)
#define IPS_SRC_NAT_DONE (1 << 7) /* include/uapi/linux/netfilter/nf_conntrack_common.h */
#define NFCT_PTRMASK	 (~7UL)
#define TCP_SYN_SENT	 2

/* Drops that a rule may have made are samples: records of them a second and CPU. */
#define SP_SAMPLES 100

struct sampling {
	__u64 window;
	__u64 sent;
	__u64 held_back;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sampling);
} samples SEC(".maps");

/* Packets dropped so far, for whatever reason. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} passed SEC(".maps");

#define HAS_REASON bpf_core_type_exists(enum skb_drop_reason___sp)

static __always_inline bool by_netfilter(__u64 location)
{
	__u32 zero = 0;
	__u64 *n = bpf_map_lookup_elem(&passed, &zero);

	if (n)
		(*n)++;
	for (int i = 0; i < SP_DROPPERS; i++) {
		if (location - dropper[i] < dropper_len[i])
			return true;
	}
	return false;
}

/* Whether this one is recorded; how many were not since the last that was. */
static __always_inline bool sampled(__u64 now, __u64 *held_back)
{
	__u32 zero = 0;
	struct sampling *s = bpf_map_lookup_elem(&samples, &zero);

	if (!s)
		return false;
	if (now - s->window > 1000000000ULL) {
		s->window = now;
		s->sent = 0;
	}
	if (s->sent >= SP_SAMPLES) {
		s->held_back++;
		return false;
	}
	s->sent++;
	*held_back = s->held_back;
	s->held_back = 0;
	return true;
}

static __always_inline void send_drop(void *ctx, struct sk_buff *skb, struct nf_conn *ct,
				      __u64 location, __u32 reason, __u32 status, __u64 held_back,
				      __u64 now)
{
	struct sp_ct_drop *e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0);
	struct sock *sk = BPF_CORE_READ(skb, sk);
	struct net *net = NULL;
	struct sp_loss *loss;
	long len;

	if (!e) {
		loss = loss_of(SP_P_CONNTRACK);
		if (loss)
			loss->ring_full++;
		return;
	}
	__builtin_memset(e, 0, sizeof(*e) - sizeof(e->stack));
	fill_head(&e->head, SP_CT_DROP, now);
	fill_task(&e->task, (void *)bpf_get_current_task());
	if (ct) {
		from_tuple(&e->sent, &ct->tuplehash[0].tuple);
		from_tuple(&e->reply, &ct->tuplehash[1].tuple);
		net = BPF_CORE_READ(ct, ct_net.net);
	} else {
		from_packet(&e->sent, skb);
		/* A packet on its way out has no device yet. */
		if (BPF_CORE_READ(skb, dev))
			net = BPF_CORE_READ(skb, dev, nd_net.net);
		else if (sk)
			net = BPF_CORE_READ(sk, __sk_common.skc_net.net);
	}
	e->netns = BPF_CORE_READ(net, ns.inum);
	e->own_socket = sk && BPF_CORE_READ(sk, __sk_common.skc_net.net) == net;
	e->location = location;
	e->reason = reason;
	e->status = status;
	e->tracked = ct != NULL;
	e->held_back = held_back;
	len = bpf_get_stack(ctx, e->stack, sizeof(e->stack), 0);
	e->kernel_len = len > 0 ? len : 0;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
}

static __always_inline void dropped(void *ctx, struct sk_buff *skb, __u64 location, __u32 reason)
{
	__u64 held_back = 0, now;
	struct nf_conn *ct = NULL;
	__u32 status = 0;

	/* Types of a module: its absence, or that of the field, means that nothing is tracked. */
	if (bpf_core_field_exists(skb->_nfct) && bpf_core_type_exists(struct nf_conn))
		ct = (void *)(BPF_CORE_READ(skb, _nfct) & NFCT_PTRMASK);
	if (ct)
		status = BPF_CORE_READ(ct, status);
	/* A packet of a known connection: a rule dropped it. */
	if (status & IPS_CONFIRMED)
		return;
	now = bpf_ktime_get_ns();
	if (status & IPS_SRC_NAT_DONE ? within_rate(SP_P_CONNTRACK, now) : sampled(now, &held_back))
		send_drop(ctx, skb, ct, location, reason, status, held_back, now);
}

#define IF(condition, call)                                                                        \
	do {                                                                                       \
		if (condition)                                                                     \
			call;                                                                      \
	} while (0)

/* A further argument came with c53795d48ee8 ("net: add rx_sk to trace_kfree_skb", 6.11). */
ON_RAW_TRACEPOINT(kfree_skb,
		  IF(by_netfilter((__u64)location),
		     dropped(ctx, skb, (__u64)location, HAS_REASON ? ctx[2] : 0)),
		  struct sk_buff *skb, void *location)
ON_RAW_TRACEPOINT(tcp_retransmit_skb,
		  IF(ARG_READ(sk, __sk_common.skc_state) == TCP_SYN_SENT, sent_again(sk)),
		  struct sock *sk)
ON_RAW_TRACEPOINT(inet_sock_set_state, IF(newstate == TCP_SYN_SENT, connects(sk)), struct sock *sk,
		  int oldstate, int newstate)

ON_TRACEPOINT(skb, kfree_skb, trace_event_raw_kfree_skb,
	      IF(by_netfilter((__u64)ctx->location),
		 dropped(ctx, ctx->skbaddr, (__u64)ctx->location, HAS_REASON ? ctx->reason : 0)))
ON_TRACEPOINT(tcp, tcp_retransmit_skb, trace_event_raw_tcp_retransmit_skb,
	      IF(ctx->state == TCP_SYN_SENT, sent_again((void *)ctx->skaddr)))
ON_TRACEPOINT(sock, inet_sock_set_state, trace_event_raw_inet_sock_set_state,
	      IF(ctx->newstate == TCP_SYN_SENT, connects((void *)ctx->skaddr)))

char LICENSE[] SEC("license") = "Dual MIT/GPL";
