//! The marks of a timeline: what was late, from the findings, and slow calls and hard interrupts,
//! from the recording.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{LEAST, Scale, data};
use crate::model::findings::StallKind;
use crate::model::{HardIrq, Recording, SyscallSlow};
use crate::render::case::Case;
use crate::render::text::{percent, time};
use crate::render::{calls, markup, terms, words};
use crate::units::{Cpu, Ktime, Nanos};

/// What a row of a lane shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::render) enum Row {
    Delay,
    Handoff,
    Gap,
    Run,
    Irq,
    Call,
}

/// All rows, from above.
pub(super) const ROWS: [Row; 6] =
    [Row::Delay, Row::Handoff, Row::Gap, Row::Run, Row::Irq, Row::Call];

impl Row {
    pub(in crate::render::figures) fn of(kind: StallKind) -> Row {
        match kind {
            StallKind::SoftirqDelay => Row::Delay,
            StallKind::Handoff => Row::Handoff,
            StallKind::InterruptGap => Row::Gap,
            StallKind::SoftirqRun => Row::Run,
        }
    }

    /// Class of its colour.
    pub(in crate::render) fn class(self) -> &'static str {
        ["delay", "handoff", "gap", "run", "irq", "call"][self as usize]
    }

    /// Its name.
    pub(in crate::render) fn short(self) -> &'static str {
        match self {
            Row::Delay => terms::kind(StallKind::SoftirqDelay),
            Row::Handoff => terms::kind(StallKind::Handoff),
            Row::Gap => terms::kind(StallKind::InterruptGap),
            Row::Run => terms::kind(StallKind::SoftirqRun),
            Row::Irq => "hard interrupt",
            Row::Call => "slow call",
        }
    }

    /// What a mark of it means.
    pub(in crate::render) fn meaning(self) -> &'static str {
        let meanings = [
            "a softirq was raised and not entered",
            "softirqs were left to ksoftirqd, and it could not run",
            "no timer interrupt came",
            "a softirq handler kept the CPU",
            "a hard interrupt handler kept the CPU",
            "a system call took long; on the CPU it returned on, pale where it slept",
        ];
        meanings[self as usize]
    }
}

/// One thing that took its time.
pub(super) struct Mark {
    pub(super) row: Row,
    pub(super) start: Ktime,
    pub(super) duration: Nanos,
    title: String,
    /// It slept in between.
    slept: bool,
}

/// All marks by CPU, each CPU's in order of time.
pub(super) fn all(case: &Case<'_>) -> BTreeMap<Cpu, Vec<Mark>> {
    let mut lanes: BTreeMap<Cpu, Vec<Mark>> = BTreeMap::new();
    let r = case.r;
    for s in &case.f.stalls {
        lanes.entry(s.cpu).or_default().extend(s.measures.iter().map(|m| Mark {
            row: Row::of(m.kind),
            start: m.start,
            duration: m.duration,
            title: format!("stall {}: {}", s.id, words::measure(m)),
            slept: false,
        }));
    }
    for e in r.hardirqs.iter().filter(|e| e.run >= r.meta.stall_threshold) {
        lanes.entry(e.cpu).or_default().push(Mark {
            row: Row::Irq,
            start: e.time.before(e.run),
            duration: e.run,
            title: irq(r, e),
            slept: false,
        });
    }
    for c in &r.syscalls {
        lanes.entry(c.cpu).or_default().push(Mark {
            row: Row::Call,
            start: c.time.before(c.duration),
            duration: c.duration,
            title: call(r, c),
            slept: c.slept,
        });
    }
    for marks in lanes.values_mut() {
        marks.sort_by_key(|m| (m.start, m.row, m.duration));
    }
    lanes
}

fn irq(r: &Recording, e: &HardIrq) -> String {
    let name = match (r.str(e.name), r.str(r.frame(e.handler).function)) {
        ("", "") => String::new(),
        ("", function) => format!(" {function}"),
        (name, _) => format!(" {name}"),
    };
    format!("hard interrupt{}  {}", crate::render::escape::bounded(&name, 80), time(e.run))
}

/// `cadvisor[10137] read(2) of /proc/stat  41.5 ms, 100 % on CPU`.
pub(in crate::render::figures) fn call(r: &Recording, c: &SyscallSlow) -> String {
    let name = calls::name(r, c.syscall.nr_plus_1).unwrap_or_default();
    let what = words::call_of(&name, r.str(c.syscall.file));
    let slept = if c.slept { ", slept" } else { "" };
    let share = percent(c.on_cpu.0, c.duration.0);
    format!("{} {what}  {}, {share} on CPU{slept}", calls::who(r, c.task), time(c.duration))
}

impl Mark {
    pub(super) fn draw(&self, body: &mut String, scale: Scale, y: f64, height: f64) {
        let end = self.start.after(self.duration);
        let x = scale.x(self.start);
        let width = scale.length(self.start, end).max(LEAST);
        let slept = if self.slept { " slept" } else { "" };
        let at = self.start.since(scale.from);
        let title = format!("{} at +{:.6} s", self.title, at.secs());
        // Writing to a String cannot fail.
        let _ = writeln!(
            body,
            "<rect class=\"{}{slept}\" {} x=\"{x:.2}\" y=\"{y:.0}\" width=\"{width:.2}\" \
             height=\"{height:.0}\"><title>{}</title></rect>",
            self.row.class(),
            data(scale, self.start, end),
            markup::name(&title)
        );
    }
}
