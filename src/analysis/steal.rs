//! How much of an interrupt gap the hypervisor took: a virtual CPU that does not run takes no
//! interrupts either.

use super::blame::end_of;
use super::index::Index;
use crate::model::Recording;
use crate::model::findings::Measure;
use crate::units::{Cpu, Nanos};

/// `/proc/stat` counts in steps of 1/USER_HZ.
const STEP: Nanos = Nanos(10_000_000);
/// The kernel counts at its own tick: bpf/gap.bpf.h.
const SETTLES: Nanos = Nanos(10_000_000);

/// Steal time that is at most one in so many of the gaps that it was counted over was in few of them.
const FEW: u64 = 50;

/// Steal time counted around a gap, and what that says of the gap itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stolen {
    /// All of it, in a span of time that is longer than the gap.
    pub around: Nanos,
    /// What must have been within the gap, as the rest of that span has no room for it.
    pub least: Nanos,
    /// What may have been within the gap.
    pub most: Nanos,
    /// Other gaps lie in the same span: it may have been in them.
    pub shared: bool,
    /// Counted to the nanosecond, close around the gap.
    pub exact: bool,
}

/// A virtual machine of which nothing tells when its hypervisor takes a CPU away.
pub fn untold(r: &Recording) -> bool {
    r.meta.virtual_machine == Some(true) && !r.steal.iter().any(|s| s.total.0 > 0)
}

/// Steal time around a gap; zero where nothing was read around it. Both counts hold: the sampler's is
/// exact, but where the CPU idled before and after, those of the file lie closer around the gap.
pub fn around(index: &Index<'_>, cpu: Cpu, gap: &Measure) -> Stolen {
    match (told(index, cpu, gap), read(index, cpu, gap)) {
        (Some(told), Some(read)) => {
            Stolen { least: told.least.max(read.least), most: told.most.min(read.most), ..told }
        }
        (told, read) => told.or(read).unwrap_or_default(),
    }
}

/// As the sampler tells it, with the first tick after the gap by which the kernel had counted.
fn told(index: &Index<'_>, cpu: Cpu, gap: &Measure) -> Option<Stolen> {
    let sample = index.told.after(cpu, end_of(gap))?;
    let since = sample.time.before(sample.stolen_over);
    let gaps = index.gaps.between(cpu, since, sample.time);
    let beside = sample.stolen_over.0.saturating_sub(gap.duration.0);
    // Of a storm of gaps that are told together it was in few, if it is little: no reason to doubt each.
    let all = gaps.iter().fold(0u64, |sum, s| sum.saturating_add(s.gap.0));
    let few = sample.stolen.0.saturating_mul(FEW) <= all;
    let most = if few { 0 } else { sample.stolen.0.min(gap.duration.0) };
    (since <= gap.start).then(|| Stolen {
        around: sample.stolen,
        least: Nanos(sample.stolen.0.saturating_sub(beside)),
        most: Nanos(most),
        shared: gaps.iter().any(|s| s.time != end_of(gap)),
        exact: true,
    })
}

/// As `/proc/stat` had it last before the gap, and first after it once the kernel had counted: a step
/// more or less is possible.
fn read(index: &Index<'_>, cpu: Cpu, gap: &Measure) -> Option<Stolen> {
    let readings = index.steal.of(cpu);
    let before = readings.partition_point(|r| r.time <= gap.start).checked_sub(1)?;
    let counted = end_of(gap).after(SETTLES);
    let after = readings.partition_point(|r| r.time < counted);
    // The last of all comes right after the end of the recording.
    let last = readings.last().filter(|r| r.time >= end_of(gap));
    let (before, after) = (readings.get(before)?, readings.get(after).or(last)?);
    let around = Nanos(after.total.0.saturating_sub(before.total.0));
    let beside = after.time.since(before.time).0.saturating_sub(gap.duration.0);
    // On real hardware nothing is ever stolen.
    let step = if after.total.0 > 0 { STEP } else { Nanos(0) };
    Some(Stolen {
        around,
        least: Nanos(around.0.saturating_sub(beside.saturating_add(step.0))),
        most: Nanos(around.0.saturating_add(step.0).min(gap.duration.0)),
        ..Stolen::default()
    })
}
