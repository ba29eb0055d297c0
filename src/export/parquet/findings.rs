//! Tables of what was concluded.

use serde::Serialize;

use super::sheet::Cell;
use super::table::table;
use crate::model::findings::{Culprit, Findings};
use crate::render::plain;
use crate::units::Ktime;

table! {
    RECORDING = "recording", |_, f|
    for (window, options) in [(&f.window, &f.options)];
    "host": Text = &f.host.name,
    "kernel": Text = &f.host.kernel,
    "preemption": Text = f.host.preemption.as_ref(),
    "recorded_by": Text = &f.recorded_by,
    "command": Text = &f.command.join(" "),
    "start_ns": Int = window.start.0,
    "start": Time = realtime(f, window.start),
    "duration_ns": Int = window.end.since(window.start).0,
    "complete": Bool = window.complete,
    "stall_threshold_ns": Int = options.stall_threshold.0,
    "gap_threshold_ns": Int = options.gap_threshold.0,
    "sample_period_ns": Int = Some(options.sample_period.0).filter(|period| *period > 0),
    "syscall_min_ns": Int = options.syscall_min.0,
    "dying_memcgs": Int = f.host.dying_memcgs,
    "notes": Text = &f.notes.join("\n"),
}

table! {
    STALLS = "stalls", |_, f|
    for stall in &f.stalls;
    let (culprit_type, task) = match &stall.culprit {
        Culprit::Task(task) => ("task", Some(task)),
        Culprit::Softirq { .. } => ("softirq", None),
        Culprit::HardIrq { .. } => ("hard_irq", None),
        Culprit::Hypervisor => ("hypervisor", None),
        Culprit::Several { .. } => ("several", None),
        Culprit::Unknown { .. } => ("unknown", None),
    };
    let workload = task.and_then(|t| t.workload.as_ref());
    let outermost_first =
        stall.evidence.stack.iter().rev().map(|f| &**f).collect::<Vec<_>>();
    "stall": Int = stall.id,
    "cpu": Int = stall.cpu.0,
    "start_ns": Int = stall.start.0,
    "start": Time = realtime(f, stall.start),
    "duration_ns": Int = stall.duration.0,
    "cause": Text = stall.cause.name(),
    "culprit_type": Text = culprit_type,
    "culprit": Text = &plain::culprit(&stall.culprit),
    "pid": Int = task.map(|t| t.tgid.0),
    "tid": Int = task.map(|t| t.tid.0),
    "comm": Text = task.map(|t| &t.comm),
    "process": Text = task.and_then(|t| t.process.as_ref()),
    "cgroup": Text = task.and_then(|t| t.cgroup.as_ref()),
    "container": Text = workload.and_then(|w| w.container.as_ref()),
    "pod_uid": Text = workload.and_then(|w| w.pod_uid.as_ref()),
    "unit": Text = workload.and_then(|w| w.unit.as_ref()),
    "syscall": Text = task.and_then(|t| t.syscall.as_ref()),
    "file": Text = task.and_then(|t| t.file.as_ref()),
    "work": Text = task.and_then(|t| t.work.as_ref()),
    "samples": Int = stall.evidence.samples,
    "agree": Int = stall.evidence.agree,
    "function": Text = stall.evidence.function.as_ref(),
    "stack": Text = &outermost_first.join(";"),
    "seen": Text = &stall.evidence.words,
}

table! {
    MEASURES = "measures", |_, f|
    for (stall, m) in f.stalls.iter().flat_map(|s| s.measures.iter().map(move |m| (s, m)));
    let vectors = m.vectors.iter().map(|v| v.name()).collect::<Vec<_>>();
    "stall": Int = stall.id,
    "cpu": Int = stall.cpu.0,
    "kind": Text = &word(m.kind),
    "start_ns": Int = m.start.0,
    "start": Time = realtime(f, m.start),
    "duration_ns": Int = m.duration.0,
    "uncertainty_ns": Int = m.uncertainty.0,
    "vectors": Text = &vectors.join(","),
    "context": Text = m.context.map(word).as_ref(),
    "raise_to_wake_ns": Int = m.handoff.map(|h| h.raise_to_wake.0),
    "wake_to_in_ns": Int = m.handoff.map(|h| h.wake_to_in.0),
    "in_to_entry_ns": Int = m.handoff.map(|h| h.in_to_entry.0),
}

table! {
    LOST = "lost", |_, f|
    for lost in &f.lost;
    "probe": Text = &lost.probe,
    "ring_full": Int = lost.ring_full,
    "rate_limited": Int = lost.rate_limited,
    "preempted": Int = lost.preempted,
    "unseen": Int = lost.unseen,
}

table! {
    HEALTH = "health", |_, f|
    for (time, found) in f.health.iter().flat_map(|h| {
        h.findings.iter().map(|row| (h.time, &row.finding))
    });
    // Each check has numbers of its own: a column for each would be none.
    let numbers = serde_json::to_string(&found.numbers)?;
    "read_ns": Int = time.0,
    "read": Time = realtime(f, time),
    "check": Text = &*found.check,
    "severity": Text = &word(found.severity),
    "subject": Text = found.subject.as_ref(),
    "value": Text = &found.value,
    "window": Text = &found.window.words(),
    "why": Text = &found.why,
    "prove": Text = &found.prove,
    "help": Text = &found.help,
    "numbers": Text = &numbers,
}

/// A value of an enumeration by the word that the JSON of the findings has for it.
fn word(of: impl Serialize) -> String {
    match serde_json::to_value(of) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// A moment on the clock on the wall; null where the recording does not tell.
pub fn realtime(f: &Findings, at: Ktime) -> Cell {
    match f.window.start_realtime {
        0 => Cell::Null,
        start => {
            let (after, before) = (at.since(f.window.start), f.window.start.since(at));
            Cell::from(start.saturating_add(after.0).saturating_sub(before.0))
        }
    }
}
