/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * The wire between BPF programs and user space: plain integers only. What programs keep of a CPU is
 * in percpu.h.
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
#define SP_FILE	      48  /* bytes of a file's own name */
#define SP_NO_SYSCALL (-1)

#define SP_RX_ROWS	 1024 /* device, queue and CPU; most in one second */
#define SP_RX_FLOWS	 4096 /* likewise; the least recently used is forgotten */
#define SP_RX_FLOW_BITS	 11   /* log2 of the bits that flows set */
#define SP_RX_FLOW_WORDS (1 << (SP_RX_FLOW_BITS - 6))
#define SP_RX_WINDOW	 64	 /* packets between looks at the clock */
#define SP_RX_FAST	 6400000 /* ns: shorter windows are sampled: from 10,000 packets/s on */
#define SP_CT_STACK	 48	 /* frames that tell which hook dropped a packet, and for whom */

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

/* Followed by: path. */
struct sp_syscall {
	struct sp_head head;
	struct sp_task task;
	struct sp_call call;
	__u64 duration;
	__u64 on_cpu;
	__s64 ret;
	__u32 slept;
	__u32 pad;
};

/* File systems whose files the kernel makes up when they are read. */
enum sp_filesystem {
	SP_FS_OTHER,
	SP_FS_CGROUP1,
	SP_FS_CGROUP2,
	SP_FS_PROC,
};

/* A slow call of a file on one of these: more of the sp_syscall of the same time and CPU. */
struct sp_file_call {
	struct sp_head head;
	__u64 rstat_waited; /* ns for the locks of the statistics; only of reads */
	__u64 rstat_held;   /* ns with the lock that all share */
	__u32 rstat_locks;  /* how often that was taken */
	__u32 filesystem;   /* enum sp_filesystem */
	__u32 tid;
	__u32 pad;
};

/* The directory that a file of procfs is in. */
enum sp_place {
	SP_PLACE_DEEPER,
	SP_PLACE_TOP,
	SP_PLACE_PID, /* one with a number for a name */
};

/* Who read which file. All 0 but the file system: those for whom there was no room. */
struct sp_reader {
	__u64 start; /* of the process's first thread */
	__u32 tgid;
	__u16 filesystem; /* enum sp_filesystem */
	__u16 place;	  /* enum sp_place */
	char file[SP_FILE];
};

/* Reads by one sp_reader that ended on one CPU. */
struct sp_reads {
	__u64 reads;
	__u64 total; /* ns */
	__u64 on_cpu;
	__u64 slept; /* how many */
	__u64 bytes;
};

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

struct sp_loss {
	__u64 ring_full;
	__u64 rate_limited;
	__u64 preempted; /* another task was, in the middle of making one on this CPU */
	__u64 unseen;	 /* softirqs, switches to ksoftirqd: our program was not run */
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
