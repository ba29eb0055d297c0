//! A recording by CPU and time, with each stack looked at once.

use std::collections::BTreeMap;

use super::stacks::StackFacts;
use crate::model::{Recording, Sample, StackId, Steal};
use crate::units::{Cpu, Ktime, Nanos};

/// Samples and steal readings of each CPU in order of time.
pub struct Index<'r> {
    /// What it indexes.
    pub recording: &'r Recording,
    samples: BTreeMap<Cpu, Vec<&'r Sample>>,
    steal: BTreeMap<Cpu, Vec<Steal>>,
    stacks: Vec<StackFacts>,
    none: StackFacts,
}

impl<'r> Index<'r> {
    pub fn new(recording: &'r Recording) -> Index<'r> {
        let mut samples: BTreeMap<Cpu, Vec<&Sample>> =
            super::cpus_of(recording).into_iter().map(|c| (c, Vec::new())).collect();
        for sample in &recording.samples {
            samples.entry(sample.cpu).or_default().push(sample);
        }
        let mut steal: BTreeMap<Cpu, Vec<Steal>> = BTreeMap::new();
        for reading in &recording.steal {
            steal.entry(reading.cpu).or_default().push(*reading);
        }
        let stacks = (0..recording.stacks.len())
            .map(|n| StackFacts::of(recording.functions(StackId(n as u32))))
            .collect();
        Index { recording, samples, steal, stacks, none: StackFacts::default() }
    }

    /// The CPUs, in order.
    pub fn cpus(&self) -> impl Iterator<Item = Cpu> + '_ {
        self.samples.keys().copied()
    }

    /// All samples of a CPU.
    pub fn samples(&self, cpu: Cpu) -> &[&'r Sample] {
        self.samples.get(&cpu).map_or(&[], Vec::as_slice)
    }

    /// The samples of a CPU after `start` and up to `end`.
    pub fn between(&self, cpu: Cpu, start: Ktime, end: Ktime) -> &[&'r Sample] {
        let all = self.samples(cpu);
        let from = all.partition_point(|s| s.time <= start);
        let to = all.partition_point(|s| s.time <= end);
        all.get(from..to).unwrap_or_default()
    }

    /// What a kernel stack tells.
    pub fn facts(&self, stack: StackId) -> &StackFacts {
        self.stacks.get(stack.0 as usize).unwrap_or(&self.none)
    }

    /// Steal time counted between the last reading before `start` and the first one after
    /// `end`; none where it was not read around.
    pub fn stolen(&self, cpu: Cpu, start: Ktime, end: Ktime) -> Option<Nanos> {
        let readings = self.steal.get(&cpu)?;
        let before = readings.partition_point(|r| r.time <= start).checked_sub(1)?;
        let after = readings.partition_point(|r| r.time < end);
        let (before, after) = (readings.get(before)?, readings.get(after)?);
        Some(Nanos(after.total.0.saturating_sub(before.total.0)))
    }
}
