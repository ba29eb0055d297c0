// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * Softirq delay: oldest softirq_raise to softirq_entry, per CPU and vector; on request the run
 * time too. raise and entry are the hottest path of the tool: one map lookup each, no loop, no
 * record below the threshold.
 */
#include "emit.bpf.h"
#include "handoff.bpf.h"
#include "task.bpf.h"

const volatile __u64 stall_ns = 5000000;
const volatile __u32 all_runs = 0;

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
	r->e.kernel_len = n > 0 ? n : 0;
	if (r->e.kernel_len > sizeof(r->stack))
		return 0;
	emit(SP_P_SOFTIRQ, r, sizeof(r->e) + (r->e.kernel_len & (2 * sizeof(r->stack) - 1)),
	     BPF_RB_FORCE_WAKEUP);
	return 0;
}

/* The oldest raise counts: one that finds the vector pending changes nothing. */
SEC("tp_btf/softirq_raise")
int BPF_PROG(softirq_raise, unsigned int vec)
{
	struct sp_cpu *c = this_cpu();

	if (c && vec < SP_VECTORS && !c->raised[vec])
		c->raised[vec] = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/softirq_entry")
int BPF_PROG(softirq_entry, unsigned int vec)
{
	struct sp_cpu *c = this_cpu();
	__u64 now, raised, delay;
	__u32 b;

	if (!c || vec >= SP_VECTORS)
		return 0;
	now = bpf_ktime_get_ns();
	raised = c->raised[vec];
	c->raised[vec] = 0;
	c->entered = now;
	c->entered_vector = vec;
	if (c->wait.woken)
		handoff_softirq_entered(c, now);
	if (!raised) /* raised before we came: its length is not known */
		return 0;
	delay = now - raised;
	b = vec * SP_HIST_SIZE + hist_bucket(delay);
	if (b < SP_VECTORS * SP_HIST_SIZE)
		c->delay[b]++;
	if (delay >= stall_ns)
		send_delay(ctx, vec, delay, now);
	return 0;
}

/*
 * Run times: of every softirq only where asked for, since the clock is dear. Those on an idle CPU
 * always: the sampling timer rests there, and nothing else would see a handler that runs long.
 */
SEC("tp_btf/softirq_exit")
int BPF_PROG(softirq_exit, unsigned int vec)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct sp_run e = {};
	struct sp_cpu *c;
	__u64 now, run;

	if (!all_runs && task->pid)
		return 0;
	c = this_cpu();
	if (!c || vec >= SP_VECTORS || c->entered_vector != vec || !c->entered)
		return 0;
	now = bpf_ktime_get_ns();
	run = now - c->entered;
	if (all_runs)
		hist_count(SP_H_RUN + vec, run);
	if (run < stall_ns || !within_rate(SP_P_SOFTIRQ, now))
		return 0;
	fill_head(&e.head, SP_RUN, now);
	fill_task(&e.task, (void *)bpf_get_current_task());
	e.run = run;
	e.vector = vec;
	emit(SP_P_SOFTIRQ, &e, sizeof(e), BPF_RB_FORCE_WAKEUP);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
