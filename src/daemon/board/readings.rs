//! The in-kernel histograms of the last seconds, as they were read.

use std::collections::{BTreeMap, VecDeque};

use crate::model::event::HistKind;
use crate::model::live::{INTERVALS, Spread};
use crate::model::{HistCount, Vector, hist};
use crate::units::{Cpu, Ktime, Nanos};

/// Rows that are kept at most: 12 bytes each.
const MOST: usize = 500_000;
/// The counters are read every two seconds, now and then a little later.
const LATE: Nanos = Nanos(1_500_000_000);

/// Counts of one bucket.
#[derive(Clone, Copy, Debug)]
struct Row {
    cpu: u32,
    count: u32,
    bucket: u16,
    kind: HistKind,
    vector: u8,
}

/// One reading of all histograms: what was counted since the one before.
#[derive(Debug)]
struct Reading {
    time: Ktime,
    rows: Vec<Row>,
}

/// The readings that are kept, oldest first.
#[derive(Debug, Default)]
pub struct Readings {
    list: VecDeque<Reading>,
    rows: usize,
}

/// How the latencies of a CPU are spread, by kind and vector.
pub type Spreads = BTreeMap<(HistKind, Cpu), BTreeMap<Vector, BTreeMap<u32, u64>>>;

impl Readings {
    /// Takes a count in.
    pub fn add(&mut self, h: &HistCount) {
        if self.list.back().is_none_or(|last| last.time != h.time) {
            self.list.push_back(Reading { time: h.time, rows: Vec::new() });
            self.trim(h.time);
        }
        let Some(last) = self.list.back_mut() else { return };
        last.rows.push(Row {
            cpu: h.cpu.0,
            count: u32::try_from(h.count).unwrap_or(u32::MAX),
            bucket: h.bucket as u16,
            kind: h.kind,
            vector: h.vector.0,
        });
        self.rows += 1;
    }

    fn trim(&mut self, now: Ktime) {
        let keep = Nanos(INTERVALS.end() * 1_000_000_000) + LATE;
        while let Some(oldest) = self.list.front() {
            if now.since(oldest.time) <= keep && self.rows <= MOST {
                break;
            }
            self.rows -= oldest.rows.len();
            self.list.pop_front();
        }
    }

    /// What was counted in the last `interval`, and how long that really is: from the reading
    /// before the first that counts to the last one.
    pub fn since(&self, now: Ktime, interval: Nanos, started: Ktime) -> (Nanos, Spreads) {
        let mut spreads = Spreads::new();
        let newest = self.list.back().map(|last| last.time);
        let Some(newest) = newest.filter(|t| now.since(*t) <= interval + LATE) else {
            return (Nanos(0), spreads);
        };
        let of = |r: &&Reading| newest.since(r.time) < interval;
        let mut before = started;
        for reading in &self.list {
            if !of(&reading) {
                before = reading.time;
                continue;
            }
            for row in &reading.rows {
                let of_cpu = spreads.entry((row.kind, Cpu(row.cpu))).or_default();
                let buckets = of_cpu.entry(Vector(row.vector)).or_default();
                *buckets.entry(u32::from(row.bucket)).or_default() += u64::from(row.count);
            }
        }
        (newest.since(before.max(newest.before(interval + LATE))), spreads)
    }
}

/// How buckets are spread; `longest` is the longest that is known exactly, if any.
pub fn spread(buckets: &BTreeMap<u32, u64>, longest: Nanos) -> Option<Spread> {
    let count: u64 = buckets.values().sum();
    let upper = |bucket: u32| Nanos(hist::lower(bucket as usize + 1).0.saturating_sub(1));
    let at = |share: f64| {
        let rank = ((count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let found = buckets.iter().find(|(_, n)| {
            seen += **n;
            seen >= rank
        });
        found.map_or(Nanos(0), |(bucket, _)| upper(*bucket))
    };
    let top = *buckets.keys().next_back()?;
    let exact = hist::bucket(longest) == top as usize;
    let max = if exact { longest } else { upper(top) };
    (count > 0).then(|| Spread { count, p50: at(0.5).min(max), p99: at(0.99).min(max), max })
}

/// Buckets of several histograms as one.
pub fn join<'b>(all: impl Iterator<Item = &'b BTreeMap<u32, u64>>) -> BTreeMap<u32, u64> {
    let mut joined = BTreeMap::new();
    for (bucket, count) in all.flatten() {
        *joined.entry(*bucket).or_default() += count;
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(seconds: u64, delay: u64, count: u64) -> HistCount {
        let bucket = hist::bucket(Nanos(delay)) as u32;
        let time = Ktime(seconds * 1_000_000_000);
        HistCount {
            time,
            cpu: Cpu(3),
            bucket,
            count,
            vector: Vector::NET_RX,
            ..HistCount::default()
        }
    }

    #[test]
    fn the_interval_takes_the_last_readings_only() {
        let mut readings = Readings::default();
        for seconds in (100..=160).step_by(2) {
            readings.add(&count(seconds, 1_000, 10));
        }
        let now = Ktime(161_000_000_000);
        let counted = |seconds: u64| {
            let (long, found) = readings.since(now, Nanos(seconds * 1_000_000_000), Ktime(0));
            let n: u64 = found[&(HistKind::SoftirqDelay, Cpu(3))][&Vector::NET_RX].values().sum();
            (long.0 / 1_000_000_000, n)
        };
        assert_eq!(counted(2), (2, 10));
        assert_eq!(counted(10), (10, 50));
        assert_eq!(counted(30), (30, 150));
        // What is old is not shown as new.
        let (long, found) = readings.since(Ktime(170_000_000_000), Nanos(2_000_000_000), Ktime(0));
        assert!(found.is_empty() && long == Nanos(0));
    }

    #[test]
    fn spreads_have_the_longest_exactly_where_it_is_known() {
        let mut buckets = BTreeMap::new();
        for (delay, n) in [(1_000, 98), (20_000, 1), (30_000_000, 1)] {
            *buckets.entry(hist::bucket(Nanos(delay)) as u32).or_default() += n;
        }
        let exact = spread(&buckets, Nanos(30_000_000)).unwrap_or_default();
        assert_eq!((exact.count, exact.max), (100, Nanos(30_000_000)));
        assert!(exact.p50.0.abs_diff(1_000) <= 63, "{exact:?}");
        assert!(exact.p99.0.abs_diff(20_000) <= 1_250, "{exact:?}");
        let other = spread(&buckets, Nanos(50_000_000)).unwrap_or_default();
        assert!(other.max.0 >= 30_000_000 && other.max.0 < 32_000_000, "{other:?}");
        assert_eq!(spread(&BTreeMap::new(), Nanos(0)), None);
    }
}
