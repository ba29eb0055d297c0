//! The worst lateness of each CPU in the last minutes, for the page.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::units::{Cpu, Ktime, Nanos};

/// Length of a step.
pub const STEP: Nanos = Nanos(2_000_000_000);
/// How many steps are kept: five minutes.
pub const STEPS: usize = 150;

/// By CPU, the step's number and its worst.
#[derive(Debug, Default)]
pub struct Strips(Mutex<BTreeMap<Cpu, BTreeMap<u64, Nanos>>>);

impl Strips {
    /// Takes a lateness in.
    pub fn late(&self, cpu: Cpu, time: Ktime, late: Nanos) {
        let mut strips = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let strip = strips.entry(cpu).or_default();
        let worst = strip.entry(time.0 / STEP.0).or_default();
        *worst = late.max(*worst);
        while strip.len() > STEPS {
            strip.pop_first();
        }
    }

    /// For each CPU that was ever late: how many steps ago, and the worst of that step.
    #[must_use]
    pub fn read(&self, now: Ktime) -> Vec<(Cpu, Vec<(usize, Nanos)>)> {
        let strips = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now.0 / STEP.0;
        let ago = |step: u64| usize::try_from(now.saturating_sub(step)).unwrap_or(usize::MAX);
        let of = |strip: &BTreeMap<u64, Nanos>| {
            let steps = strip.iter().map(|(step, worst)| (ago(*step), *worst));
            steps.filter(|(ago, _)| *ago < STEPS).collect()
        };
        strips.iter().map(|(cpu, strip)| (*cpu, of(strip))).collect()
    }
}
