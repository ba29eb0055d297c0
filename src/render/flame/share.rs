//! For how much time a sample stands, and on what that time is drawn. One rule for all flame graphs
//! and exports of stacks.

use super::super::spans::Spans;
use super::gap;
use crate::analysis::stacks::StackFacts;
use crate::model::findings::{Culprit, Stall};
use crate::model::{Recording, Sample, Vector};

/// What a sample stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// In sampling periods: one, or as many as the interrupt gap swallowed.
    pub weight: u64,
    /// What held the CPU in that time.
    pub on: On,
}

/// What time is drawn on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum On {
    /// The task and its stacks, without so many innermost functions of the kernel's.
    Stack { skip: usize },
    /// A softirq handler that held the CPU, with so many innermost functions: whom it interrupted
    /// is left out.
    Softirq { vector: Vector, depth: usize },
    /// No stack stands for it: a name.
    Named(String),
}

/// The stall that a sample is looked at in. Of a whole profile only late ticks need theirs; looking
/// up the others would cost a million look-ups.
pub(crate) fn stall<'a>(spans: &Spans<'a>, s: &Sample, stalls_only: bool) -> Option<&'a Stall> {
    if stalls_only || s.gap.0 > 0 { spans.of(s) } else { None }
}

/// What a sample stands for, in the stall it fell into.
pub(crate) fn of(r: &Recording, sample: &Sample, stall: Option<&Stall>) -> Share {
    if sample.gap.0 == 0 {
        let softirq = match stall.map(|s| &s.culprit) {
            Some(Culprit::Softirq { .. }) => {
                StackFacts::of(r.functions(sample.kernel_stack)).softirq
            }
            _ => None,
        };
        let on = match softirq {
            Some((vector, depth)) => On::Softirq { vector, depth },
            None => On::Stack { skip: 0 },
        };
        return Share { weight: sample.count(), on };
    }
    let on = match gap::holder(r, sample, stall) {
        gap::Holder::Stack { skip } => On::Stack { skip },
        gap::Holder::Named(name) => On::Named(name),
    };
    Share { weight: gap::weight(r, sample), on }
}
