//! Percentiles from the in-kernel histograms.

use std::collections::BTreeMap;

use crate::model::event::HistKind;
use crate::model::findings::Latency;
use crate::model::{Recording, Vector, hist};
use crate::units::{Cpu, Nanos};

/// How often one latency of one CPU was how long.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// `softirq_delay`, `softirq_run` or `ksoftirqd_wait`.
    pub what: &'static str,
    /// The CPU.
    pub cpu: Cpu,
    /// The vector, for softirqs.
    pub vector: Option<Vector>,
    /// How many were counted.
    pub count: u64,
    /// Upper end of each bucket that is not empty, in order, and how many fell into it. The last
    /// end is the longest itself where that is known exactly.
    pub buckets: Vec<(Nanos, u64)>,
}

/// A histogram for each CPU and latency that was counted at all.
#[must_use]
pub fn histograms(recording: &Recording) -> Vec<Histogram> {
    let mut rows: BTreeMap<_, BTreeMap<u32, u64>> = BTreeMap::new();
    for h in &recording.hists {
        let count = rows.entry((h.kind, h.cpu, h.vector)).or_default().entry(h.bucket).or_default();
        *count = count.saturating_add(h.count);
    }
    let longest = longest(recording);
    rows.into_iter()
        .map(|((kind, cpu, vector), counts)| {
            let longest = longest.get(&(kind, cpu, vector)).copied();
            let (what, vector) = match kind {
                HistKind::SoftirqDelay => ("softirq_delay", Some(vector)),
                HistKind::SoftirqRun => ("softirq_run", Some(vector)),
                HistKind::KsoftirqdWait => ("ksoftirqd_wait", None),
            };
            // A record that was lost may have been longer: one of the top bucket is the longest.
            let top = counts.keys().next_back().map(|b| *b as usize);
            let exact = longest.filter(|l| Some(hist::bucket(*l)) == top);
            let mut buckets: Vec<(Nanos, u64)> =
                counts.iter().map(|(&bucket, &n)| (upper(bucket), n)).collect();
            if let (Some(last), Some(exact)) = (buckets.last_mut(), exact) {
                last.0 = last.0.min(exact);
            }
            let count = counts.values().fold(0u64, |a, b| a.saturating_add(*b));
            Histogram { what, cpu, vector, count, buckets }
        })
        .collect()
}

/// One line for each CPU and latency that was counted at all.
pub fn latencies(recording: &Recording) -> Vec<Latency> {
    let line = |h: Histogram| Latency {
        what: h.what,
        cpu: h.cpu,
        vector: h.vector,
        count: h.count,
        p50: h.at(0.5),
        p99: h.at(0.99),
        p999: h.at(0.999),
        max: h.at(1.0),
    };
    histograms(recording).into_iter().map(line).collect()
}

/// Upper end of a bucket.
fn upper(bucket: u32) -> Nanos {
    Nanos(hist::lower(bucket as usize + 1).0.saturating_sub(1))
}

/// The longest of each, exactly, where it was past the threshold and so has a record of its own.
fn longest(r: &Recording) -> BTreeMap<(HistKind, Cpu, Vector), Nanos> {
    let delays = r.delays.iter().map(|d| (HistKind::SoftirqDelay, d.cpu, d.vector, d.delay));
    let runs = r.runs.iter().map(|e| (HistKind::SoftirqRun, e.cpu, e.vector, e.run));
    let none = Vector::default();
    let waits = r.handoffs.iter().map(|h| (HistKind::KsoftirqdWait, h.cpu, none, h.wake_to_in));
    let mut longest = BTreeMap::new();
    for (kind, cpu, vector, length) in delays.chain(runs).chain(waits) {
        let most = longest.entry((kind, cpu, vector)).or_insert(length);
        *most = length.max(*most);
    }
    longest
}

impl Histogram {
    /// Upper end of the bucket that holds the given share.
    #[must_use]
    pub fn at(&self, share: f64) -> Nanos {
        let rank = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0u64;
        for &(upper, n) in &self.buckets {
            seen = seen.saturating_add(n);
            if seen >= rank {
                return upper;
            }
        }
        Nanos(0)
    }
}
