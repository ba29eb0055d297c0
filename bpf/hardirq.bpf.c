// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Hard interrupts that run long. A late tick alone cannot tell a handler that hogged the CPU from
 * a task with interrupts off: both end with the tick on an innocent-looking instruction. These
 * times can.
 */
#include "emit.bpf.h"
#include "rungs.bpf.h"

const volatile __u64 stall_ns = 5000000;

static __always_inline void irq_begin(void)
{
	struct sp_cpu *c = this_cpu();

	if (!c)
		return;
	c->irq_entered = bpf_ktime_get_ns();
	c->timer_worst = 0;
}

/* Each one proves that interrupts were on: the sampler goes by that where it lost its own ticks. */
static __always_inline void timer_irq_begin(void)
{
	struct sp_cpu *c = this_cpu();

	irq_begin();
	if (!c)
		return;
	c->timer_irq_before = c->timer_irq;
	c->timer_irq = c->irq_entered;
}

/* `name` of vectors that are known by nothing else, `len` with its NUL; else NULL. */
static __always_inline void irq_ended(__u32 kind, __u32 irq, struct irqaction *action,
				      const char *name, __u32 len)
{
	struct sp_cpu *c = this_cpu();
	struct sp_hardirq e = {};
	__u64 now, run;

	if (!c || !c->irq_entered)
		return;
	now = bpf_ktime_get_ns();
	run = now - c->irq_entered;
	c->irq_entered = 0;
	c->hardirqs += run;
	if (run < stall_ns)
		return;
	c->long_irqs += run;
	if (!within_rate(SP_P_HARDIRQ, now))
		return;
	fill_head(&e.head, SP_HARDIRQ, now);
	e.run = run;
	e.irq_kind = kind;
	e.irq = irq;
	if (action) {
		e.handler = (__u64)BPF_CORE_READ(action, handler);
		bpf_probe_read_kernel_str(e.name, sizeof(e.name), BPF_CORE_READ(action, name));
	} else if (kind == SP_IRQ_TIMER && c->timer_worst >= run / 2) {
		e.handler = c->timer_worst_func;
	} else if (name) {
		__builtin_memcpy(e.name, name, len);
	}
	emit(SP_P_HARDIRQ, &e, sizeof(e), BPF_RB_FORCE_WAKEUP);
}

static __always_inline void irq_end(__u32 kind, __u32 irq, struct irqaction *action)
{
	irq_ended(kind, irq, action, NULL, 0);
}

/*
 * Which timer function took the time. Many that expire together may take long, none of them by
 * itself.
 */
static __always_inline void timer_begin(__u64 function)
{
	struct sp_cpu *c = this_cpu();

	if (!c)
		return;
	c->timer_entered = bpf_ktime_get_ns();
	c->timer_func = function;
}

static __always_inline void timer_end(void)
{
	struct sp_cpu *c = this_cpu();
	__u64 ran;

	if (!c || !c->timer_entered)
		return;
	ran = bpf_ktime_get_ns() - c->timer_entered;
	c->timer_entered = 0;
	if (ran > c->timer_worst) {
		c->timer_worst = ran;
		c->timer_worst_func = c->timer_func;
	}
}

ON_RAW_TRACEPOINT(irq_handler_entry, irq_begin())
ON_RAW_TRACEPOINT(irq_handler_exit, irq_end(SP_IRQ_DEVICE, irq, action), int irq,
		  struct irqaction *action)
ON_RAW_TRACEPOINT(hrtimer_expire_entry, timer_begin((__u64)ARG_READ(timer, function)),
		  struct hrtimer *timer)
ON_RAW_TRACEPOINT(hrtimer_expire_exit, timer_end())
ON_TRACEPOINT(irq, irq_handler_entry, trace_event_raw_irq_handler_entry, irq_begin())
/* The record has no action: its handler stays unknown. */
ON_TRACEPOINT(irq, irq_handler_exit, trace_event_raw_irq_handler_exit,
	      irq_end(SP_IRQ_DEVICE, ctx->irq, NULL))
ON_TRACEPOINT(timer, hrtimer_expire_entry, trace_event_raw_hrtimer_expire_entry,
	      timer_begin((__u64)ctx->function))
ON_TRACEPOINT(timer, hrtimer_expire_exit, trace_event_raw_hrtimer_class, timer_end())

/* Interrupts without an action (arch/x86/include/asm/trace/irq_vectors.h). */
#define VECTOR(name, begin, kind)                                                                  \
	ON_RAW_TRACEPOINT(name##_entry, begin())                                                   \
	ON_RAW_TRACEPOINT(name##_exit, irq_end(kind, vector, NULL), int vector)                    \
	ON_TRACEPOINT(irq_vectors, name##_entry, trace_event_raw_x86_irq_vector, begin())          \
	ON_TRACEPOINT(irq_vectors, name##_exit, trace_event_raw_x86_irq_vector,                    \
		      irq_end(kind, ctx->vector, NULL))

VECTOR(local_timer, timer_irq_begin, SP_IRQ_TIMER)
VECTOR(irq_work, irq_begin, SP_IRQ_WORK)
VECTOR(call_function, irq_begin,
       SP_IRQ_CALL) /* what other CPUs ask this one to run (kernel/smp.c) */
VECTOR(call_function_single, irq_begin, SP_IRQ_CALL)

/*
 * The other vectors of that file, as far as their handlers do something: a reschedule does next to
 * nothing, and comes so often that to time it would be dear.
 */
#define SYSTEM_VECTOR(name)                                                                        \
	ON_RAW_TRACEPOINT(name##_entry, irq_begin())                                               \
	ON_RAW_TRACEPOINT(                                                                         \
	    name##_exit, irq_ended(SP_IRQ_SYSTEM, vector, NULL, #name, sizeof(#name)), int vector) \
	ON_TRACEPOINT(irq_vectors, name##_entry, trace_event_raw_x86_irq_vector, irq_begin())      \
	ON_TRACEPOINT(irq_vectors, name##_exit, trace_event_raw_x86_irq_vector,                    \
		      irq_ended(SP_IRQ_SYSTEM, ctx->vector, NULL, #name, sizeof(#name)))

SYSTEM_VECTOR(x86_platform_ipi)
SYSTEM_VECTOR(thermal_apic)
SYSTEM_VECTOR(threshold_apic)
SYSTEM_VECTOR(deferred_error_apic)

/* Without tracepoints: the functions that do the work of these interrupts. */
ON_FUNCTION(__handle_irq_event_percpu, irq_begin())
ON_RETURN(__handle_irq_event_percpu, irq_end(SP_IRQ_DEVICE, 0, NULL))
ON_FUNCTION(hrtimer_interrupt, timer_irq_begin())
ON_RETURN(hrtimer_interrupt, irq_end(SP_IRQ_TIMER, 0, NULL))
ON_FUNCTION(irq_work_run, irq_begin())
ON_RETURN(irq_work_run, irq_end(SP_IRQ_WORK, 0, NULL))
ON_FUNCTION(generic_smp_call_function_single_interrupt, irq_begin())
ON_RETURN(generic_smp_call_function_single_interrupt, irq_end(SP_IRQ_CALL, 0, NULL))

char LICENSE[] SEC("license") = "Dual MIT/GPL";
