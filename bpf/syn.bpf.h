/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* SYNs that are sent again, and who called connect(). */
#ifndef SYN_BPF_H
#define SYN_BPF_H

#include "emit.bpf.h"
#include "flow.bpf.h"
#include "task.bpf.h"

/* Who called connect(), by the socket: a SYN is sent again by a timer. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct sp_task);
} connecting SEC(".maps");

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

#endif
