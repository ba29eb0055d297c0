/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* What the syscall probe does about long calls of files on cgroupfs and procfs. */
#ifndef FILECALL_BPF_H
#define FILECALL_BPF_H

#include "count.bpf.h"

/* It looks at reads from this length on; src/probe/memcg.rs COUNTED. */
#define COUNTED_NS 100000

static __always_inline bool counts_reads_by_call(void)
{
	__u32 zero = 0;
	struct sp_cpu *c = bpf_map_lookup_elem(&cpus, &zero);

	return c && c->reads_by_call;
}

/*
 * More of a slow call of such a file, begun at `began`, at whose end the task is: only of calls
 * that were sent. Of the locks nothing, if there was one before it that no read parts from it.
 */
static __always_inline void send_file_call(struct task_struct *task, __u32 fs, __u64 began,
					   __u64 now)
{
	struct sp_file_call e = {};
	struct flush *f;

	fill_head(&e.head, SP_FILE_CALL, now);
	e.filesystem = fs;
	e.tid = bpf_get_current_pid_tgid();
	f = bpf_map_lookup_elem(&flushes, &e.tid);
	if (f && f->since >= began && bpf_core_field_exists(task->ioac.syscr) &&
	    f->start == BPF_CORE_READ(task, start_boottime) &&
	    f->call + 1 == BPF_CORE_READ(task, ioac.syscr)) {
		e.rstat_waited = f->waited;
		e.rstat_held = f->held;
		e.rstat_locks = f->locks;
	}
	emit(SP_P_SYSCALL, &e, sizeof(e), BPF_RB_FORCE_WAKEUP);
}

/*
 * Where the file of a call is that the task has just ended, SP_FS_OTHER if the call takes none.
 * Counts it if it is a read, long enough, and nothing else counts it.
 */
static __always_inline __u32 look_at_file(struct task_struct *task, const volatile __u64 *fd_calls,
					  const volatile __u64 *read_calls, long ret,
					  struct spent *spent)
{
	struct pt_regs *regs = user_regs(task);
	__s32 nr = BPF_CORE_READ(regs, orig_ax);
	struct file *file;
	__u32 fs;

	if (BPF_CORE_READ(task, thread_info.status) & TS_COMPAT || !is_in(fd_calls, nr))
		return SP_FS_OTHER;
	file = file_of(task, descriptor(regs, nr));
	fs = file ? filesystem_of(file) : SP_FS_OTHER;
	if (!fs || ret <= 0 || spent->total < COUNTED_NS || !is_in(read_calls, nr))
		return fs;
	if (fs == SP_FS_PROC || counts_reads_by_call())
		count_read(task, file, fs, spent);
	return fs;
}

#endif
