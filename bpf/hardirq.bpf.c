// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Hard interrupts that run long. A late tick alone cannot tell a handler that hogged the CPU from
 * a task with interrupts off: both end with the tick on an innocent-looking instruction. These
 * times can.
 */
#include "emit.bpf.h"

const volatile __u64 stall_ns = 5000000;

static __always_inline void irq_begin(struct sp_cpu *c)
{
	c->irq_entered = bpf_ktime_get_ns();
	c->timer_worst = 0;
}

static __always_inline void irq_end(struct sp_cpu *c, __u32 kind, __u32 irq, __u64 handler,
				    const char *name)
{
	struct sp_hardirq e = {};
	__u64 now, run;

	if (!c->irq_entered)
		return;
	now = bpf_ktime_get_ns();
	run = now - c->irq_entered;
	c->irq_entered = 0;
	if (run < stall_ns || !within_rate(SP_P_HARDIRQ, now))
		return;
	fill_head(&e.head, SP_HARDIRQ, now);
	e.run = run;
	e.irq_kind = kind;
	e.irq = irq;
	e.handler = handler;
	if (name)
		bpf_probe_read_kernel_str(e.name, sizeof(e.name), name);
	emit(SP_P_HARDIRQ, &e, sizeof(e), BPF_RB_FORCE_WAKEUP);
}

SEC("tp_btf/irq_handler_entry")
int BPF_PROG(irq_handler_entry)
{
	struct sp_cpu *c = this_cpu();

	if (c)
		irq_begin(c);
	return 0;
}

SEC("tp_btf/irq_handler_exit")
int BPF_PROG(irq_handler_exit, int irq, struct irqaction *action)
{
	struct sp_cpu *c = this_cpu();

	if (c)
		irq_end(c, SP_IRQ_DEVICE, irq, (__u64)action->handler, action->name);
	return 0;
}

SEC("tp_btf/local_timer_entry")
int BPF_PROG(local_timer_entry)
{
	struct sp_cpu *c = this_cpu();

	if (c)
		irq_begin(c);
	return 0;
}

SEC("tp_btf/local_timer_exit")
int BPF_PROG(local_timer_exit, int vector)
{
	struct sp_cpu *c = this_cpu();

	if (c)
		irq_end(c, SP_IRQ_TIMER, vector, c->timer_worst ? c->timer_worst_func : 0, NULL);
	return 0;
}

/* Which timer function took the time. */
SEC("tp_btf/hrtimer_expire_entry")
int BPF_PROG(hrtimer_expire_entry, struct hrtimer *timer)
{
	struct sp_cpu *c = this_cpu();

	if (c) {
		c->timer_entered = bpf_ktime_get_ns();
		c->timer_func = (__u64)timer->function;
	}
	return 0;
}

SEC("tp_btf/hrtimer_expire_exit")
int BPF_PROG(hrtimer_expire_exit)
{
	struct sp_cpu *c = this_cpu();
	__u64 ran;

	if (!c || !c->timer_entered)
		return 0;
	ran = bpf_ktime_get_ns() - c->timer_entered;
	c->timer_entered = 0;
	if (ran > c->timer_worst) {
		c->timer_worst = ran;
		c->timer_worst_func = c->timer_func;
	}
	return 0;
}

SEC("tp_btf/irq_work_entry")
int BPF_PROG(irq_work_entry)
{
	struct sp_cpu *c = this_cpu();

	if (c)
		irq_begin(c);
	return 0;
}

SEC("tp_btf/irq_work_exit")
int BPF_PROG(irq_work_exit, int vector)
{
	struct sp_cpu *c = this_cpu();

	if (c)
		irq_end(c, SP_IRQ_WORK, vector, 0, NULL);
	return 0;
}

/* Functions that other CPUs ask this one to run (kernel/smp.c). */
SEC("tp_btf/call_function_entry")
int BPF_PROG(call_function_entry)
{
	struct sp_cpu *c = this_cpu();

	if (c)
		irq_begin(c);
	return 0;
}

SEC("tp_btf/call_function_exit")
int BPF_PROG(call_function_exit, int vector)
{
	struct sp_cpu *c = this_cpu();

	if (c)
		irq_end(c, SP_IRQ_CALL, vector, 0, NULL);
	return 0;
}

SEC("tp_btf/call_function_single_entry")
int BPF_PROG(call_function_single_entry)
{
	struct sp_cpu *c = this_cpu();

	if (c)
		irq_begin(c);
	return 0;
}

SEC("tp_btf/call_function_single_exit")
int BPF_PROG(call_function_single_exit, int vector)
{
	struct sp_cpu *c = this_cpu();

	if (c)
		irq_end(c, SP_IRQ_CALL, vector, 0, NULL);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
