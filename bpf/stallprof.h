/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * The wire between BPF programs and user space: plain integers only. Here is what all records have,
 * and those of stalls; in wire_files.h and wire_net.h those of files and of packets. What programs
 * keep of a CPU is in percpu.h.
 *
 * Rust sees these types as generated from the BTF of wire.bpf.c; no type is mirrored by hand.
 * A record is a struct followed by variable data: the order and the lengths stand in the struct.
 */
#ifndef STALLPROF_H
#define STALLPROF_H

#define SP_VECTORS    10  /* NR_SOFTIRQS */
#define SP_COMM	      16  /* TASK_COMM_LEN */
#define SP_STACK      127 /* frames; PERF_MAX_STACK_DEPTH */
#define SP_ENTRY      16  /* frames that suffice to tell where a softirq was entered from */
#define SP_PATH	      512 /* bytes of a file's path */
#define SP_RUNNERS    8	  /* tasks told one by one while ksoftirqd waits */
#define SP_TEXT	      16  /* bytes of code before an interrupted instruction */
#define SP_TEXTS      12  /* frames of a stack that may have been interrupted */
#define SP_HIST_SUB   4	  /* 16 linear buckets per power of two: <= 6.25 % wide */
#define SP_HIST_SIZE  529 /* up to 2^36 ns; src/model/hist.rs BUCKETS */
#define SP_NO_SYSCALL (-1)

/* Kinds of records in the ring. */
enum sp_kind {
	SP_SAMPLE = 1,
	SP_DELAY,
	SP_RUN,
	SP_HANDOFF,
	SP_HARDIRQ,
	SP_SYSCALL,
	SP_FILE_CALL,
	SP_CT_DROP,
	SP_SYN_AGAIN,
};

/* Probes, as rows of the losses map. */
enum sp_probe {
	SP_P_SOFTIRQ,
	SP_P_KSOFTIRQD,
	SP_P_SAMPLER,
	SP_P_HARDIRQ,
	SP_P_SYSCALL,
	SP_P_MEMCG,
	SP_P_RSTAT,
	SP_P_RXPATH,
	SP_P_CT_STATS,
	SP_P_CONNTRACK,
	SP_PROBES,
};

/* Histograms of the hists map. */
enum sp_hist {
	SP_H_RUN = 0, /* + vector */
	SP_H_KSOFTIRQD_WAIT = SP_VECTORS,
	SP_HISTS,
};

struct sp_head {
	__u64 time; /* CLOCK_MONOTONIC, ns */
	__u32 cpu;
	__u32 kind; /* enum sp_kind */
};

struct sp_task {
	__u64 start;  /* task->start_boottime */
	__u64 cgroup; /* id in the default hierarchy */
	__u32 tid;
	__u32 tgid;
	__u32 flags;  /* PF_* */
	__u32 policy; /* SCHED_*, as the scheduler goes by it: see policy_of() */
	char comm[SP_COMM];
};

struct sp_call {
	__s32 nr; /* SP_NO_SYSCALL outside of one; + 65536 for the 32-bit table */
	__u16 path_len;
	__u16 deleted; /* the file has no name any more */
	__u64 args[3];
};

/* Followed by: path, kernel stack, user stack. */
struct sp_sample {
	struct sp_head head;
	struct sp_task task;
	struct sp_call call;
	__u64 pending_for;	   /* ns, oldest pending softirq */
	__u64 ksoftirqd_waits;	   /* ns, runnable without running */
	__u64 since_softirq_entry; /* ns */
	__u64 gap;		   /* ns of lateness, 0 below the threshold */
	__u64 in_hardirq;	   /* ns since this hard interrupt began, 0 unknown */
	__u64 hardirqs;		   /* ns in hard interrupts since the tick before */
	__u64 stolen;		   /* ns of steal time around the last gap */
	__u64 stolen_over;	   /* ns before this tick in which it was; 0: not told here */
	__u32 pending;		   /* mask of vectors */
	__u32 softirq_vector;
	__u32 user_mode;
	__u32 kernel_len; /* bytes */
	__u32 user_len;	  /* bytes */
	__u32 text_len;	  /* bytes, after the stacks: SP_TEXT of code up to each inner frame */
};

/* Followed by: stack at entry. */
struct sp_delay {
	struct sp_head head;
	struct sp_task task;
	__u64 delay;
	__u32 vector;
	__u32 kernel_len;
};

struct sp_run {
	struct sp_head head;
	struct sp_task task;
	__u64 run;
	__u32 vector;
	__u32 pad;
};

struct sp_runner {
	struct sp_task task; /* its policy: that of most of its time */
	__u64 ran;	     /* all its turns together */
	__u64 longest;	     /* of its turns */
	__u64 ahead;	     /* ns that its policy is ahead of others by */
	__u32 turns;
	__u32 pad;
};

struct sp_handoff {
	struct sp_head head;
	__u64 raise_to_wake;
	__u64 wake_to_in;
	__u64 in_to_entry;
	__u64 served_after;
	__u64 other_ran;
	__u32 other_runners;
	__u32 pending;
	__u32 entered;
	__u32 preempted;
	__u32 runners;
	__u32 pad;
	struct sp_runner runner[SP_RUNNERS];
};

enum sp_irq_kind {
	SP_IRQ_DEVICE,
	SP_IRQ_TIMER,
	SP_IRQ_CALL,
	SP_IRQ_WORK,
	SP_IRQ_SYSTEM,
};

struct sp_hardirq {
	struct sp_head head;
	__u64 run;
	__u64 handler; /* address: the action's handler, or the timer function that ran longest */
	__u32 irq_kind;
	__u32 irq;
	char name[32]; /* irqaction->name; of SP_IRQ_SYSTEM the vector's */
};

struct sp_loss {
	__u64 ring_full;
	__u64 rate_limited;
	__u64 preempted; /* another task was, in the middle of making one on this CPU */
	__u64 unseen;	 /* softirqs, switches to ksoftirqd: our program was not run */
};

#endif
