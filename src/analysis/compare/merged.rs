//! Histograms of several CPUs or recordings as one: bucket by bucket, nothing is lost.

use std::collections::BTreeMap;

use super::stats::percentile_ranks;
use crate::model::difference::Bounds;
use crate::model::event::HistKind;
use crate::model::{Recording, Vector, hist};
use crate::units::{Cpu, Nanos};

/// Which latency: its name and vector.
pub type Which = (&'static str, Option<Vector>);

/// Counts by latency and bucket.
#[derive(Clone, Debug, Default)]
pub struct Merged(BTreeMap<Which, BTreeMap<u32, u64>>);

impl Merged {
    /// Adds what a recording counted on these CPUs.
    pub fn add(&mut self, r: &Recording, wanted: impl Fn(Cpu) -> bool) {
        for h in r.hists.iter().filter(|h| wanted(h.cpu)) {
            let which = match h.kind {
                HistKind::SoftirqDelay => ("softirq_delay", Some(h.vector)),
                HistKind::SoftirqRun => ("softirq_run", Some(h.vector)),
                HistKind::KsoftirqdWait => ("ksoftirqd_wait", None),
            };
            let bucket = h.bucket.min(hist::BUCKETS as u32 - 1);
            let count = self.0.entry(which).or_default().entry(bucket).or_default();
            *count = count.saturating_add(h.count);
        }
    }

    /// Latencies in order.
    pub fn which(&self) -> impl Iterator<Item = Which> {
        self.0.keys().copied()
    }

    /// How many events.
    pub fn count(&self, which: Which) -> u64 {
        let buckets = self.0.get(&which);
        buckets.map_or(0, |b| b.values().fold(0, |sum: u64, n| sum.saturating_add(*n)))
    }

    /// Upper end of each bucket that is not empty, no later than the longest, and how many events.
    pub fn buckets(&self, which: Which, longest: Nanos) -> Vec<(Nanos, u64)> {
        let all = self.0.get(&which).into_iter().flatten();
        all.map(|(bucket, n)| (upper(*bucket).min(longest), *n)).collect()
    }

    /// Upper end of the bucket that holds the given share.
    pub fn percentile(&self, which: Which, share: f64) -> Nanos {
        let count = self.count(which);
        let rank = ((count as f64 * share).ceil() as u64).clamp(1, count.max(1));
        self.bucket(which, rank).map(upper).unwrap_or_default()
    }

    /// Bounds of a percentile; none where there are too few events.
    pub fn bounds(&self, which: Which, share: f64) -> Option<Bounds> {
        let (low, high) = percentile_ranks(self.count(which), share)?;
        let low = hist::lower(self.bucket(which, low)? as usize);
        Some(Bounds { low, high: upper(self.bucket(which, high)?) })
    }

    /// The bucket of the event of this rank, from 1.
    fn bucket(&self, which: Which, rank: u64) -> Option<u32> {
        let mut seen = 0u64;
        let holds = |(_, n): &(&u32, &u64)| {
            seen = seen.saturating_add(**n);
            seen >= rank
        };
        self.0.get(&which)?.iter().find(holds).map(|(bucket, _)| *bucket)
    }
}

/// The largest value of a bucket.
fn upper(bucket: u32) -> Nanos {
    Nanos(hist::lower(bucket as usize + 1).0.saturating_sub(1))
}
