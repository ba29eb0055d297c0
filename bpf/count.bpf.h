/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/* Counts reads of files on cgroupfs and procfs. */
#ifndef COUNT_BPF_H
#define COUNT_BPF_H

#include "emit.bpf.h"
#include "reads.bpf.h"
#include "task.bpf.h"

/* What a read took. */
struct spent {
	__u64 total;
	__u64 on_cpu;
	__u64 bytes;
	__u32 slept;
	__u32 pad;
};

static __always_inline __u32 filesystem_of(struct file *file)
{
	__u64 magic = BPF_CORE_READ(file, f_path.dentry, d_sb, s_magic);

	if (magic == CGROUP_SUPER_MAGIC)
		return SP_FS_CGROUP1;
	if (magic == CGROUP2_SUPER_MAGIC)
		return SP_FS_CGROUP2;
	return magic == PROC_SUPER_MAGIC ? SP_FS_PROC : SP_FS_OTHER;
}

static __always_inline void add_read(struct sp_reads *r, struct spent *spent)
{
	__sync_fetch_and_add(&r->reads, 1);
	__sync_fetch_and_add(&r->total, spent->total);
	__sync_fetch_and_add(&r->on_cpu, spent->on_cpu);
	__sync_fetch_and_add(&r->slept, spent->slept);
	__sync_fetch_and_add(&r->bytes, spent->bytes);
}

static __always_inline __u32 place_of(struct file *file)
{
	struct dentry *dir = BPF_CORE_READ(file, f_path.dentry, d_parent);
	const unsigned char *name = BPF_CORE_READ(dir, d_name.name);
	unsigned char first = 0;

	if (dir == BPF_CORE_READ(dir, d_parent))
		return SP_PLACE_TOP;
	bpf_probe_read_kernel(&first, 1, name);
	return first >= '0' && first <= '9' ? SP_PLACE_PID : SP_PLACE_DEEPER;
}

static __noinline int new_reader(struct task_struct *leader, struct sp_reader *key)
{
	struct sp_reads none = {};
	struct sp_task who = {};

	if (!key)
		return 0;
	fill_task(&who, leader);
	bpf_map_update_elem(&readers, key, &who, BPF_NOEXIST);
	return bpf_map_update_elem(&reads, key, &none, BPF_NOEXIST);
}

/* Counts a read of this file by the current task. */
static __noinline int count_read(struct task_struct *task, struct file *file, __u32 fs,
				 struct spent *spent)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct sp_reader key = {};
	struct sp_reads *r;

	if (!spent)
		return 0;
	key.start = BPF_CORE_READ(leader, start_boottime);
	key.tgid = bpf_get_current_pid_tgid() >> 32;
	key.filesystem = fs;
	if (fs == SP_FS_PROC)
		key.place = place_of(file);
	bpf_probe_read_kernel_str(key.file, sizeof(key.file),
				  BPF_CORE_READ(file, f_path.dentry, d_name.name));
	r = bpf_map_lookup_elem(&reads, &key);
	if (!r) {
		new_reader(leader, &key);
		r = bpf_map_lookup_elem(&reads, &key);
	}
	if (!r) {
		/* Full: user space has made a row for all those. */
		__builtin_memset(&key, 0, sizeof(key));
		key.filesystem = fs;
		r = bpf_map_lookup_elem(&reads, &key);
	}
	if (r)
		add_read(r, spent);
	return 0;
}

#endif
