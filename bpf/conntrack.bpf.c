// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Connections whose first packet netfilter drops, and the SYNs that are sent again. kfree_skb can
 * be hot: all but drops by netfilter leave after a comparison of addresses.
 *
 * A lost race for a port and a rule that says DROP end in the same line of nf_hook_slow(). What
 * tells them apart is how far the packet had come: confirming is the last hook of POSTROUTING and
 * INPUT, choosing a source port the last but one, and rules that filter stand before both.
 */
#include "emit.bpf.h"
#include "packet.bpf.h"
#include "rungs.bpf.h"
#include "task.bpf.h"
#include <bpf/bpf_endian.h>

#define SP_DROPPERS 2

/* Where the functions lie that drop what a hook refuses; user space reads /proc/kallsyms. */
const volatile __u64 dropper[SP_DROPPERS] = {};
const volatile __u64 dropper_len[SP_DROPPERS] = {};

#define IPS_CONFIRMED	 (1 << 3)
#define IPS_SRC_NAT_DONE (1 << 7) /* include/uapi/linux/netfilter/nf_conntrack_common.h */
#define NFCT_PTRMASK	 (~7UL)
#define TCP_SYN_SENT	 2
#define AF_INET		 2
#define AF_INET6	 10
#define ICMP		 1
#define TCP		 6
#define UDP		 17
#define ICMPV6		 58

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

/* Who called connect(), by the socket: a SYN is sent again by a timer. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct sp_task);
} connecting SEC(".maps");

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

static __always_inline void from_tuple(struct sp_flow *out, struct nf_conntrack_tuple *t)
{
	__u16 target = BPF_CORE_READ(t, dst.u.all);

	out->family = BPF_CORE_READ(t, src.l3num);
	out->protocol = BPF_CORE_READ(t, dst.protonum);
	BPF_CORE_READ_INTO(&out->source, t, src.u3.all);
	BPF_CORE_READ_INTO(&out->target, t, dst.u3.all);
	out->source_port = bpf_ntohs(BPF_CORE_READ(t, src.u.all));
	/* Of ICMP it is the type, then the code (union nf_conntrack_proto). */
	if (out->protocol == ICMP || out->protocol == ICMPV6)
		out->target_port = target & 0xff;
	else
		out->target_port = bpf_ntohs(target);
}

/* What stands in the packet. Behind extension headers of IPv6 ports are not looked for. */
static __always_inline void from_packet(struct sp_flow *out, struct sk_buff *skb)
{
	unsigned char *at = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, network_header);
	__u8 ip[40] = {}, l4[6] = {};
	__u32 len;

	bpf_probe_read_kernel(ip, 20, at);
	if (ip[0] >> 4 == 4) {
		out->family = AF_INET;
		out->protocol = ip[9];
		__builtin_memcpy(out->source, ip + 12, 4);
		__builtin_memcpy(out->target, ip + 16, 4);
		len = (ip[0] & 15) * 4;
		/* A fragment that is not the first has no ports. */
		if ((ip[6] & 0x1f) | ip[7])
			return;
	} else if (ip[0] >> 4 == 6) {
		bpf_probe_read_kernel(ip, 40, at);
		out->family = AF_INET6;
		out->protocol = ip[6];
		__builtin_memcpy(out->source, ip + 8, 16);
		__builtin_memcpy(out->target, ip + 24, 16);
		len = 40;
	} else {
		return;
	}
	bpf_probe_read_kernel(l4, sizeof(l4), at + len);
	if (out->protocol == TCP || out->protocol == UDP) {
		out->source_port = l4[0] << 8 | l4[1];
		out->target_port = l4[2] << 8 | l4[3];
	} else if (out->protocol == ICMP || out->protocol == ICMPV6) {
		out->source_port = l4[4] << 8 | l4[5];
		out->target_port = l4[0];
	}
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

static __always_inline void sent_again(struct sock *sk)
{
	__u64 key = (__u64)sk, now = bpf_ktime_get_ns();
	struct sp_syn_again e = {};
	struct sp_task *who;

	if (!within_rate(SP_P_CONNTRACK, now))
		return;
	fill_head(&e.head, SP_SYN_AGAIN, now);
	who = bpf_map_lookup_elem(&connecting, &key);
	if (who)
		e.task = *who;
	e.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	e.sent.family = BPF_CORE_READ(sk, __sk_common.skc_family);
	e.sent.protocol = TCP;
	e.sent.source_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	e.sent.target_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (e.sent.family == AF_INET6 && bpf_core_field_exists(sk->__sk_common.skc_v6_daddr)) {
		BPF_CORE_READ_INTO(&e.sent.source, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
		BPF_CORE_READ_INTO(&e.sent.target, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
	} else {
		bpf_core_read(&e.sent.source, 4, &sk->__sk_common.skc_rcv_saddr);
		bpf_core_read(&e.sent.target, 4, &sk->__sk_common.skc_daddr);
	}
	emit(SP_P_CONNTRACK, &e, sizeof(e), BPF_RB_NO_WAKEUP);
}

static __always_inline void connects(struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct sp_task task = {};

	fill_task(&task, (void *)bpf_get_current_task());
	bpf_map_update_elem(&connecting, &key, &task, BPF_ANY);
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
