//! Interrupt gaps in a flame graph. No sample falls into a gap; the tick that ends it stands for
//! those that it swallowed, but only where the analysis holds that the stack it landed on is what
//! kept interrupts off. Time that the hypervisor took is never drawn on a task.

use crate::model::findings::{Culprit, Stall};
use crate::model::{Recording, Sample};
use crate::units::Nanos;

/// What the time of a gap is drawn on.
pub(super) enum Holder {
    /// The stack of the tick that ended it, without so many innermost functions: they ran after
    /// the gap (softirqs, say, as soon as interrupts were back).
    Stack { skip: usize },
    /// A frame of its own on the CPU.
    Named(String),
}

/// How many ticks a gap swallowed, at least one.
pub(super) fn weight(r: &Recording, sample: &Sample) -> u64 {
    let period = r.meta.sample_period.0;
    // A damaged file may hold a gap of centuries; no gap is longer than the time before it.
    let Nanos(gap) = sample.gap.min(sample.time.since(r.meta.start));
    gap.saturating_add(period / 2).checked_div(period).unwrap_or(1).max(1)
}

/// What held the CPU during the gap that a tick ended.
pub(super) fn holder(r: &Recording, sample: &Sample, stall: Option<&Stall>) -> Holder {
    let unknown = || Holder::Named("[no interrupts came]".to_owned());
    let Some(stall) = stall else { return unknown() };
    match &stall.culprit {
        Culprit::Task(t) if t.tid == r.task(sample.task).tid => {
            Holder::Stack { skip: on_top(r, sample, stall) }
        }
        Culprit::Hypervisor => Holder::Named("[hypervisor]".to_owned()),
        Culprit::HardIrq { kind, name, .. } => {
            let kind = kind.replace('_', " ");
            Holder::Named(match name {
                Some(name) => format!("[{kind} interrupt {name}]"),
                None => format!("[{kind} interrupt]"),
            })
        }
        Culprit::Softirq { .. } => Holder::Stack { skip: 0 },
        _ => unknown(),
    }
}

/// How many functions lie on top of the stack that the analysis blames, where that is the stack
/// of this one tick; what several ticks have in common may be shorter for another reason.
fn on_top(r: &Recording, sample: &Sample, stall: &Stall) -> usize {
    let blamed = &stall.evidence.stack;
    let depth = r.stack(sample.kernel_stack).len();
    if stall.evidence.agree != 1 || blamed.is_empty() || blamed.len() > depth {
        return 0;
    }
    let same =
        r.functions(sample.kernel_stack).rev().zip(blamed.iter().rev()).all(|(a, b)| *a == **b);
    if same { depth - blamed.len() } else { 0 }
}
