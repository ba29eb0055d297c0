/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* The kernel types of packets and their devices, as far as we read them; see kernel.bpf.h. */
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

struct sk_buff {
	struct net_device *dev;
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

struct trace_event_raw_net_dev_template {
	void *skbaddr;
};

#pragma clang attribute pop

/* Ethertypes in network byte order (include/uapi/linux/if_ether.h). */
#define SP_ETH_IP   0x0008
#define SP_ETH_IPV6 0xdd86

#endif
