//! Percentiles from the in-kernel histograms.

use std::collections::BTreeMap;

use crate::model::event::HistKind;
use crate::model::findings::Latency;
use crate::model::{Recording, Vector, hist};
use crate::units::{Cpu, Nanos};

/// One line for each CPU and latency that was counted at all.
pub fn latencies(recording: &Recording) -> Vec<Latency> {
    let mut rows: BTreeMap<_, BTreeMap<u32, u64>> = BTreeMap::new();
    for h in &recording.hists {
        let count = rows.entry((h.kind, h.cpu, h.vector)).or_default().entry(h.bucket).or_default();
        *count = count.saturating_add(h.count);
    }
    let longest = longest(recording);
    rows.into_iter()
        .map(|((kind, cpu, vector), buckets)| {
            let longest = longest.get(&(kind, cpu, vector)).copied();
            let (what, vector) = match kind {
                HistKind::SoftirqDelay => ("softirq_delay", Some(vector)),
                HistKind::SoftirqRun => ("softirq_run", Some(vector)),
                HistKind::KsoftirqdWait => ("ksoftirqd_wait", None),
            };
            let count = buckets.values().fold(0u64, |a, b| a.saturating_add(*b));
            // A record that was lost may have been longer: one of the top bucket is the longest.
            let top = buckets.keys().next_back().map(|b| *b as usize);
            let exact = longest.filter(|l| Some(hist::bucket(*l)) == top);
            let at = |share: f64| {
                let upper = percentile(&buckets, count, share);
                exact.map_or(upper, |exact| upper.min(exact))
            };
            Latency {
                what,
                cpu,
                vector,
                count,
                p50: at(0.5),
                p99: at(0.99),
                p999: at(0.999),
                max: at(1.0),
            }
        })
        .collect()
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

/// Upper end of the bucket that holds the given share.
fn percentile(buckets: &BTreeMap<u32, u64>, count: u64, share: f64) -> Nanos {
    let rank = ((count as f64 * share).ceil() as u64).max(1);
    let mut seen = 0u64;
    for (&bucket, &n) in buckets {
        seen = seen.saturating_add(n);
        if seen >= rank {
            return Nanos(hist::lower(bucket as usize + 1).0.saturating_sub(1));
        }
    }
    Nanos(0)
}
