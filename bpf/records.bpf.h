/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* Records of tracepoints, by the names that TRACE_EVENT() makes; see kernel.bpf.h. */
#ifndef RECORDS_BPF_H
#define RECORDS_BPF_H

#include "kernel.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct trace_event_raw_softirq {
	unsigned int vec;
};

struct trace_event_raw_cpu {
	__u32 state;
};

struct trace_event_raw_irq_handler_entry {
	int irq;
};

struct trace_event_raw_irq_handler_exit {
	int irq;
};

struct trace_event_raw_x86_irq_vector {
	int vector;
};

struct trace_event_raw_hrtimer_expire_entry {
	void *function;
};

struct trace_event_raw_hrtimer_class {
	void *hrtimer;
};

struct trace_event_raw_sched_wakeup_template {
	int pid;
};

struct trace_event_raw_sched_switch {
	int prev_pid;
	long prev_state;
	int next_pid;
};

/* Came with the argument `reason` of kfree_skb: c504e5c2f964 ("net: skb: introduce
 * kfree_skb_reason()", 5.17). */
enum skb_drop_reason___sp {
	SKB_NOT_DROPPED_YET___sp = 0,
};

struct trace_event_raw_kfree_skb {
	void *skbaddr;
	void *location;
	enum skb_drop_reason___sp reason; /* a number is not taken for an enum */
};

struct trace_event_raw_net_dev_template {
	void *skbaddr;
};

struct trace_event_raw_tcp_retransmit_skb {
	const void *skaddr;
	int state;
};

struct trace_event_raw_inet_sock_set_state {
	const void *skaddr;
	int newstate;
};

struct trace_event_raw_sys_enter {
	long id;
};

struct trace_event_raw_sys_exit {
	long ret;
};

#pragma clang attribute pop

#endif
