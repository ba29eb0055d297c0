//! One stall shows in several measures: the softirqs that waited, the handoff, the interrupt gap.
//! Those that share most of their time are one episode.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::model::findings::{Context, Measure, StallKind};
use crate::units::{Ktime, Nanos};

/// Measures of one stall, in the order of [`Measure::rank`]; never empty.
pub struct Episode(pub Vec<Measure>);

impl Episode {
    /// The measure that gives the stall its length.
    pub fn primary(&self) -> &Measure {
        &self.0[0]
    }
}

/// Joins the measures of one CPU. The longest come first, and take in those that lie within them
/// for at least half of their time: a short one never bridges two long ones. Handoffs that harmed
/// nobody come last: they give no stall its length in which somebody waited.
pub fn join(mut measures: Vec<Measure>) -> Vec<Episode> {
    measures.sort_by_key(|m| (Reverse(m.rank()), m.start, m.kind));
    let mut episodes: Vec<Episode> = Vec::new();
    // Episodes by the start of their primary, apart by its length's power of two: those of one
    // power that a measure can overlap are few, since they hardly overlap each other.
    let mut by_power: [BTreeMap<Ktime, Vec<usize>>; 65] = std::array::from_fn(|_| BTreeMap::new());
    let power = |m: &Measure| (64 - m.duration.0.leading_zeros()) as usize;
    for m in measures {
        let end = m.start.after(m.duration);
        // A harmless one may be longer than what it belongs to, up to twice as long.
        let least = power(&m) - usize::from(m.served_meanwhile() && m.duration.0 > 0);
        let home = by_power.iter().enumerate().skip(least).find_map(|(power, by_start)| {
            let longest = Nanos(1u64.checked_shl(power as u32).unwrap_or(u64::MAX));
            by_start
                .range(m.start.before(longest)..=end)
                .flat_map(|(_, which)| which.iter().copied())
                .find(|&e| same_stall(episodes[e].primary(), &m))
        });
        match home {
            Some(e) => episodes[e].0.push(m),
            None => {
                by_power[power(&m)].entry(m.start).or_default().push(episodes.len());
                episodes.push(Episode(vec![m]));
            }
        }
    }
    episodes
}

/// Whether a measure belongs to the stall of a longer one: half of it lies within. A handoff takes
/// in other latenesses only if it is hardly longer than they are: ksoftirqd can wait for long
/// while interrupts serve its softirqs, and what stalls the CPU meanwhile is another story. So too
/// with a softirq that an idle CPU, or ksoftirqd, let lie, and what held the CPU for a part of it.
fn same_stall(primary: &Measure, m: &Measure) -> bool {
    let shared = overlap(primary, m).saturating_mul(2);
    let bound = match primary.kind {
        StallKind::Handoff => m.kind != StallKind::Handoff,
        StallKind::SoftirqDelay => {
            let left = matches!(primary.context, Some(Context::Idle | Context::Ksoftirqd));
            let held = [StallKind::InterruptGap, StallKind::SoftirqRun];
            left && held.contains(&m.kind)
        }
        _ => false,
    };
    shared >= m.duration.0 && (!bound || shared >= primary.duration.0)
}

fn overlap(a: &Measure, b: &Measure) -> u64 {
    let end = |m: &Measure| m.start.after(m.duration);
    end(a).min(end(b)).since(a.start.max(b.start)).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::findings::HandoffParts;

    fn measure(start: u64, duration: u64) -> Measure {
        Measure {
            kind: StallKind::SoftirqDelay,
            start: Ktime(start),
            duration: Nanos(duration),
            uncertainty: Nanos(0),
            vectors: Vec::new(),
            handoff: None,
            context: None,
            open: false,
        }
    }

    fn lengths(measures: &[(u64, u64)]) -> Vec<Vec<u64>> {
        let measures = measures.iter().map(|(s, d)| measure(*s, *d)).collect();
        join(measures).iter().map(|e| e.0.iter().map(|m| m.duration.0).collect()).collect()
    }

    #[test]
    fn what_overlaps_is_one_stall_with_the_longest_first() {
        assert_eq!(lengths(&[(100, 20), (101, 18), (95, 25)]), [vec![25, 20, 18]]);
    }

    #[test]
    fn a_short_one_never_bridges_two_long_ones() {
        assert_eq!(lengths(&[(0, 100), (95, 10), (104, 100)]).len(), 2);
    }

    #[test]
    fn a_long_handoff_does_not_swallow_what_else_stalls_meanwhile() {
        let handoff =
            |start, duration| Measure { kind: StallKind::Handoff, ..measure(start, duration) };
        assert_eq!(join(vec![handoff(0, 200), measure(20, 20), measure(60, 20)]).len(), 3);
        assert_eq!(join(vec![handoff(0, 21), measure(1, 20)]).len(), 1);
        assert_eq!(join(vec![measure(0, 200), handoff(20, 20)]).len(), 1);
    }

    #[test]
    fn a_handoff_that_harmed_nobody_gives_a_stall_no_length() {
        let parts = HandoffParts {
            raise_to_wake: Nanos(0),
            wake_to_in: Nanos(40),
            in_to_entry: Nanos(0),
            served_after: Nanos(1),
            entered: true,
        };
        let harmless = |start, duration| Measure {
            kind: StallKind::Handoff,
            handoff: Some(parts),
            ..measure(start, duration)
        };
        let all = |e: &Episode| e.0.iter().map(|m| m.duration.0).collect::<Vec<_>>();
        let joined = join(vec![harmless(0, 39), measure(5, 20)]);
        assert_eq!(joined.iter().map(all).collect::<Vec<_>>(), [vec![20, 39]]);
        let apart = join(vec![harmless(0, 41), measure(5, 20)]);
        assert_eq!(apart.iter().map(all).collect::<Vec<_>>(), [vec![20], vec![41]]);
    }

    #[test]
    fn neighbours_that_touch_stay_apart() {
        assert_eq!(lengths(&[(0, 10), (10, 10), (30, 10)]).len(), 3);
    }
}
