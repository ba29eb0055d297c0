/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * The rungs of the probe ladder. A handler is written once; these macros put it on each way to
 * reach it, as programs that are loaded only if user space chooses their rung
 * (src/probe/ladder.rs). `typed` tells a handler whether the kernel knows the types of its
 * arguments: then it may follow pointers, which costs nothing; else it reads with CO-RE.
 */
#ifndef RUNGS_BPF_H
#define RUNGS_BPF_H

#include "records.bpf.h"
#include "state.bpf.h"

#define HANDLE(is_typed, call)                                                                     \
	{                                                                                          \
		const bool typed __attribute__((unused)) = is_typed;                               \
                                                                                                   \
		call;                                                                              \
		return 0;                                                                          \
	}

/* The current task, within HANDLE. */
#define TASK (typed ? bpf_get_current_task_btf() : (struct task_struct *)bpf_get_current_task())

/* A program a line. The kernel keeps 15 characters of a name: what it is about stands first. */
/* clang-format off */

/* A tracepoint's own arguments: tp_btf, and raw_tp where the verifier does not take that. */
#define ON_RAW_TRACEPOINT(event, call, args...)                                                    \
	SEC("?tp_btf/" #event) int BPF_PROG(event##_tp_btf, ##args) HANDLE(true, call)             \
	SEC("?raw_tp/" #event) int BPF_PROG(event##_raw_tp, ##args) HANDLE(false, call)

/* A tracepoint's record for perf and ftrace, `ctx`, whose fields BTF knows by the type's name. */
#define ON_TRACEPOINT(group, event, type, call)                                                    \
	SEC("?tp/" #group "/" #event) int event##_tp(struct type *ctx) HANDLE(false, call)

/* A function's entry: fentry, and kprobe where there are no trampolines. */
#define ON_FUNCTION(function, call, args...)                                                       \
	SEC("?fentry/" #function) int BPF_PROG(function##_fentry, ##args) HANDLE(true, call)       \
	SEC("?kprobe/" #function) int BPF_KPROBE(function##_kprobe, ##args) HANDLE(false, call)

/* A function's return. What it was called with is not known on both rungs alike: no arguments. */
#define ON_RETURN(function, call)                                                                  \
	SEC("?fexit/" #function) int BPF_PROG(function##_fexit) HANDLE(true, call)                 \
	SEC("?kretprobe/" #function) int BPF_KPROBE(function##_kretprobe) HANDLE(false, call)

/* clang-format on */

/* A field of a kernel structure that is an argument. */
#define ARG_READ(pointer, field) (typed ? (pointer)->field : BPF_CORE_READ(pointer, field))

#endif
