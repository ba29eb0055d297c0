//! The worst latenesses of each CPU in the last minutes.

use std::collections::BTreeMap;

use crate::model::Lateness;
use crate::model::live::{Late, LiveStep, STEP, STEPS};
use crate::units::{Cpu, Ktime};

/// By CPU, the step's number and what was late in it.
#[derive(Debug, Default)]
pub struct Strips(BTreeMap<Cpu, BTreeMap<u64, Late>>);

fn step(time: Ktime) -> u64 {
    time.0 / STEP.0
}

impl Strips {
    /// Takes a lateness in, at all steps that it lasted through.
    pub fn late(&mut self, late: Lateness) {
        let Lateness { kind, cpu, end, length, .. } = late;
        let strip = self.0.entry(cpu).or_default();
        let last = step(end);
        let first = step(end.before(length)).max(last.saturating_sub(STEPS - 1));
        for at in first..=last {
            strip.entry(at).or_default().see(kind.name(), length);
        }
        while strip.len() as u64 > STEPS {
            strip.pop_first();
        }
    }

    /// The steps of a CPU in which anything was late, the latest first.
    pub fn of(&self, cpu: Cpu, now: Ktime) -> Vec<LiveStep> {
        let now = step(now);
        let steps = self.0.get(&cpu).into_iter().flatten().rev();
        let steps = steps.map(|(at, late)| LiveStep { ago: now.saturating_sub(*at), late: *late });
        steps.filter(|step| step.ago < STEPS).collect()
    }

    /// CPUs that were ever late.
    pub fn cpus(&self) -> impl Iterator<Item = Cpu> {
        self.0.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::findings::StallKind;
    use crate::units::Nanos;

    fn late(kind: StallKind, end: Ktime, length: Nanos) -> Lateness {
        Lateness { kind, cpu: Cpu(1), end, length, served_meanwhile: false }
    }

    #[test]
    fn a_lateness_shows_in_all_steps_it_lasted_through() {
        let mut strips = Strips::default();
        let at = |seconds: u64| Ktime(seconds * 1_000_000_000);
        strips.late(late(StallKind::InterruptGap, at(1005), Nanos(4_000_000_000)));
        strips.late(late(StallKind::SoftirqDelay, at(1005), Nanos(20_000_000)));
        let seen: Vec<_> =
            strips.of(Cpu(1), at(1006)).iter().map(|s| (s.ago, s.late.worst().0)).collect();
        assert_eq!(seen, [(1, 4_000_000_000), (2, 4_000_000_000), (3, 4_000_000_000)]);
        assert_eq!(strips.of(Cpu(1), at(1006))[0].late.softirq_delay, Nanos(20_000_000));
        assert!(strips.of(Cpu(1), at(1006 + 300)).is_empty());
        assert!(strips.of(Cpu(0), at(1006)).is_empty());
        // However long it was, and however many came: five minutes are kept.
        strips.late(late(StallKind::Handoff, at(9000), Nanos(8_000_000_000_000)));
        assert_eq!(strips.of(Cpu(1), at(9000)).len() as u64, STEPS);
    }
}
