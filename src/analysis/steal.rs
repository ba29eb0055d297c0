//! How much of an interrupt gap the hypervisor took: a virtual CPU that does not run takes no
//! interrupts either.

use super::index::Index;
use crate::model::findings::Measure;
use crate::units::{Cpu, Nanos};

/// `/proc/stat` counts in steps of 1/USER_HZ.
const STEP: Nanos = Nanos(10_000_000);

/// Steal time counted around a gap, and what that says of the gap itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stolen {
    /// All of it, in a span of time that is longer than the gap.
    pub around: Nanos,
    /// What must have been within the gap, as the rest of that span has no room for it.
    pub least: Nanos,
    /// What may have been within the gap.
    pub most: Nanos,
}

impl Stolen {
    fn new(gap: &Measure, around: Nanos, span: Nanos, step: Nanos) -> Stolen {
        let beside = span.0.saturating_sub(gap.duration.0).saturating_add(step.0);
        Stolen {
            around,
            least: Nanos(around.0.saturating_sub(beside)),
            most: Nanos(around.0.min(gap.duration.0)),
        }
    }
}

/// Steal time around a gap, by the closer of two readings; zero where nothing was read around it.
pub fn around(index: &Index<'_>, cpu: Cpu, gap: &Measure) -> Stolen {
    let both = [told(index, cpu, gap), read(index, cpu, gap)].into_iter().flatten();
    let closer = |a: Stolen, b: Stolen| Stolen {
        around: a.around.min(b.around),
        least: a.least.max(b.least),
        most: a.most.min(b.most),
    };
    both.reduce(closer).unwrap_or_default()
}

/// As the sampler tells it.
fn told(index: &Index<'_>, cpu: Cpu, gap: &Measure) -> Option<Stolen> {
    let samples = index.samples.of(cpu);
    let later = samples.get(samples.partition_point(|s| s.time < super::blame::end_of(gap))..)?;
    let sample = later.iter().find(|s| s.stolen_over.0 > 0)?;
    let before = sample.time.before(sample.stolen_over) <= gap.start;
    before.then(|| Stolen::new(gap, sample.stolen, sample.stolen_over, Nanos(0)))
}

/// As `/proc/stat` had it last before the gap and first after it.
fn read(index: &Index<'_>, cpu: Cpu, gap: &Measure) -> Option<Stolen> {
    let readings = index.steal.of(cpu);
    let before = readings.partition_point(|r| r.time <= gap.start).checked_sub(1)?;
    let after = readings.partition_point(|r| r.time < super::blame::end_of(gap));
    let (before, after) = (readings.get(before)?, readings.get(after)?);
    let around = Nanos(after.total.0.saturating_sub(before.total.0));
    Some(Stolen::new(gap, around, after.time.since(before.time), STEP))
}
