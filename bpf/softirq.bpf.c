// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Softirq delay: oldest softirq_raise to softirq_entry, per CPU and vector; runs on idle CPUs past
 * the threshold, and on request all run times. raise and entry are the hottest path of the tool:
 * one map lookup each, no loop, no record below the threshold, in bursts no second clock.
 */
#include "emit.bpf.h"
#include "handoff.bpf.h"
#include "rungs.bpf.h"
#include "runs.bpf.h"
#include "waits.bpf.h"

const volatile __u32 idle_seen = 0; /* on_idle() is attached */

struct delay_record {
	struct sp_delay e;
	__u64 stack[SP_ENTRY];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct delay_record);
} scratch SEC(".maps");

static __noinline int send_delay(void *ctx, __u32 vec, __u64 delay, __u64 now)
{
	__u32 zero = 0;
	struct delay_record *r = bpf_map_lookup_elem(&scratch, &zero);
	long n;

	if (!r || !within_rate(SP_P_SOFTIRQ, now))
		return 0;
	fill_head(&r->e.head, SP_DELAY, now);
	fill_task(&r->e.task, (void *)bpf_get_current_task());
	r->e.delay = delay;
	r->e.vector = vec;
	n = bpf_get_stack(ctx, r->stack, sizeof(r->stack), 0);
	n = n > 0 ? bounded(n, sizeof(r->stack)) : 0;
	r->e.kernel_len = n;
	emit(SP_P_SOFTIRQ, r, sizeof(r->e) + bounded(n, sizeof(r->stack)), BPF_RB_FORCE_WAKEUP);
	return 0;
}

/* The oldest raise counts: one that finds the vector pending changes nothing. */
static __always_inline void on_raise(__u32 vec)
{
	struct sp_cpu *c = this_cpu();

	if (!c || vec >= SP_VECTORS)
		return;
	vec = bounded(vec, SP_VECTORS - 1);
	if (c->raised[vec]) {
		if (waits_since(c, vec))
			return;
		count_unseen(SP_P_SOFTIRQ);
	}
	c->raised_in[vec] = c->batches;
	c->raised[vec] = bpf_ktime_get_ns();
}

/* When the softirq that is entered was raised; 0: not known. */
static __always_inline __u64 take_raise(struct sp_cpu *c, __u32 vec)
{
	__u64 raised;

	if (vec <= c->entered_vector)
		c->batches++;
	raised = waits_since(c, vec);
	if (!raised && c->raised[vec])
		count_unseen(SP_P_SOFTIRQ);
	c->raised[vec] = 0;
	return raised;
}

/* Other than before once this CPU has taken a timer interrupt: none of the three goes back. */
static __always_inline __u64 tick_mark(struct sp_cpu *c)
{
	return bpf_jiffies64() + c->last_tick + c->timer_irq;
}

/*
 * Whether a softirq raised at `raised` is one of so many since the last tick that its delay need
 * not be measured: the clock is what costs most here. No tick since its raise means that it is no
 * stall. On an idle CPU ticks rest. A run that began there is told by the first one after it.
 */
static __always_inline bool in_burst(struct sp_cpu *c, __u64 raised)
{
	return !all_runs && c->burst >= SP_BURST && raised >= c->burst_began && c->ticks_on &&
	       c->busy_since && !c->entered_idle && !c->wait.woken && c->burst_mark == tick_mark(c);
}

static __always_inline void on_entry(void *ctx, __u32 vec)
{
	struct sp_cpu *c = this_cpu();
	__u64 now, raised, delay, b, mark;
	__u32 weight = 1, stride;

	if (!c || vec >= SP_VECTORS)
		return;
	vec = bounded(vec, SP_VECTORS - 1);
	raised = take_raise(c, vec);
	c->burst++;
	if (in_burst(c, raised)) {
		/* By vector: of two that come by turns neither must be passed over for ever. */
		stride = c->stride[vec];
		if (stride - 1 < SP_BURST_SHARE - 1) {
			c->stride[vec] = stride + 1;
			c->entered = raised;
			c->entered_vector = vec;
			return;
		}
		if (stride)
			weight = stride;
		c->stride[vec] = 1;
	}
	now = bpf_ktime_get_ns();
	if (c->entered_idle)
		end_idle_run(c, now);
	mark = tick_mark(c);
	if (c->burst_mark != mark) {
		c->burst_mark = mark;
		c->burst_began = now;
		c->burst = 0;
	}
	c->entered = now;
	c->entered_long_irqs = c->long_irqs;
	c->entered_vector = vec;
	/* Thread 0 is the idle task. */
	c->entered_idle =
	    idle_seen && c->sched_on && !c->polling && !(__u32)bpf_get_current_pid_tgid();
	if (c->wait.woken)
		handoff_softirq_entered(c, now);
	if (!raised) /* raised before we came: its length is not known */
		return;
	delay = now - raised;
	b = bounded(vec * SP_HIST_SIZE + hist_bucket(delay), SP_VECTORS * SP_HIST_SIZE - 1);
	c->delay[b] += weight;
	if (delay >= stall_ns)
		send_delay(ctx, vec, delay, now);
	else
		c->measured[vec] = b;
}

ON_RAW_TRACEPOINT(softirq_raise, on_raise(vec), unsigned int vec)
ON_RAW_TRACEPOINT(softirq_entry, on_entry(ctx, vec), unsigned int vec)
ON_RAW_TRACEPOINT(softirq_exit, on_exit(vec), unsigned int vec)
ON_RAW_TRACEPOINT(cpu_idle, on_idle(state), unsigned int state)
ON_TRACEPOINT(irq, softirq_raise, trace_event_raw_softirq, on_raise(ctx->vec))
ON_TRACEPOINT(irq, softirq_entry, trace_event_raw_softirq, on_entry(ctx, ctx->vec))
ON_TRACEPOINT(irq, softirq_exit, trace_event_raw_softirq, on_exit(ctx->vec))
ON_TRACEPOINT(power, cpu_idle, trace_event_raw_cpu, on_idle(ctx->state))

/*
 * Without tracepoints: the functions that raise (kernel/softirq.c; one of them is declared inline
 * and therefore not traced, so that raises of devices and tasklets can be missed; packets from
 * other CPUs come by net/core/dev.c), and the action of each vector in place of its entry and exit.
 */
ON_FUNCTION(raise_softirq, on_raise(nr), unsigned int nr)
ON_FUNCTION(raise_softirq_irqoff, on_raise(nr), unsigned int nr)
ON_FUNCTION(__raise_softirq_irqoff, on_raise(nr), unsigned int nr)
ON_FUNCTION(rps_trigger_softirq, on_raise(3))

#define ACTION(vec, function)                                                                      \
	ON_FUNCTION(function, on_entry(ctx, vec))                                                  \
	ON_RETURN(function, on_exit(vec))

ACTION(0, tasklet_hi_action)
ACTION(1, run_timer_softirq)
ACTION(2, net_tx_action)
ACTION(3, net_rx_action)
ACTION(4, blk_done_softirq)
ACTION(5, irq_poll_softirq)
ACTION(6, tasklet_action)
ACTION(7, run_rebalance_domains) /* up to 6.9 */
ACTION(7, sched_balance_softirq) /* 70a27d6d1b19 ("sched/balancing: Rename ...", 6.10) */
ACTION(8, hrtimer_run_softirq)
ACTION(9, rcu_core_si)

char LICENSE[] SEC("license") = "Dual MIT/GPL";
