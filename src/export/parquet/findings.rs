//! Tables of what was concluded.

use super::Table;
use super::sheet::{Cell, Kind, Sheet};
use crate::export::word;
use crate::model::findings::{Culprit, Findings};
use crate::render::plain;
use crate::units::Ktime;
use Kind::{Bool, Int, Text, Time};

pub const RECORDING: Table = Table {
    name: "recording",
    columns: &[
        ("host", Text),
        ("kernel", Text),
        ("preemption", Text),
        ("recorded_by", Text),
        ("command", Text),
        ("start_ns", Int),
        ("start", Time),
        ("duration_ns", Int),
        ("complete", Bool),
        ("stall_threshold_ns", Int),
        ("gap_threshold_ns", Int),
        ("sample_period_ns", Int),
        ("syscall_min_ns", Int),
        ("dying_memcgs", Int),
        ("notes", Text),
    ],
    fill: |sheet, _, f| {
        let (window, options) = (&f.window, &f.options);
        sheet.row([
            (&f.host.name).into(),
            (&f.host.kernel).into(),
            f.host.preemption.as_ref().into(),
            (&f.recorded_by).into(),
            (&f.command.join(" ")).into(),
            window.start.0.into(),
            realtime(f, window.start),
            window.end.since(window.start).0.into(),
            window.complete.into(),
            options.stall_threshold.0.into(),
            options.gap_threshold.0.into(),
            Some(options.sample_period.0).filter(|period| *period > 0).into(),
            options.syscall_min.0.into(),
            f.host.dying_memcgs.into(),
            (&f.notes.join("\n")).into(),
        ])
    },
};

pub const STALLS: Table = Table {
    name: "stalls",
    columns: &[
        ("stall", Int),
        ("cpu", Int),
        ("start_ns", Int),
        ("start", Time),
        ("duration_ns", Int),
        ("cause", Text),
        ("culprit_type", Text),
        ("culprit", Text),
        ("pid", Int),
        ("tid", Int),
        ("comm", Text),
        ("process", Text),
        ("cgroup", Text),
        ("container", Text),
        ("pod_uid", Text),
        ("unit", Text),
        ("syscall", Text),
        ("file", Text),
        ("work", Text),
        ("samples", Int),
        ("agree", Int),
        ("function", Text),
        ("stack", Text),
        ("seen", Text),
    ],
    fill: stalls,
};

fn stalls(sheet: &mut Sheet<'_>, _: &crate::model::Recording, f: &Findings) -> std::io::Result<()> {
    for stall in &f.stalls {
        let task = match &stall.culprit {
            Culprit::Task(task) => Some(task),
            _ => None,
        };
        let workload = task.and_then(|t| t.workload.as_ref());
        let culprit_type = match &stall.culprit {
            Culprit::Task(_) => "task",
            Culprit::Softirq { .. } => "softirq",
            Culprit::HardIrq { .. } => "hard_irq",
            Culprit::Hypervisor => "hypervisor",
            Culprit::Several { .. } => "several",
            Culprit::Unknown { .. } => "unknown",
        };
        let outermost_first: Vec<&str> =
            stall.evidence.stack.iter().rev().map(String::as_str).collect();
        sheet.row([
            stall.id.into(),
            stall.cpu.0.into(),
            stall.start.0.into(),
            realtime(f, stall.start),
            stall.duration.0.into(),
            (&word(stall.cause)).into(),
            culprit_type.into(),
            (&plain::culprit(&stall.culprit)).into(),
            task.map(|t| t.tgid.0).into(),
            task.map(|t| t.tid.0).into(),
            task.map(|t| &t.comm).into(),
            task.and_then(|t| t.process.as_ref()).into(),
            task.and_then(|t| t.cgroup.as_ref()).into(),
            workload.and_then(|w| w.container.as_ref()).into(),
            workload.and_then(|w| w.pod_uid.as_ref()).into(),
            workload.and_then(|w| w.unit.as_ref()).into(),
            task.and_then(|t| t.syscall.as_ref()).into(),
            task.and_then(|t| t.file.as_ref()).into(),
            task.and_then(|t| t.work.as_ref()).into(),
            stall.evidence.samples.into(),
            stall.evidence.agree.into(),
            stall.evidence.function.as_ref().into(),
            (&outermost_first.join(";")).into(),
            (&stall.evidence.words).into(),
        ])?;
    }
    Ok(())
}

pub const MEASURES: Table = Table {
    name: "measures",
    columns: &[
        ("stall", Int),
        ("cpu", Int),
        ("kind", Text),
        ("start_ns", Int),
        ("start", Time),
        ("duration_ns", Int),
        ("uncertainty_ns", Int),
        ("vectors", Text),
        ("context", Text),
        ("raise_to_wake_ns", Int),
        ("wake_to_in_ns", Int),
        ("in_to_entry_ns", Int),
    ],
    fill: |sheet, _, f| {
        for (stall, m) in f.stalls.iter().flat_map(|s| s.measures.iter().map(move |m| (s, m))) {
            let vectors: Vec<_> = m.vectors.iter().map(|v| v.name()).collect();
            sheet.row([
                stall.id.into(),
                stall.cpu.0.into(),
                (&word(m.kind)).into(),
                m.start.0.into(),
                realtime(f, m.start),
                m.duration.0.into(),
                m.uncertainty.0.into(),
                (&vectors.join(",")).into(),
                m.context.map(word).as_ref().into(),
                m.handoff.map(|h| h.raise_to_wake.0).into(),
                m.handoff.map(|h| h.wake_to_in.0).into(),
                m.handoff.map(|h| h.in_to_entry.0).into(),
            ])?;
        }
        Ok(())
    },
};

pub const LOST: Table = Table {
    name: "lost",
    columns: &[("probe", Text), ("ring_full", Int), ("rate_limited", Int)],
    fill: |sheet, _, f| {
        f.lost.iter().try_for_each(|lost| {
            sheet.row([(&lost.probe).into(), lost.ring_full.into(), lost.rate_limited.into()])
        })
    },
};

pub const HEALTH: Table = Table {
    name: "health",
    columns: &[
        ("read_ns", Int),
        ("read", Time),
        ("check", Text),
        ("severity", Text),
        ("subject", Text),
        ("value", Text),
        ("window", Text),
        ("why", Text),
        ("prove", Text),
        ("help", Text),
        ("numbers", Text),
    ],
    fill: |sheet, _, f| {
        let Some(health) = &f.health else { return Ok(()) };
        for found in health.findings.iter().map(|h| &h.finding) {
            // Each check has numbers of its own: a column for each would be none.
            let numbers = serde_json::to_string(&found.numbers)?;
            sheet.row([
                health.time.0.into(),
                realtime(f, health.time),
                (&*found.check).into(),
                (&word(found.severity)).into(),
                found.subject.as_ref().into(),
                (&found.value).into(),
                (&found.window.words()).into(),
                (&found.why).into(),
                (&found.prove).into(),
                (&found.help).into(),
                (&numbers).into(),
            ])?;
        }
        Ok(())
    },
};

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
