//! A stall: what was late, and by how much.

use serde::Serialize;

use super::cause::Cause;
use super::culprit::{Culprit, Evidence};
use crate::model::{Handoff, Vector};
use crate::units::{Cpu, Ktime, Nanos};

/// What was late, and by how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StallKind {
    /// A softirq waited.
    SoftirqDelay,
    /// Softirqs were left to ksoftirqd, which came late to them.
    Handoff,
    /// A softirq handler ran long.
    SoftirqRun,
    /// The CPU took no timer interrupt.
    InterruptGap,
}

impl StallKind {
    /// All kinds, in their order.
    pub const ALL: [StallKind; 4] = [
        StallKind::SoftirqDelay,
        StallKind::Handoff,
        StallKind::SoftirqRun,
        StallKind::InterruptGap,
    ];

    /// Its name for programs: in JSON, labels of metrics, triggers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            StallKind::SoftirqDelay => "softirq_delay",
            StallKind::Handoff => "handoff",
            StallKind::SoftirqRun => "softirq_run",
            StallKind::InterruptGap => "interrupt_gap",
        }
    }
}

/// One measured lateness. A stall has one or more: they overlap in time on one CPU.
#[derive(Clone, Debug, Serialize)]
pub struct Measure {
    /// What was late.
    pub kind: StallKind,
    /// When the lateness began.
    pub start: Ktime,
    /// How long it was.
    pub duration: Nanos,
    /// The true duration lies within plus or minus this; 0 where both ends were seen.
    pub uncertainty: Nanos,
    /// The vectors that waited or ran, as the measure has them.
    pub vectors: Vec<Vector>,
    /// The three parts of a handoff.
    pub handoff: Option<HandoffParts>,
    /// Where the softirq ran in the end.
    pub context: Option<Context>,
    /// It still went on at the last tick before the recording ended: the true duration is longer.
    pub open: bool,
}

/// The parts of a handoff.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct HandoffParts {
    /// Oldest pending raise to the wake of ksoftirqd.
    pub raise_to_wake: Nanos,
    /// Wake to switched in: the ksoftirqd wait.
    pub wake_to_in: Nanos,
    /// Switched in to the first softirq entered.
    pub in_to_entry: Nanos,
    /// Wake to the first softirq served by an interrupt's exit instead; 0 if none was.
    pub served_after: Nanos,
    /// Softirqs were left for ksoftirqd when it came; else all had been served.
    pub entered: bool,
}

impl From<&Handoff> for HandoffParts {
    fn from(h: &Handoff) -> HandoffParts {
        HandoffParts {
            raise_to_wake: h.raise_to_wake,
            wake_to_in: h.wake_to_in,
            in_to_entry: h.in_to_entry,
            served_after: h.served_after,
            entered: h.entered,
        }
    }
}

impl HandoffParts {
    /// All three together.
    #[must_use]
    pub fn whole(&self) -> Nanos {
        self.raise_to_wake + self.wake_to_in + self.in_to_entry
    }

    /// Whether its softirqs were run by others before ksoftirqd got to them: nobody waited.
    #[must_use]
    pub fn served_meanwhile(&self) -> bool {
        self.served_after.0 > 0 || !self.entered
    }
}

impl Measure {
    /// A handoff in which nobody waited but ksoftirqd.
    #[must_use]
    pub fn served_meanwhile(&self) -> bool {
        self.handoff.is_some_and(|h| h.served_meanwhile())
    }

    /// How bad it was, to compare: the longest in which somebody waited besides ksoftirqd.
    #[must_use]
    pub fn rank(&self) -> (bool, Nanos) {
        (!self.served_meanwhile(), self.duration)
    }
}

impl Stall {
    /// Only ksoftirqd waited, and the exits of interrupts ran its softirqs meanwhile.
    #[must_use]
    pub fn served_meanwhile(&self) -> bool {
        self.measures.iter().all(Measure::served_meanwhile)
    }

    /// How bad it was, to compare: the longest in which somebody waited besides ksoftirqd.
    #[must_use]
    pub fn rank(&self) -> (bool, Nanos) {
        (!self.served_meanwhile(), self.duration)
    }
}

/// Where a softirq ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Context {
    /// At the tail of an interrupt.
    Irq,
    /// At the end of a BH-disabled section of a task.
    Task,
    /// In `ksoftirqd/N`.
    Ksoftirqd,
    /// In a threaded NAPI poller.
    Napi,
    /// On an idle CPU.
    Idle,
}

/// A stall: overlapping latenesses of one CPU, with who did it.
#[derive(Clone, Debug, Serialize)]
pub struct Stall {
    /// Number within the recording, in order of time, from 1.
    pub id: usize,
    /// The CPU that stalled.
    pub cpu: Cpu,
    /// When it began.
    pub start: Ktime,
    /// Length of its longest measure, of those in which somebody waited if there is one.
    pub duration: Nanos,
    /// What was late, longest first, what harmed nobody last; never empty.
    pub measures: Vec<Measure>,
    /// Why.
    pub cause: Cause,
    /// Who.
    pub culprit: Culprit,
    /// On what that rests.
    pub evidence: Evidence,
}
