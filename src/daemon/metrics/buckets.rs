//! In-kernel histograms as Prometheus has them: a bound at each power of two.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::encoding::{EncodeLabelSet, MetricEncoder, NoLabelSet};

use crate::model::hist;

/// Powers of two from 1.024 us to 34.4 s: bounds that the kernel's buckets have, too, so that
/// nothing is guessed.
const POWERS: std::ops::RangeInclusive<u32> = 10..=35;

/// Counts by the kernel's buckets, of all time.
#[derive(Clone, Debug, Default)]
pub struct Buckets(BTreeMap<u32, u64>);

impl Buckets {
    /// Adds to a bucket.
    pub fn add(&mut self, bucket: u32, count: u64) {
        *self.0.entry(bucket).or_default() += count;
    }

    /// Adds all of another.
    pub fn join(&mut self, other: &Buckets) {
        other.0.iter().for_each(|(bucket, count)| self.add(*bucket, *count));
    }

    /// Writes it under its labels. The sum takes the middle of each bucket: it is right within
    /// 3.2 %.
    pub fn encode<L: EncodeLabelSet>(&self, to: &mut MetricEncoder<'_>, labels: &L) -> fmt::Result {
        let count: u64 = self.0.values().sum();
        let middle = |bucket: u32| {
            let low = hist::lower(bucket as usize).secs();
            (low + hist::lower(bucket as usize + 1).secs()) / 2.0
        };
        let sum = self.0.iter().map(|(bucket, count)| middle(*bucket) * *count as f64).sum();
        let mut rows: Vec<(f64, u64)> = Vec::new();
        let mut below = 0;
        for power in POWERS {
            let bound = 1u64 << power;
            let upto: u64 = self
                .0
                .range(..hist::bucket(crate::units::Nanos(bound)) as u32)
                .map(|(_, n)| n)
                .sum();
            rows.push((bound as f64 / 1e9, upto - below));
            below = upto;
        }
        // This, and not the largest number, is what the encoder writes as `+Inf`.
        rows.push((f64::INFINITY, count - below));
        to.encode_family(labels)?.encode_histogram::<NoLabelSet>(sum, count, &rows, None)
    }
}
