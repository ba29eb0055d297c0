// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Where packets come in: network namespace and device, rx queue, CPU; what they are, and how many
 * flows. Counted where the kernel counts softnet_stat, on the CPU that RPS chose, on all CPUs.
 *
 * This runs for every packet, so most pass with a count: where they come faster than
 * SP_RX_FAST says, each is examined with a chance of one in `weight` and stands for as many.
 */
#include "packet.bpf.h"
#include "rungs.bpf.h"
#include "wire_net.h"

const volatile __u32 weight = 16;
const volatile __u32 chance = 0xffffffffU / 16; /* 2^32 / weight */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sp_rx_cpu);
} rx_cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SP_RX_ROWS);
	__type(key, struct sp_rx_key);
	__type(value, struct sp_rx_row);
} rx_rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SP_RX_FLOWS);
	__type(key, struct sp_rx_flow);
	__type(value, __u64); /* packets by weight */
} rx_flows SEC(".maps");

/* What is too large for the stack. */
struct scratch {
	struct sp_rx_row blank;
	struct sp_rx_flow flow;
	__u8 header[44]; /* IPv6 and ports */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

/* Puts addresses, protocol and ports of the header into the flow. Returns its place in protos. */
static __always_inline __u32 dissect(struct scratch *s, struct sk_buff *skb, const bool typed)
{
	struct sp_rx_flow *f = &s->flow;
	__u64 *words = (__u64 *)s->header;
	__be16 ethertype = ARG_READ(skb, protocol);
	__u32 linear = ARG_READ(skb, len) - ARG_READ(skb, data_len);
	void *data = ARG_READ(skb, data);
	__u32 place, ports, version = 0;

	__builtin_memset(&f->source, 0, sizeof(*f) - sizeof(f->at));
	if (linear < 20 || (ethertype != SP_ETH_IP && ethertype != SP_ETH_IPV6))
		return SP_RX_NOT_IP;
	linear = bounded(linear, sizeof(s->header));
	if (bpf_probe_read_kernel(s->header, linear, data))
		return SP_RX_NOT_IP;
	if (ethertype == SP_ETH_IP) {
		f->family = 4;
		f->proto = s->header[9];
		f->source[0] = *(__u32 *)&s->header[12];
		f->destination[0] = *(__u32 *)&s->header[16];
		ports = (s->header[0] & 15) * 4;
		/* Fragments after the first have no ports, and are hashed without. */
		if ((s->header[6] & 0x1f) || s->header[7])
			return SP_RX_IP;
	} else {
		if (linear < 40)
			return SP_RX_NOT_IP;
		version = SP_RX_V6;
		f->family = 6;
		f->proto = s->header[6];
		f->source[0] = words[1];
		f->source[1] = words[2];
		f->destination[0] = words[3];
		f->destination[1] = words[4];
		ports = 40;
	}
	place = f->proto == 6 ? SP_RX_TCP : f->proto == 17 ? SP_RX_UDP : SP_RX_IP;
	if (f->proto == (version ? 58 : 1))
		place = SP_RX_ICMP;
	if ((place == SP_RX_TCP || place == SP_RX_UDP) && ports + 4 <= linear &&
	    !bpf_probe_read_kernel(words, 4, data + ports)) {
		f->source_port = ((__u16 *)words)[0];
		f->destination_port = ((__u16 *)words)[1];
	}
	return version + place;
}

/* Which of the bits a flow sets: it must not matter where it comes in. */
static __always_inline __u32 flow_bit(const struct sp_rx_flow *f)
{
	const __u64 words[] = {f->source[0], f->source[1], f->destination[0], f->destination[1],
			       (__u64)f->source_port << 32 | (__u64)f->destination_port << 16 |
				   f->proto};
	__u64 hash = 0;

#pragma unroll
	for (int i = 0; i < 5; i++) {
		hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 32;
	}
	/* All bits of a factor reach the highest ones of a product. */
	return (hash * 0x9e3779b97f4a7c15ULL) >> (64 - SP_RX_FLOW_BITS);
}

/* The row of this place, made if it is new; NULL if there are too many. */
static __always_inline struct sp_rx_row *row_of(struct scratch *s, struct net_device *dev,
						const bool typed)
{
	struct sp_rx_row *row = bpf_map_lookup_elem(&rx_rows, &s->flow.at);
	const struct rtnl_link_ops *ops;

	if (row)
		return row;
	s->blank.rx_queues = ARG_READ(dev, real_num_rx_queues);
	bpf_probe_read_kernel_str(s->blank.name, sizeof(s->blank.name), dev->name);
	ops = ARG_READ(dev, rtnl_link_ops);
	s->blank.kind[0] = 0;
	if (ops)
		bpf_probe_read_kernel_str(s->blank.kind, sizeof(s->blank.kind),
					  BPF_CORE_READ(ops, kind));
	bpf_map_update_elem(&rx_rows, &s->flow.at, &s->blank, BPF_NOEXIST);
	return bpf_map_lookup_elem(&rx_rows, &s->flow.at);
}

static __always_inline void examine(struct sp_rx_cpu *c, struct sk_buff *skb, __u64 stands_for,
				    const bool typed)
{
	struct net_device *dev = ARG_READ(skb, dev);
	struct skb_shared_info *shared;
	struct sp_rx_row *row;
	struct scratch *s;
	struct net *net;
	__u32 zero = 0, place, bit, segments;
	__u64 *count;

	s = bpf_map_lookup_elem(&scratch, &zero);
	if (!s || !dev)
		return;
	net = ARG_READ(dev, nd_net.net);
	s->flow.at.netns = net ? ARG_READ(net, ns.inum) : 0;
	s->flow.at.ifindex = ARG_READ(dev, ifindex);
	s->flow.at.mapping = ARG_READ(skb, queue_mapping);
	s->flow.at.cpu = bpf_get_smp_processor_id();
	row = row_of(s, dev, typed);
	if (!row) {
		c->other += stands_for;
		return;
	}
	place = dissect(s, skb, typed);
	shared = (void *)(ARG_READ(skb, head) + ARG_READ(skb, end));
	segments = BPF_CORE_READ(shared, gso_segs);
	row->packets += stands_for;
	row->segments += stands_for * (segments ?: 1);
	row->bytes += stands_for * ARG_READ(skb, len);
	row->examined++;
	if (place < SP_RX_PROTOS)
		row->protos[place] += stands_for;
	if (place == SP_RX_NOT_IP)
		return;
	bit = flow_bit(&s->flow);
	row->flows[bit >> 6 & (SP_RX_FLOW_WORDS - 1)] |= 1ULL << (bit & 63);
	count = bpf_map_lookup_elem(&rx_flows, &s->flow);
	if (count)
		*count += stands_for;
	else
		bpf_map_update_elem(&rx_flows, &s->flow, &stands_for, BPF_ANY);
}

static __always_inline void on_packet(struct sk_buff *skb, const bool typed)
{
	__u32 zero = 0;
	struct sp_rx_cpu *c = bpf_map_lookup_elem(&rx_cpus, &zero);
	__u64 now;

	if (!c)
		return;
	if (!(c->seen++ % SP_RX_WINDOW)) {
		now = bpf_ktime_get_ns();
		c->sparse = now - c->window < SP_RX_FAST;
		c->window = now;
		c->random ^= now; /* no two recordings draw alike */
	}
	if (!c->sparse) {
		examine(c, skb, 1, typed);
		return;
	}
	/* A linear congruential generator; its high bits are random enough, and it is cheap. */
	c->random = c->random * 1664525 + 1013904223;
	if (c->random <= chance)
		examine(c, skb, weight, typed);
}

ON_RAW_TRACEPOINT(netif_receive_skb, on_packet(skb, typed), struct sk_buff *skb)
ON_TRACEPOINT(net, netif_receive_skb, trace_event_raw_net_dev_template,
	      on_packet(ctx->skbaddr, typed))

char LICENSE[] SEC("license") = "Dual MIT/GPL";
