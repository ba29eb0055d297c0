//! Percentiles from the in-kernel histograms.

use std::collections::BTreeMap;

use crate::model::event::HistKind;
use crate::model::findings::Latency;
use crate::model::{Recording, hist};
use crate::units::Nanos;

/// One line for each CPU and latency that was counted at all.
pub fn latencies(recording: &Recording) -> Vec<Latency> {
    let mut rows: BTreeMap<_, BTreeMap<u32, u64>> = BTreeMap::new();
    for h in &recording.hists {
        let count = rows.entry((h.kind, h.cpu, h.vector)).or_default().entry(h.bucket).or_default();
        *count = count.saturating_add(h.count);
    }
    rows.into_iter()
        .map(|((kind, cpu, vector), buckets)| {
            let (what, vector) = match kind {
                HistKind::SoftirqDelay => ("softirq_delay", Some(vector)),
                HistKind::SoftirqRun => ("softirq_run", Some(vector)),
                HistKind::KsoftirqdWait => ("ksoftirqd_wait", None),
            };
            let count = buckets.values().fold(0u64, |a, b| a.saturating_add(*b));
            let at = |share: f64| percentile(&buckets, count, share);
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
