// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/* Owns the shared maps, and makes the wire types known to Rust through its BTF. No programs. */
#include "state.bpf.h"

struct sp_sample wire_sample;
struct sp_delay wire_delay;
struct sp_run wire_run;
struct sp_handoff wire_handoff;
struct sp_hardirq wire_hardirq;
struct sp_syscall wire_syscall;

/* bucket() of src/model/hist.rs is compared with hist_bucket() through these. */
const volatile enum sp_kind wire_kinds = SP_SAMPLE;
const volatile enum sp_probe wire_probes = SP_P_SOFTIRQ;
const volatile enum sp_hist wire_hists = SP_H_RUN;
const volatile enum sp_irq_kind wire_irq_kinds = SP_IRQ_DEVICE;

char LICENSE[] SEC("license") = "Dual MIT/GPL";
