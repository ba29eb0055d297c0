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
    rows.into_iter()
        .map(|((kind, cpu, vector), buckets)| {
            let longest = longest(recording, kind, cpu, vector);
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

/// The longest one, exactly, where it was past the threshold and so has a record of its own.
fn longest(r: &Recording, kind: HistKind, cpu: Cpu, vector: Vector) -> Option<Nanos> {
    match kind {
        HistKind::SoftirqDelay => {
            let own = r.delays.iter().filter(|d| d.cpu == cpu && d.vector == vector);
            own.map(|d| d.delay).max()
        }
        HistKind::SoftirqRun => {
            let own = r.runs.iter().filter(|e| e.cpu == cpu && e.vector == vector);
            own.map(|e| e.run).max()
        }
        HistKind::KsoftirqdWait => {
            r.handoffs.iter().filter(|h| h.cpu == cpu).map(|h| h.wake_to_in).max()
        }
    }
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
