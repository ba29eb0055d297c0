//! Which stall a moment of a CPU belongs to.

use std::collections::HashMap;

use crate::model::findings::{Findings, Stall};
use crate::units::{Cpu, Ktime};

/// When the first of what was late in a stall began to be.
pub(super) fn start(stall: &Stall) -> Ktime {
    stall.measures.iter().map(|m| m.start).fold(stall.start, Ktime::min)
}

/// When the last of what was late in a stall was over.
pub(super) fn end(stall: &Stall) -> Ktime {
    let longest = stall.start.after(stall.duration);
    stall.measures.iter().map(|m| m.start.after(m.duration)).fold(longest, Ktime::max)
}

/// The stalls of each CPU, for looking up by time.
pub(super) struct Spans<'a>(HashMap<Cpu, Vec<(Ktime, Ktime, &'a Stall)>>);

impl<'a> Spans<'a> {
    pub(super) fn new(f: &'a Findings) -> Spans<'a> {
        let mut spans: HashMap<Cpu, Vec<_>> = HashMap::new();
        for stall in &f.stalls {
            spans.entry(stall.cpu).or_default().push((start(stall), end(stall), stall));
        }
        for list in spans.values_mut() {
            list.sort_by_key(|&(start, end, stall)| (start, end, stall.id));
        }
        Spans(spans)
    }

    /// The stall during which `time` was on `cpu`, both ends included: the tick that ends an
    /// interrupt gap is its best witness.
    pub(super) fn at(&self, cpu: Cpu, time: Ktime) -> Option<&'a Stall> {
        let list = self.0.get(&cpu)?;
        let after = list.partition_point(|&(start, ..)| start <= time);
        let &(_, end, stall) = list[..after].last()?;
        (time <= end).then_some(stall)
    }
}

/// The longest stall, the first of equals.
pub(super) fn worst(f: &Findings) -> Option<&Stall> {
    f.stalls.iter().min_by_key(|s| (std::cmp::Reverse(s.duration), s.id))
}
