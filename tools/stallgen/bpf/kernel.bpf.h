/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * The kernel types these programs rely on, and no more. Field offsets are
 * relocated against the running kernel's BTF at load (CO-RE).
 */
#ifndef STALLGEN_KERNEL_BPF_H
#define STALLGEN_KERNEL_BPF_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

enum {
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_RINGBUF = 27,
};

#define BPF_RB_NO_WAKEUP 1

/* The context of a socket filter. Only bpf_skb_load_bytes() looks inside. */
struct __sk_buff {
	__u32 len;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs;
struct cgroup;

struct task_struct {
	int pid;
};

struct hrtimer {
	__s64 _softexpires;
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	possible_net_t nd_net;
};

struct sk_buff {
	struct net_device *dev;
};

#pragma clang attribute pop

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#endif
