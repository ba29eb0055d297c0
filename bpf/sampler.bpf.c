// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/*
 * The per-CPU sampling timer (perf cpu-clock). Each tick looks at what the CPU is doing in the
 * middle of a stall: the only place where the culprit can be seen. And each tick checks its own
 * lateness: an interrupt gap shows at the first instruction after interrupts came back.
 */
#include "emit.bpf.h"
#include "gap.bpf.h"
#include "task.bpf.h"
#include "waits.bpf.h"

/* Mirrors struct bpf_perf_event_data of include/uapi/linux/bpf_perf_event.h (x86-64 registers). */
struct perf_ctx {
	__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
	__u64 ip, cs, flags, sp, ss;
	__u64 sample_period;
	__u64 addr;
};

const volatile __u64 evidence_ns = 2500000; /* look up the file once something waits this long */
const volatile __u32 profile_tgid = 0;	    /* the profile is of this process only; 0: of all */
const volatile __u64 fd_calls[8] = {};	    /* system calls whose first argument is a descriptor */

struct sample_record {
	struct sp_sample e;
	char data[SP_PATH + 256 + 2 * 8 * SP_STACK + SP_TEXTS * SP_TEXT];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sample_record);
} scratch SEC(".maps");

/*
 * Interrupts and the softirqs at their exit run on a stack of their own (arch/x86/kernel/irq_64.c):
 * the idle task on its own stack is idle indeed.
 */
static __always_inline bool on_task_stack(struct task_struct *task, __u64 sp)
{
	return sp - (__u64)BPF_CORE_READ(task, stack) < SP_THREAD_SIZE;
}

/* Whether a softirq, on top of a task or in ksoftirqd, may have been running for long. */
static __always_inline bool in_long_softirq(struct sp_cpu *c, struct task_struct *task,
					    struct perf_ctx *ctx, __u64 since_entry)
{
	return since_entry >= evidence_ns && (ctx->cs & 3) != 3 &&
	       (c->in_ksoftirqd || !on_task_stack(task, ctx->sp));
}

/* Bytes of the stack that is written to `to`. */
static __always_inline __u32 take_stack(void *ctx, void *to, __u64 flags)
{
	long n = bpf_get_stack(ctx, to, 8 * SP_STACK, flags);

	return n < 0 ? 0 : bounded(n, 8 * SP_STACK);
}

/*
 * The code up to each of the inner frames, bytes. An interrupt of a higher vector than the timer's
 * comes before it, once interrupts are on again: then not the instruction at which the tick came
 * tells who had them off, but the one below. Which that is, names tell: user space finds it.
 */
static __always_inline __u32 take_texts(struct perf_ctx *ctx, const char *stack, __u32 stack_len,
					char *to)
{
	__u64 at = ctx->ip;
	__u32 n;

	for (n = 0; n < SP_TEXTS; n++) {
		if (n && 8 * n >= stack_len)
			break;
		if (n)
			bpf_probe_read_kernel(&at, sizeof(at), stack + 8 * n);
		bpf_probe_read_kernel(to + n * SP_TEXT, SP_TEXT, (void *)(at - SP_TEXT));
	}
	return n * SP_TEXT;
}

SEC("perf_event")
int tick(struct perf_ctx *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct sp_cpu *c = this_cpu();
	__u64 now = bpf_ktime_get_ns(), last, oldest = 0, flags = BPF_RB_NO_WAKEUP, at;
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 zero = 0, pending = 0, len = 0, kernel, tid = pid_tgid, tgid = pid_tgid >> 32;
	struct sample_record *r;
	struct sp_sample *e;
	bool evidence;

	r = bpf_map_lookup_elem(&scratch, &zero);
	if (!c || !r)
		return 0;
	e = &r->e;
	last = c->last_tick;
	c->last_tick = now;

	for (int v = 0; v < SP_VECTORS; v++) {
		at = waits_since(c, v);
		if (!at)
			continue;
		pending |= 1 << v;
		if (!oldest || at < oldest)
			oldest = at;
	}
	e->pending = pending;
	e->pending_for = oldest ? now - oldest : 0;
	e->ksoftirqd_waits = c->wait.woken && !c->wait.in ? now - c->wait.woken : 0;
	e->gap = lateness(c, tid, now, last);
	e->hardirqs = c->hardirqs - c->tick_hardirqs;
	c->tick_hardirqs = c->hardirqs;
	tell_steal(c, e, steal_time(task), now, last);
	e->in_hardirq = c->irq_entered ? now - c->irq_entered : 0;
	e->since_softirq_entry = c->entered ? now - c->entered : 0;
	e->softirq_vector = c->entered_vector;

	evidence = e->pending_for >= evidence_ns || e->ksoftirqd_waits >= evidence_ns || e->gap ||
		   e->in_hardirq >= evidence_ns || e->stolen_over;
	if (!evidence && profile_tgid && tgid != profile_tgid &&
	    !in_long_softirq(c, task, ctx, e->since_softirq_entry))
		return 0;
	if (!evidence && !tid && on_task_stack(task, ctx->sp))
		return 0; /* idle is what is left of the whole */
	if (!evidence && !spare_room(SP_P_SAMPLER))
		return 0;

	fill_head(&e->head, SP_SAMPLE, now);
	fill_task(&e->task, task);
	e->user_mode = (ctx->cs & 3) == 3;
	e->call = (struct sp_call){.nr = SP_NO_SYSCALL};
	e->kernel_len = 0;
	e->user_len = 0;
	e->text_len = 0;
	if (!e->user_mode && !(e->task.flags & (PF_KTHREAD | PF_IO_WORKER)))
		len = fill_call(&e->call, task, user_regs(task), fd_calls, evidence, r->data);
	kernel = bounded(len, SP_PATH);
	if (!e->user_mode)
		len += e->kernel_len = take_stack(ctx, r->data + kernel, 0);
	if (!(e->task.flags & (PF_KTHREAD | PF_IO_WORKER)))
		len += e->user_len = take_stack(ctx, r->data + bounded(len, SP_PATH + 8 * SP_STACK),
						BPF_F_USER_STACK);
	if (e->gap && !e->user_mode)
		len += e->text_len = take_texts(ctx, r->data + kernel, e->kernel_len,
						r->data + bounded(len, SP_PATH + 2 * 8 * SP_STACK));
	/* Others come every tick of a stall: the reader's own pace is soon enough for them. */
	if (e->gap)
		flags = BPF_RB_FORCE_WAKEUP;
	emit(SP_P_SAMPLER, r, sizeof(*e) + bounded(len, sizeof(r->data)), flags);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
