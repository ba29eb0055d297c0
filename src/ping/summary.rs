//! What the probes of a log amount to.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::log::{Answer, Header, Probe};
use crate::units::Nanos;

/// Bursts that are told.
const BURSTS: usize = 1000;
/// Digits of the histogram: 0.1 %.
const DIGITS: u8 = 3;
/// Sends later than this of their own are worth a word.
const SENT_LATE: Nanos = Nanos::from_millis(1);

/// The answer of a prober.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// What was probed.
    pub header: Header,
    /// Probes sent.
    pub sent: u64,
    /// Answered.
    pub answered: u64,
    /// Not answered in time.
    pub lost: u64,
    /// Still under way at the end: neither.
    pub under_way: u64,
    /// Could not be sent by this host.
    pub not_sent: u64,
    /// Answered by what says that nothing is there: ICMP unreachable.
    pub unreachable: u64,
    /// Connections whose SYN had to be sent again.
    pub retransmitted: u64,
    /// Round trips past the threshold.
    pub late: u64,
    /// Round trips.
    pub rtt: Option<Percentiles>,
    /// Late probes that drained together, in order; the first 1,000.
    pub bursts: Vec<Burst>,
    /// How many bursts there are.
    pub bursts_found: usize,
    /// Probes that this host sent more than 1 ms after their time.
    pub sent_late: u64,
    /// The latest of them.
    pub send_worst: Nanos,
    /// By the receive queue of the target that they were meant for; else by source port, where
    /// there are several.
    pub spread: Vec<Path>,
}

/// Round trips from a histogram of three digits.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Percentiles {
    /// The shortest.
    pub min: Nanos,
    /// Half took at most this.
    pub p50: Nanos,
    /// Nine in ten.
    pub p90: Nanos,
    /// 99 %.
    pub p99: Nanos,
    /// 99.9 %.
    pub p999: Nanos,
    /// The longest, exact.
    pub max: Nanos,
    /// Mean.
    pub mean: Nanos,
}

/// Late probes, one after the other, whose answers came at once: they waited for one thing.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Burst {
    /// Number of the first.
    pub first: u64,
    /// Number of the last.
    pub last: u64,
    /// How many.
    pub probes: u64,
    /// The longest round trip among them.
    pub worst: Nanos,
    /// First to last answer.
    pub drained_within: Nanos,
    /// When the last answer came, nanoseconds since 1970 UTC.
    pub at_realtime: u64,
}

/// Probes by one way.
#[derive(Clone, Debug, Serialize)]
pub struct Path {
    /// Receive queue of the target.
    pub queue: Option<u32>,
    /// Source port; of a queue the first.
    pub source_port: Option<u16>,
    /// Probes sent.
    pub sent: u64,
    /// Not answered in time.
    pub lost: u64,
    /// Late ones.
    pub late: u64,
    /// Round trips.
    pub rtt: Option<Percentiles>,
}

/// Sums up probes, which are in order of their numbers.
#[must_use]
pub fn summary(header: &Header, probes: &[Probe]) -> Summary {
    let count = |is: fn(&Probe) -> bool| probes.iter().filter(|p| is(p)).count() as u64;
    let not_sent = count(|p| p.answer == Answer::NotSent);
    let bursts = bursts(header, probes);
    let late = |p: &&Probe| is_late(header, p);
    Summary {
        header: header.clone(),
        sent: probes.len() as u64 - not_sent,
        answered: count(|p| p.rtt.is_some()),
        lost: count(|p| p.answer == Answer::Lost),
        under_way: count(|p| p.answer == Answer::UnderWay),
        not_sent,
        unreachable: count(|p| p.answer == Answer::Unreachable),
        retransmitted: count(|p| p.retransmits > 0),
        late: probes.iter().filter(late).count() as u64,
        rtt: percentiles(probes.iter()),
        bursts_found: bursts.len(),
        bursts: bursts.into_iter().take(BURSTS).collect(),
        sent_late: count(|p| p.send_late > SENT_LATE),
        send_worst: probes.iter().map(|p| p.send_late).max().unwrap_or_default(),
        spread: spread(header, probes),
    }
}

/// Whether a round trip was late.
#[must_use]
pub fn is_late(header: &Header, probe: &Probe) -> bool {
    probe.rtt.is_some_and(|rtt| rtt >= header.late)
}

fn percentiles<'a>(probes: impl Iterator<Item = &'a Probe>) -> Option<Percentiles> {
    let mut histogram = Histogram::<u64>::new(DIGITS).ok()?;
    let (mut min, mut max) = (u64::MAX, 0);
    for rtt in probes.filter_map(|p| p.rtt) {
        // It grows as it must: no value is cut to fit.
        histogram.record(rtt.0.max(1)).ok()?;
        (min, max) = (min.min(rtt.0), max.max(rtt.0));
    }
    if histogram.is_empty() {
        return None;
    }
    let at = |quantile: f64| Nanos(histogram.value_at_quantile(quantile).min(max));
    Some(Percentiles {
        min: Nanos(min),
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        max: Nanos(max),
        mean: Nanos(histogram.mean() as u64),
    })
}

/// Late probes next to each other, whose answers came closer together than they were sent: within
/// a quarter of the interval each time.
fn bursts(header: &Header, probes: &[Probe]) -> Vec<Burst> {
    let back = |p: &Probe| p.sent_realtime.saturating_add(p.rtt.unwrap_or_default().0);
    let mut bursts: Vec<Burst> = Vec::new();
    let mut run: Vec<&Probe> = Vec::new();
    let mut close = |run: &mut Vec<&Probe>| {
        if let (true, Some(first), Some(last)) = (run.len() > 1, run.first(), run.last()) {
            let ends = run.iter().map(|p| back(p));
            let (begin, end) = (ends.clone().min(), ends.max());
            let (begin, end) = (begin.unwrap_or_default(), end.unwrap_or_default());
            bursts.push(Burst {
                first: first.seq,
                last: last.seq,
                probes: run.len() as u64,
                worst: run.iter().filter_map(|p| p.rtt).max().unwrap_or_default(),
                drained_within: Nanos(end - begin),
                at_realtime: end,
            });
        }
        run.clear();
    };
    for probe in probes {
        let together = run.last().is_none_or(|last| {
            let apart = probe.sent_realtime.saturating_sub(last.sent_realtime);
            last.seq.checked_add(1) == Some(probe.seq)
                && back(probe).abs_diff(back(last)) < apart / 4
        });
        if !is_late(header, probe) || !together {
            close(&mut run);
        }
        if is_late(header, probe) {
            run.push(probe);
        }
    }
    close(&mut run);
    bursts
}

fn spread(header: &Header, probes: &[Probe]) -> Vec<Path> {
    let mut paths: BTreeMap<(Option<u32>, Option<u16>), Vec<&Probe>> = BTreeMap::new();
    for p in probes {
        // Of a queue that is known the port does not matter.
        let port = p.source_port.filter(|_| p.queue.is_none());
        paths.entry((p.queue, port)).or_default().push(p);
    }
    // Without --spread each connection has a port of its own.
    if paths.len() < 2 || paths.len() > 4096 || paths.len() * 2 > probes.len() {
        return Vec::new();
    }
    let path = |((queue, port), probes): ((Option<u32>, Option<u16>), Vec<&Probe>)| Path {
        queue,
        source_port: port.or_else(|| probes.first().and_then(|p| p.source_port)),
        sent: probes.iter().filter(|p| p.answer != Answer::NotSent).count() as u64,
        lost: probes.iter().filter(|p| p.answer == Answer::Lost).count() as u64,
        late: probes.iter().filter(|p| is_late(header, p)).count() as u64,
        rtt: percentiles(probes.iter().copied()),
    };
    paths.into_iter().map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(seq: u64, rtt_ms: Option<u64>) -> Probe {
        Probe {
            seq,
            sent_realtime: 1_000_000_000 + seq * 10_000_000,
            rtt: rtt_ms.map(Nanos::from_millis),
            answer: if rtt_ms.is_some() { Answer::Echo } else { Answer::Lost },
            ..Probe::default()
        }
    }

    #[test]
    fn probes_that_waited_for_one_thing_are_one_burst() {
        let header = Header { late: Nanos::from_millis(5), ..Header::default() };
        // A stall of 45 ms drains five; two late ones that come apart are no burst.
        let trips = [1, 45, 35, 25, 15, 5, 1, 30, 30, 1];
        let mut probes: Vec<Probe> =
            (0..).zip(trips).map(|(seq, ms)| probe(seq, Some(ms))).collect();
        probes.push(probe(10, None));
        let s = summary(&header, &probes);
        assert_eq!((s.sent, s.answered, s.lost, s.late, s.bursts_found), (11, 10, 1, 7, 1));
        let burst = s.bursts[0];
        assert_eq!((burst.first, burst.last, burst.probes), (1, 5, 5));
        assert_eq!((burst.worst, burst.drained_within), (Nanos::from_millis(45), Nanos(0)));
        let rtt = s.rtt.expect("round trips");
        assert_eq!((rtt.min.0 / 1_000_000, rtt.max), (1, Nanos::from_millis(45)));
    }

    #[test]
    fn nothing_sent_is_no_panic() {
        let s = summary(&Header::default(), &[]);
        assert!(s.rtt.is_none() && s.bursts.is_empty() && s.spread.is_empty());
        let far = Probe { rtt: Some(Nanos(u64::MAX)), sent_realtime: u64::MAX, ..probe(3, None) };
        let s = summary(&Header::default(), &[far, Probe { seq: 4, ..far }]);
        assert_eq!(s.answered, 2);
    }
}
