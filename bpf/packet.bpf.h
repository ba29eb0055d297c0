/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* The kernel types of packets, their devices, sockets and connections, as far as we read them; see
 * kernel.bpf.h. */
#ifndef PACKET_BPF_H
#define PACKET_BPF_H

#include "kernel.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct rtnl_link_ops {
	const char *kind;
};

struct net_device {
	char name[16];
	int ifindex;
	unsigned int real_num_rx_queues;
	possible_net_t nd_net;
	const struct rtnl_link_ops *rtnl_link_ops;
};

struct in6_addr {
	union {
		__u8 u6_addr8[16];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
};

struct sk_buff {
	struct sock *sk;
	struct net_device *dev;
	unsigned long _nfct;
	__u16 network_header;
	unsigned int len;
	unsigned int data_len;
	__u16 queue_mapping;
	__be16 protocol;
	unsigned int end;
	unsigned char *head;
	unsigned char *data;
};

struct skb_shared_info {
	unsigned short gso_segs;
};

union nf_inet_addr {
	__u32 all[4];
};

struct nf_conntrack_man {
	union nf_inet_addr u3;
	union {
		__be16 all;
	} u;
	__u16 l3num;
};

struct nf_conntrack_tuple {
	struct nf_conntrack_man src;
	struct {
		union nf_inet_addr u3;
		union {
			__be16 all;
		} u;
		__u8 protonum;
	} dst;
};

struct nf_conntrack_tuple_hash {
	struct nf_conntrack_tuple tuple;
};

struct nf_conn {
	struct nf_conntrack_tuple_hash tuplehash[2];
	unsigned long status;
	possible_net_t ct_net;
};

#pragma clang attribute pop

/* Ethertypes in network byte order (include/uapi/linux/if_ether.h). */
#define SP_ETH_IP   0x0008
#define SP_ETH_IPV6 0xdd86

#endif
