// SPDX-License-Identifier: (GPL-2.0-only OR MIT)
/* Owns the shared maps, and makes the wire types known to Rust through its BTF. */
#include "reads.bpf.h"
#include "state.bpf.h"
#include "wire_net.h"

struct sp_sample wire_sample;
struct sp_delay wire_delay;
struct sp_run wire_run;
struct sp_handoff wire_handoff;
struct sp_hardirq wire_hardirq;
struct sp_syscall wire_syscall;
struct sp_file_call wire_file_call;
struct sp_reader wire_reader;
struct sp_reads wire_reads;
struct sp_rx_key wire_rx_key;
struct sp_rx_row wire_rx_row;
struct sp_rx_flow wire_rx_flow;
struct sp_rx_cpu wire_rx_cpu;
struct sp_ct_drop wire_ct_drop;
struct sp_syn_again wire_syn_again;

const volatile enum sp_kind wire_kinds = SP_SAMPLE;
const volatile enum sp_probe wire_probes = SP_P_SOFTIRQ;
const volatile enum sp_hist wire_hists = SP_H_RUN;
const volatile enum sp_rx_proto wire_rx_protos = SP_RX_TCP;
const volatile enum sp_irq_kind wire_irq_kinds = SP_IRQ_DEVICE;
const volatile enum sp_filesystem wire_filesystems = SP_FS_OTHER;
const volatile enum sp_place wire_places = SP_PLACE_DEEPER;

/* Lets a test compare hist_bucket() with bucket() of src/model/hist.rs; else not loaded. */
struct bucket_of {
	__u64 value;
	__u64 bucket;
};

SEC("?syscall")
int bucket_of(struct bucket_of *ctx)
{
	ctx->bucket = hist_bucket(ctx->value);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
