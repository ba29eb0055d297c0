// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Where the CPU is held, one program per kind; user space loads one of them.
 *
 * tp_btf rather than plain tracepoints: those count as running in
 * bpf_prog_active for as long as they spin, and the kernel skips the
 * perf_event programs of a profiler on that CPU meanwhile.
 */
#include "spin.bpf.h"

/* The hog. Set before the first stall is armed. */
__u32 hog_tid;
const volatile __u32 hog_cpu;
/* Number of the system call in which kind "syscall" spins. */
const volatile __u64 hog_syscall;
/* When the timer of kind "irqsoff" expires, by which it is known. */
const volatile __s64 hog_timer_expires;
/* Inode of the namespace whose packets count for kinds "bh" and "softirq". */
const volatile __u32 hog_netns;

static __always_inline bool is_hog_task(void)
{
	return (__u32)bpf_get_current_pid_tgid() == hog_tid;
}

static __always_inline bool is_hog_packet(struct sk_buff *skb)
{
	return BPF_CORE_READ(skb, dev, nd_net.net, ns.inum) == hog_netns;
}

/* Preemption off: the kernel calls tracepoint programs that way. */
SEC("?tp_btf/sys_enter")
int BPF_PROG(hog_in_syscall, struct pt_regs *regs, long nr)
{
	if (nr != hog_syscall || !is_hog_task())
		return 0;
	return spin_if_armed();
}

/* Bottom halves off: __dev_queue_xmit() holds rcu_read_lock_bh(). */
SEC("?tp_btf/net_dev_queue")
int BPF_PROG(hog_in_bh, struct sk_buff *skb)
{
	if (!is_hog_task() || !is_hog_packet(skb))
		return 0;
	return spin_if_armed();
}

/* Interrupts off: the lock is taken with spin_lock_irq(). */
SEC("?tp_btf/cgroup_rstat_locked")
int BPF_PROG(hog_in_irqsoff, struct cgroup *cgrp, int cpu, bool contended)
{
	if (!is_hog_task())
		return 0;
	return spin_if_armed();
}

/*
 * Interrupts off, on kernels without that tracepoint and on PREEMPT_RT, where
 * the lock above leaves interrupts on: the lock of the CPU's timers is taken
 * with raw_spin_lock_irqsave(). Interrupts start timers, too: hence by name.
 */
SEC("?tp_btf/hrtimer_start")
int BPF_PROG(hog_in_irqsoff_timer, struct hrtimer *timer)
{
	if (!is_hog_task() || BPF_CORE_READ(timer, _softexpires) != hog_timer_expires)
		return 0;
	return spin_if_armed();
}

/* Inside the NET_RX handler: the packet came through the CPU's backlog. */
SEC("?tp_btf/netif_receive_skb")
int BPF_PROG(hog_in_softirq, struct sk_buff *skb)
{
	if (bpf_get_smp_processor_id() != hog_cpu || !is_hog_packet(skb))
		return 0;
	return spin_if_armed();
}

/* Inside the timer interrupt: cpu-clock is an hrtimer. */
SEC("?perf_event")
int hog_in_hardirq(void *ctx)
{
	if (bpf_get_smp_processor_id() != hog_cpu)
		return 0;
	return spin_if_armed();
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
