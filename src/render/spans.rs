//! Which stall a moment of a CPU belongs to.

use std::collections::{BTreeMap, HashMap};

use crate::model::Sample;
use crate::model::findings::{Findings, Stall, StallKind};
use crate::units::{Cpu, Ktime, Nanos};

/// When the first of what was late in a stall began to be.
pub(crate) fn start(stall: &Stall) -> Ktime {
    stall.measures.iter().map(|m| m.start).fold(stall.start, Ktime::min)
}

/// When the last of what was late in a stall was over.
pub(crate) fn end(stall: &Stall) -> Ktime {
    let longest = stall.start.after(stall.duration);
    stall.measures.iter().map(|m| m.start.after(m.duration)).fold(longest, Ktime::max)
}

/// The stalls of each CPU, for looking up by time.
pub(crate) struct Spans<'a> {
    by_cpu: BTreeMap<Cpu, Vec<(Ktime, Ktime, &'a Stall)>>,
    /// Stalls by the CPU, end and length of each interrupt gap in them.
    gaps: HashMap<(Cpu, Ktime, Nanos), &'a Stall>,
}

impl<'a> Spans<'a> {
    /// Those that harmed somebody: where only ksoftirqd waited, what ran held nobody up.
    pub(crate) fn new(f: &'a Findings) -> Spans<'a> {
        Spans::among(f.stalls.iter().filter(|s| !s.served_meanwhile()))
    }

    /// All of them.
    pub(crate) fn all(f: &'a Findings) -> Spans<'a> {
        Spans::among(f.stalls.iter())
    }

    fn among(stalls: impl Iterator<Item = &'a Stall>) -> Spans<'a> {
        let mut by_cpu: BTreeMap<Cpu, Vec<_>> = BTreeMap::new();
        let mut gaps = HashMap::new();
        for stall in stalls {
            by_cpu.entry(stall.cpu).or_default().push((start(stall), end(stall), stall));
            let of_stall = stall.measures.iter().filter(|m| m.kind == StallKind::InterruptGap);
            for m in of_stall {
                gaps.insert((stall.cpu, m.start.after(m.duration), m.duration), stall);
            }
        }
        for list in by_cpu.values_mut() {
            list.sort_by_key(|&(start, end, stall)| (start, end, stall.id));
        }
        Spans { by_cpu, gaps }
    }

    /// The stall that a sample belongs to. A late tick belongs to that of its own gap: another one
    /// may have begun before the tick came.
    pub(crate) fn of(&self, s: &Sample) -> Option<&'a Stall> {
        let own = match s.gap {
            Nanos(0) => None,
            gap => self.gaps.get(&(s.cpu, s.time, gap)).copied(),
        };
        own.or_else(|| self.at(s.cpu, s.time))
    }

    /// The stall during which `time` was on `cpu`, both ends included: the tick that ends an
    /// interrupt gap is its best witness.
    fn at(&self, cpu: Cpu, time: Ktime) -> Option<&'a Stall> {
        let list = self.by_cpu.get(&cpu)?;
        let after = list.partition_point(|&(start, ..)| start <= time);
        let &(_, end, stall) = list[..after].last()?;
        (time <= end).then_some(stall)
    }
}
