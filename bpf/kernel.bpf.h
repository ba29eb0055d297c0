/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * The kernel types that our programs read, and no more: CO-RE finds the fields wherever the
 * running kernel has them. `___name` suffixes are ignored by CO-RE: older shapes of a type.
 */
#ifndef KERNEL_BPF_H
#define KERNEL_BPF_H

/* Tells <bpf/bpf_tracing.h> that registers have the kernel's names here, not user space's. */
#define __VMLINUX_H__

typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;
enum { false, true };
#define NULL ((void *)0)

/* include/uapi/linux/bpf.h */
enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_NO_PREALLOC = 1 << 0,
	BPF_F_USER_STACK = 1 << 8,
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1 << 0,
	BPF_RB_NO_WAKEUP = 1 << 0,
	BPF_RB_FORCE_WAKEUP = 1 << 1,
	BPF_RB_AVAIL_DATA = 0,
	BPF_RB_RING_SIZE = 1,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct qstr {
	const unsigned char *name;
};

struct hlist_bl_node {
	struct hlist_bl_node **pprev;
};

struct super_block {
	unsigned long s_magic;
};

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct super_block *d_sb;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
};

struct kiocb {
	struct file *ki_filp;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct rq {
	__u64 prev_steal_time; /* CONFIG_PARAVIRT */
};

struct cfs_rq {
	struct rq *rq; /* CONFIG_FAIR_GROUP_SCHED */
};

struct sched_entity {
	struct cfs_rq *cfs_rq; /* CONFIG_FAIR_GROUP_SCHED */
	__u64 sum_exec_runtime;
};

struct thread_info {
	__u32 status;
};

/* `syscr` counts the read calls that returned, where CONFIG_TASK_XACCT is set. */
struct task_io_accounting {
	__u64 syscr;
};

struct task_struct {
	struct thread_info thread_info;
	void *stack;
	unsigned int __state;
	unsigned int flags;
	int prio;
	struct sched_entity se;
	unsigned int policy;
	int pid;
	int tgid;
	unsigned long nvcsw;
	__u64 start_boottime;
	struct task_struct *group_leader;
	struct task_io_accounting ioac;
	char comm[16];
	struct files_struct *files;
	struct css_set *cgroups;
};

/* Before 2f064a59a11f ("sched: Change task_struct::state", 5.14). */
struct task_struct___old_state {
	volatile long state;
};

struct pt_regs {
	unsigned long ax;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long ip;
	unsigned long cs;
};

struct irqaction {
	void *handler;
	const char *name;
};

struct hrtimer {
	void *function;
};

struct bpf_perf_event_data;

/* Helpers by their number, to ask whether this kernel has them. */
enum bpf_func_id___sp {
	BPF_FUNC_task_pt_regs___sp =
	    175, /* dd6e10fbd9fb ("bpf: Add bpf_task_pt_regs() helper", 5.15) */
};

#pragma clang attribute pop

/* include/uapi/linux/magic.h */
#define CGROUP_SUPER_MAGIC  0x27e0eb
#define CGROUP2_SUPER_MAGIC 0x63677270
#define PROC_SUPER_MAGIC    0x9fa0

/* include/uapi/linux/sched.h, include/linux/sched/prio.h */
#define SCHED_FIFO     1
#define SCHED_RR       2
#define SCHED_DEADLINE 6
#define MAX_RT_PRIO    100

#define SP_THREAD_SIZE 32768	  /* at most: 16 KiB, with KASAN 32 */
#define PF_IO_WORKER   0x00000010 /* of io_uring: a user's task that never was in user mode */
#define PF_KTHREAD     0x00200000
#define TS_COMPAT      0x0002 /* x86: in a system call of the 32-bit table */

#endif
