/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* Who a task is, which system call it is in, and the path of a file behind its descriptor. */
#ifndef TASK_BPF_H
#define TASK_BPF_H

#include "state.bpf.h"

/*
 * The policy that the scheduler goes by. Whoever holds a mutex with priority inheritance runs with
 * the priority of whom it keeps waiting, whatever its own policy says (rt_mutex_setprio() of
 * kernel/sched/core.c).
 */
static __always_inline __u32 policy_of(struct task_struct *task)
{
	int prio = BPF_CORE_READ(task, prio);
	__u32 policy = BPF_CORE_READ(task, policy);

	if (prio < 0)
		return SCHED_DEADLINE;
	if (prio < MAX_RT_PRIO && policy != SCHED_RR)
		return SCHED_FIFO;
	return policy;
}

static __always_inline void fill_task(struct sp_task *out, struct task_struct *task)
{
	out->tid = BPF_CORE_READ(task, pid);
	out->tgid = BPF_CORE_READ(task, tgid);
	out->flags = BPF_CORE_READ(task, flags);
	out->policy = policy_of(task);
	out->start = BPF_CORE_READ(task, start_boottime);
	out->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	BPF_CORE_READ_STR_INTO(&out->comm, task, comm);
}

/* A runnable task was switched out because another was to run, not to sleep. */
static __always_inline bool still_runnable(struct task_struct *prev, bool preempt)
{
	struct task_struct___old_state *old = (void *)prev;

	if (preempt)
		return true;
	if (bpf_core_field_exists(prev->__state))
		return BPF_CORE_READ(prev, __state) == 0;
	return BPF_CORE_READ(old, state) == 0;
}

/* Where the registers lie that the task entered the kernel with. */
static __always_inline struct pt_regs *user_regs(struct task_struct *task)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___sp, BPF_FUNC_task_pt_regs___sp))
		return (void *)bpf_task_pt_regs((void *)bpf_get_current_task_btf());
	/* At the end of the stack: task_pt_regs() of arch/x86/include/asm/processor.h. */
	return (void *)BPF_CORE_READ(task, stack) + 16384 - bpf_core_type_size(struct pt_regs);
}

/* Whether a call is in a set of calls, a bit each. */
static __always_inline bool is_in(const volatile __u64 *calls, __s32 nr)
{
	__u32 n = nr, word = n >> 6;

	if (n >= 512)
		return false;
	/* A mask that the compiler cannot leave out: the verifier of 5.10 goes by nothing else. */
	barrier_var(word);
	return (calls[word & 7] >> (n & 63)) & 1;
}

#define NR_SENDFILE 40 /* arch/x86/entry/syscalls/syscall_64.tbl */

/* The descriptor that a call works on: its first argument, but of sendfile(2) where it reads. */
static __always_inline __u32 descriptor(struct pt_regs *regs, __s32 nr)
{
	return nr == NR_SENDFILE ? BPF_CORE_READ(regs, si) : BPF_CORE_READ(regs, di);
}

static __always_inline __u32 file_path(struct task_struct *task, __u32 fd, char *buf, __u16 *gone);

/*
 * The system call of a task by its registers; with the path of its file into `buf` if it takes a
 * descriptor and `with_path`. Returns the length of the path.
 */
static __always_inline __u32 fill_call(struct sp_call *call, struct task_struct *task,
				       struct pt_regs *regs, const volatile __u64 *fd_calls,
				       bool with_path, char *buf)
{
	__u32 len = 0;

	call->path_len = 0;
	call->deleted = 0;
	call->nr = BPF_CORE_READ(regs, orig_ax);
	if (call->nr < 0)
		return 0;
	call->args[0] = BPF_CORE_READ(regs, di);
	call->args[1] = BPF_CORE_READ(regs, si);
	call->args[2] = BPF_CORE_READ(regs, dx);
	if (BPF_CORE_READ(task, thread_info.status) & TS_COMPAT)
		call->nr += 65536;
	else if (with_path && is_in(fd_calls, call->nr))
		len = file_path(task, descriptor(regs, call->nr), buf, &call->deleted);
	if (len > SP_PATH)
		len = SP_PATH;
	call->path_len = len;
	return len;
}

/* The file behind a descriptor of the current task; NULL if there is none. */
static __always_inline struct file *file_of(struct task_struct *task, __u32 fd)
{
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **slot, *file = NULL;

	if (!fdt || fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	slot = BPF_CORE_READ(fdt, fd);
	bpf_probe_read_kernel(&file, sizeof(file), slot + fd);
	return file;
}

/*
 * Writes the names from a file up to the root of its mount tree, innermost first, each followed
 * by '/', into buf (SP_PATH + 256 bytes, so that a bounded name fits past the last offset);
 * returns the length. User space turns it round.
 */
static __always_inline __u32 file_path(struct task_struct *task, __u32 fd, char *buf, __u16 *gone)
{
	struct file *file = file_of(task, fd);
	struct dentry *dentry, *parent, *root;
	struct mount *mnt, *up;
	struct vfsmount *vfs;
	const unsigned char *name;
	bool whole = false;
	__u32 len = 0;
	long n;

	if (!file)
		return 0;
	dentry = BPF_CORE_READ(file, f_path.dentry);
	vfs = BPF_CORE_READ(file, f_path.mnt);
	mnt = (void *)vfs - bpf_core_field_offset(struct mount, mnt);
	root = BPF_CORE_READ(vfs, mnt_root);
	/* d_unlinked() of include/linux/dcache.h */
	*gone = dentry != BPF_CORE_READ(dentry, d_parent) && !BPF_CORE_READ(dentry, d_hash.pprev);

	for (int i = 0; i < 24; i++) {
		if (!dentry)
			break;
		parent = BPF_CORE_READ(dentry, d_parent);
		if (dentry == root || dentry == parent) {
			/* The root of a mount: go on at the place it is mounted on. */
			up = BPF_CORE_READ(mnt, mnt_parent);
			whole = !up || up == mnt || dentry != root;
			if (whole)
				break;
			dentry = BPF_CORE_READ(mnt, mnt_mountpoint);
			mnt = up;
			root = BPF_CORE_READ(mnt, mnt.mnt_root);
			continue;
		}
		name = BPF_CORE_READ(dentry, d_name.name);
		len &= SP_PATH - 1; /* for the verifier; the check below keeps it true */
		n = bpf_probe_read_kernel_str(buf + len, 256, name);
		if (n <= 0 || n > 256)
			break;
		len += n; /* counts the NUL, which becomes the '/' */
		if (len > SP_PATH - 1)
			return SP_PATH; /* cut: outer names are missing */
		buf[(len - 1) & (SP_PATH - 1)] = '/';
		dentry = parent;
	}
	/* Without the last '/' user space knows that outer names are missing. */
	if (!whole && len)
		buf[(len - 1) & (SP_PATH - 1)] = '\0';
	return len;
}

#endif
