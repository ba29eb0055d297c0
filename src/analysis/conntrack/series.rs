//! What the counters of a network namespace grew by, reading by reading: for charts over time.

use std::collections::BTreeMap;

use crate::model::Recording;
use crate::units::Ktime;

/// A reading of the counters of one network namespace.
#[derive(Clone, Debug)]
pub struct Reading<'r> {
    /// The reading before; none for one that only says from where on growth is counted.
    pub since: Option<Ktime>,
    /// When it was read.
    pub time: Ktime,
    /// What counters grew by since the reading before, by the kernel's names; none where that is
    /// not known. Those that did not grow are left out.
    pub grown: Option<BTreeMap<&'r str, u64>>,
}

/// The readings of a network namespace, in order of time.
#[must_use]
pub fn readings(r: &Recording, netns: u64) -> Vec<Reading<'_>> {
    let mut grown: BTreeMap<Ktime, BTreeMap<&str, u64>> = BTreeMap::new();
    for row in r.ct_grown.iter().filter(|row| row.netns == netns) {
        let sum = grown.entry(row.time).or_default().entry(r.str(row.counter)).or_default();
        *sum = sum.saturating_add(row.count);
    }
    let own = r.ct_readings.iter().filter(|reading| reading.netns == netns);
    own.map(|reading| {
        let since = Some(reading.since).filter(|since| since.0 > 0);
        let known = since.is_some() && !reading.problem.is_some();
        let of = grown.remove(&reading.time).unwrap_or_default();
        Reading { since, time: reading.time, grown: known.then_some(of) }
    })
    .collect()
}
