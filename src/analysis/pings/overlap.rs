//! What stalls have of a probe's way.

use crate::model::findings::Stall;
use crate::units::{Cpu, Ktime, Nanos};

/// Stalls looked at for one probe, whatever a file says.
const AT_ONCE: usize = 256;

/// Stalls in order of their begin, with the latest end of those up to each.
pub struct ByTime<'f> {
    stalls: Vec<(&'f Stall, Ktime)>,
    latest: Vec<Ktime>,
}

/// A stall, and what it has of a probe's way.
pub type Part<'f> = (&'f Stall, (Ktime, Ktime));

impl<'f> ByTime<'f> {
    pub fn new(all: impl Iterator<Item = &'f Stall>) -> ByTime<'f> {
        let mut stalls: Vec<_> = all.map(|s| (s, s.start.after(s.duration))).collect();
        stalls.sort_by_key(|(s, _)| (s.start, s.id));
        let mut last = Ktime(0);
        let latest = stalls.iter().map(|(_, end)| {
            last = last.max(*end);
            last
        });
        let latest = latest.collect();
        ByTime { stalls, latest }
    }

    /// What stalls of these CPUs have of the time from `sent` on, the clocks being so far apart.
    pub fn during(
        &self,
        sent: Ktime,
        time: Nanos,
        offset: Nanos,
        cpus: Option<&[Cpu]>,
    ) -> Vec<Part<'f>> {
        let back = sent.after(time);
        let until = self.stalls.partition_point(|(s, _)| s.start.before(offset) < back);
        let mut parts = Vec::new();
        for at in (0..until).rev().take(AT_ONCE) {
            if self.latest[at].after(offset) <= sent {
                break;
            }
            let (stall, end) = self.stalls[at];
            let (from, to) = (stall.start.before(offset).max(sent), end.after(offset).min(back));
            if from < to && cpus.is_none_or(|cpus| cpus.contains(&stall.cpu)) {
                parts.push((stall, (from, to)));
            }
        }
        parts
    }
}

/// Time that parts cover together.
pub fn covered(parts: &[Part<'_>]) -> Nanos {
    let mut spans: Vec<_> = parts.iter().map(|(_, span)| *span).collect();
    spans.sort_unstable();
    let (mut sum, mut until) = (0, Ktime(0));
    for (from, to) in spans {
        let from = from.max(until);
        if to > from {
            sum += to.since(from).0;
            until = to;
        }
    }
    Nanos(sum)
}
