/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* Packets and connections on the wire. */
#ifndef WIRE_NET_H
#define WIRE_NET_H

#include "stallprof.h"

#define SP_RX_ROWS	 1024 /* device, queue and CPU; most in one second */
#define SP_RX_FLOWS	 4096 /* likewise; the least recently used is forgotten */
#define SP_RX_FLOW_BITS	 11   /* log2 of the bits that flows set */
#define SP_RX_FLOW_WORDS (1 << (SP_RX_FLOW_BITS - 6))
#define SP_RX_WINDOW	 64	 /* packets between looks at the clock */
#define SP_RX_FAST	 6400000 /* ns: shorter windows are sampled: from 10,000 packets/s on */
#define SP_CT_STACK	 48	 /* frames that tell which hook dropped a packet, and for whom */

/* Who sends what to whom; IPv4 addresses in the first four bytes, ports in host order. */
struct sp_flow {
	__u8 source[16];
	__u8 target[16];
	__u16 source_port; /* of ICMP: the id */
	__u16 target_port; /* of ICMP: the type */
	__u8 family;	   /* AF_INET, AF_INET6; 0 unknown */
	__u8 protocol;
	__u16 pad;
};

/* A packet that netfilter dropped before its connection was known. */
struct sp_ct_drop {
	struct sp_head head;
	struct sp_task task;
	struct sp_flow sent;  /* as it came: before any translation */
	struct sp_flow reply; /* as the answer would come: after it; not without an entry */
	__u64 location;	      /* where it was dropped */
	__u64 held_back;      /* others of its kind since the last record on this CPU */
	__u32 netns;	      /* inode */
	__u32 reason;	      /* enum skb_drop_reason, 0 before 5.17 */
	__u32 status;	      /* IPS_* of its entry */
	__u32 tracked;	      /* it has an entry, not confirmed yet */
	__u32 own_socket;     /* a socket of this namespace sent it */
	__u32 kernel_len;     /* bytes */
	__u64 stack[SP_CT_STACK];
};

/* A SYN that was sent again. */
struct sp_syn_again {
	struct sp_head head;
	struct sp_task task; /* who called connect(); tid 0 unknown */
	struct sp_flow sent;
	__u32 netns; /* inode */
	__u32 pad;
};

/* Kinds of packets that are counted apart, as places of sp_rx_row.protos; + SP_RX_V6 for
 * IPv6. */
enum sp_rx_proto {
	SP_RX_TCP,
	SP_RX_UDP,
	SP_RX_ICMP,
	SP_RX_IP, /* any other inside IP, and fragments without a header */
	SP_RX_V6,
	SP_RX_NOT_IP = 2 * SP_RX_V6,
	SP_RX_PROTOS,
};

/* Where packets came in. */
struct sp_rx_key {
	__u32 netns; /* inode of the network namespace */
	__u32 ifindex;
	__u32 mapping; /* skb->queue_mapping: rx queue + 1, 0 not recorded */
	__u32 cpu;
};

/* What came in there since user space took the row away. Counts are of packets by their
 * weight. */
struct sp_rx_row {
	__u64 packets;
	__u64 segments; /* on the wire: what GRO joined is one packet */
	__u64 bytes;
	__u64 examined; /* packets looked at */
	__u64 protos[SP_RX_PROTOS];
	__u64 flows[SP_RX_FLOW_WORDS]; /* a bit is set by each flow: linear counting */
	__u32 rx_queues;	       /* of the device */
	__u32 pad;
	char kind[SP_COMM]; /* of a device without hardware: veth, tun, ... */
	char name[SP_COMM]; /* IFNAMSIZ */
};

struct sp_rx_flow {
	struct sp_rx_key at;
	__u64 source[2]; /* as on the wire; IPv4: the first four bytes */
	__u64 destination[2];
	__u16 source_port; /* as on the wire */
	__u16 destination_port;
	__u8 family; /* 4 or 6 */
	__u8 proto;  /* IPPROTO_* */
	__u16 pad;
};

#endif
