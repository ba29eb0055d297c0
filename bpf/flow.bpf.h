/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* Who sends what to whom: from an entry of connection tracking, or from the packet itself. */
#ifndef FLOW_BPF_H
#define FLOW_BPF_H

#include "packet.bpf.h"
#include "wire_net.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_INET	 2
#define AF_INET6 10
#define ICMP	 1
#define TCP	 6
#define UDP	 17
#define ICMPV6	 58

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

#endif
