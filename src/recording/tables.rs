//! The tables of a recording: each one declared once, for the writer, the reader and the test
//! that compares them with `docs/recording.md`. `declare.rs` makes code of that.
//!
//! Rules for changes: never rename, never give an old name a new meaning. Add a column or a
//! table, raise `MINOR` of `format.rs`, and say in the docs what a reader may conclude where it is
//! absent (it reads as 0 or empty).

use super::budget::Purse;
use super::chunk::{Chunk, decode};
use super::column::Cell;
use super::declare::{held, tables};
use super::join::{Names, Numbers};
use super::notes::Notes;
use super::row::{Column, DamageRow, EndRow, MetaRow, Named, Row, Visit, in_order, reads};
use super::varint::Malformed;
use super::worst::{Pick, Tally};
use crate::model::*;
use crate::units::Ktime;

tables! {
    others {
        meta: MetaRow = "meta" |row| { "json": row.json }
        damage: DamageRow = "damage" |row| { "text": row.text }
        strings: Named<String> = "string" |row| { "id": row.id, "text": row.value }
        tasks: Named<Task> = "task" |row| {
            "id": row.id,
            "tid": row.value.tid,
            "tgid": row.value.tgid,
            "start": row.value.start,
            "comm": row.value.comm,
            "process": row.value.process,
            "cgroup": row.value.cgroup,
            "pod": row.value.pod,
            "kthread": row.value.kthread,
        }
        frames: Named<Frame> = "frame" |row| {
            "id": row.id,
            "function": row.value.function,
            "offset": row.value.offset,
            "module": row.value.module,
            "kernel": row.value.kernel,
        }
        stacks: Named<Stack> = "stack" |row| { "id": row.id, "frames": row.value }
        end: EndRow = "end" |row| { "time": row.time }
    }
    events {
        samples: Sample (Sample) = "sample" |row| {
            "time": row.time,
            "cpu": row.cpu,
            "task": row.task,
            "policy": row.policy,
            "user_mode": row.user_mode,
            "syscall": row.syscall.nr_plus_1,
            "arg0": row.syscall.args[0],
            "arg1": row.syscall.args[1],
            "arg2": row.syscall.args[2],
            "file": row.syscall.file,
            "kernel_stack": row.kernel_stack,
            "user_stack": row.user_stack,
            "pending": row.pending,
            "pending_for": row.pending_for,
            "ksoftirqd_waits": row.ksoftirqd_waits,
            "since_softirq_entry": row.since_softirq_entry,
            "softirq_vector": row.softirq_vector,
            "gap": row.gap,
            "in_hardirq": row.in_hardirq,
            "hardirqs": row.hardirqs,
            "stolen": row.stolen,
            "stolen_over": row.stolen_over,
            "irqs_were_off": row.irqs_were_off,
            "irqs_were_off_in": row.irqs_were_off_in,
        }
        delays: SoftirqDelay (SoftirqDelay) = "softirq_delay" |row| {
            "time": row.time,
            "cpu": row.cpu,
            "vector": row.vector,
            "delay": row.delay,
            "task": row.task,
            "entry_stack": row.entry_stack,
        }
        runs: SoftirqRun (SoftirqRun) = "softirq_run" |row| {
            "time": row.time,
            "cpu": row.cpu,
            "vector": row.vector,
            "run": row.run,
            "task": row.task,
        }
        handoffs: Handoff (Handoff) = "handoff" |row| {
            "time": row.time,
            "cpu": row.cpu,
            "raise_to_wake": row.raise_to_wake,
            "wake_to_in": row.wake_to_in,
            "in_to_entry": row.in_to_entry,
            "entered": row.entered,
            "served_after": row.served_after,
            "pending": row.pending,
            "preempted": row.preempted,
            "other_runners": row.other_runners,
            "other_ran": row.other_ran,
        }
        runners: Runner (Runner) = "runner" |row| {
            "time": row.time,
            "cpu": row.cpu,
            "task": row.task,
            "policy": row.policy,
            "ran": row.ran,
            "longest": row.longest,
            "turns": row.turns,
        }
        hardirqs: HardIrq (HardIrq) = "hardirq" |row| {
            "time": row.time,
            "cpu": row.cpu,
            "kind": row.kind,
            "irq": row.irq,
            "name": row.name,
            "handler": row.handler,
            "run": row.run,
        }
        syscalls: SyscallSlow (SyscallSlow) = "syscall" |row| {
            "time": row.time,
            "cpu": row.cpu,
            "task": row.task,
            "syscall": row.syscall.nr_plus_1,
            "arg0": row.syscall.args[0],
            "arg1": row.syscall.args[1],
            "arg2": row.syscall.args[2],
            "file": row.syscall.file,
            "duration": row.duration,
            "on_cpu": row.on_cpu,
            "slept": row.slept,
            "ret": row.ret,
        }
        file_calls: FileCall (FileCall) = "file_call" |row| {
            "time": row.time,
            "cpu": row.cpu,
            "filesystem": row.filesystem,
            "rstat_waited": row.rstat_waited,
            "rstat_held": row.rstat_held,
            "rstat_locks": row.rstat_locks,
        }
        file_reads: FileReads (FileReads) = "file_reads" |row| {
            "time": row.time,
            "cpu": row.cpu,
            "task": row.task,
            "filesystem": row.filesystem,
            "file": row.file,
            "reads": row.reads,
            "total": row.total,
            "on_cpu": row.on_cpu,
            "slept": row.slept,
            "bytes": row.bytes,
            "at_least": row.at_least,
        }
        steal: Steal (Steal) = "steal" |row| {
            "time": row.time,
            "cpu": row.cpu,
            "total": row.total,
        }
        dying_memcgs: DyingMemcgs (DyingMemcgs) = "dying_memcgs" |row| {
            "time": row.time,
            "count": row.count,
        }
        snapshots: Snapshot (Snapshot) = "snapshot" |row| {
            "time": row.time,
            "name": row.name,
            "text": row.text,
        }
        hists: HistCount (Hist) = "hist" |row| {
            "time": row.time,
            "cpu": row.cpu,
            "kind": row.kind,
            "vector": row.vector,
            "bucket": row.bucket,
            "count": row.count,
        }
        lost: Lost (Lost) = "lost" |row| {
            "time": row.time,
            "cpu": row.cpu,
            "probe": row.probe,
            "ring_full": row.ring_full,
            "rate_limited": row.rate_limited,
            "preempted": row.preempted,
            "unseen": row.unseen,
        }
        rx_cpus: RxCpu (RxCpu) = "rx_cpu" |row| {
            "time": row.time,
            "cpu": row.cpu,
            "processed": row.processed,
            "dropped": row.dropped,
            "squeezed": row.squeezed,
            "rps_wakes": row.rps_wakes,
            "flow_limited": row.flow_limited,
            "backlog": row.backlog_plus_1,
            "seen": row.seen,
            "paused": row.paused,
            "unplaced": row.unplaced,
        }
        rx_rows: RxRow (RxRow) = "rx" |row| {
            "time": row.time,
            "cpu": row.cpu,
            "netns": row.device.netns,
            "ifindex": row.device.ifindex,
            "name": row.device.name,
            "kind": row.device.kind,
            "queue": row.queue_plus_1,
            "packets": row.packets,
            "segments": row.segments,
            "bytes": row.bytes,
            "examined": row.examined,
            "tcp": row.protocols[0],
            "udp": row.protocols[1],
            "icmp": row.protocols[2],
            "ip": row.protocols[3],
            "tcp6": row.protocols[4],
            "udp6": row.protocols[5],
            "icmp6": row.protocols[6],
            "ip6": row.protocols[7],
            "not_ip": row.protocols[8],
            "flows": row.flows,
            "flows_full": row.flows_full,
        }
        rx_flows: RxFlow (RxFlow) = "rx_flow" |row| {
            "time": row.time,
            "cpu": row.cpu,
            "netns": row.netns,
            "ifindex": row.ifindex,
            "queue": row.queue_plus_1,
            "packets": row.packets,
            "protocol": row.protocol,
            "family": row.family,
            "source_upper": row.source[0],
            "source_lower": row.source[1],
            "destination_upper": row.destination[0],
            "destination_lower": row.destination[1],
            "source_port": row.source_port,
            "destination_port": row.destination_port,
        }
        ct_drops: CtDrop (CtDrop) = "ct_drop" |row| {
            "time": row.time,
            "cpu": row.cpu,
            "netns": row.netns,
            "protocol": row.protocol,
            "source": row.sent.source,
            "source_port": row.sent.source_port,
            "target": row.sent.target,
            "target_port": row.sent.target_port,
            "to_source": row.translated.source,
            "to_source_port": row.translated.source_port,
            "to_target": row.translated.target,
            "to_target_port": row.translated.target_port,
            "tracked": row.tracked,
            "status": row.status,
            "reason": row.reason,
            "location": row.location,
            "task": row.task,
            "in_softirq": row.in_softirq,
            "stack": row.stack,
            "held_back": row.held_back,
        }
        syn_retransmits: SynRetransmit (SynRetransmit) = "syn_retransmit" |row| {
            "time": row.time,
            "cpu": row.cpu,
            "netns": row.netns,
            "source": row.flow.source,
            "source_port": row.flow.source_port,
            "target": row.flow.target,
            "target_port": row.flow.target_port,
            "task": row.task,
        }
        ct_readings: CtReading (CtReading) = "ct_reading" |row| {
            "time": row.time,
            "netns": row.netns,
            "since": row.since,
            "name": row.name,
            "pid": row.pid,
            "cgroup": row.cgroup,
            "source": row.source,
            "counters": row.counters,
            "entries": row.entries,
            "max": row.max,
            "problem": row.problem,
            "entries_known": row.entries_known,
            "max_known": row.max_known,
        }
        ct_grown: CtGrown (CtGrown) = "ct_grown" |row| {
            "time": row.time,
            "netns": row.netns,
            "cpu": row.cpu,
            "counter": row.counter,
            "count": row.count,
        }
        ct_left_out: CtLeftOut (CtLeftOut) = "ct_left_out" |row| {
            "time": row.time,
            "what": row.what,
        }
        nat_rules: NatRules (NatRules) = "nat_rules" |row| {
            "time": row.time,
            "netns": row.netns,
            "program": row.program,
            "family": row.family,
            "rules": row.rules,
            "not_random": row.not_random,
            "example": row.example,
            "problem": row.problem,
        }
        health: HealthRow (Health) = "health" |row| {
            "time": row.time,
            "finding": row.finding,
            "check": row.check,
            "severity": row.severity,
            "subject": row.subject,
            "value": row.value,
            "window": row.window,
            "window_ns": row.window_ns,
            "why": row.why,
            "prove": row.prove,
            "help": row.help,
        }
        health_numbers: HealthNumber (HealthNumber) = "health_number" |row| {
            "time": row.time,
            "finding": row.finding,
            "name": row.name,
            "value": row.value,
        }
    }
}
