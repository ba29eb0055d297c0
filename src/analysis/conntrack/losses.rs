//! Whether a dropped packet is one of those that the kernel counted as lost.
//!
//! A lost race and a rule that says DROP look alike where the packet is dropped. So packets are
//! set against what the counters grew by between two readings: where no more were dropped than
//! counted, each is one of them; where nothing was counted, none is. Readings take time, and a
//! packet may be counted in one interval and dropped in the next: intervals that follow one
//! another with something in them are taken together.

use std::collections::BTreeMap;

use super::{SRC_NAT_DONE, hook};
use crate::model::Recording;
use crate::model::conntrack::{CtDrop, CtReading};
use crate::model::findings::CtVerdict;
use crate::units::Ktime;

/// From here on a table counts as full: below, the kernel drops nothing for lack of room, and in a
/// full one it makes some (`early_drop`).
const FULL_PERCENT: u128 = 95;

/// The losses of every network namespace.
pub struct Losses(BTreeMap<u64, Vec<Interval>>);

/// The time between two readings, and the ones beside it that belong together with it.
struct Interval {
    start: Ktime,
    end: Ktime,
    own: Tally,
    /// Of the whole run of intervals; none where a counter is not known.
    run: Option<Tally>,
}

/// What was counted, and what was seen.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    known: bool,
    /// Entries that could not be confirmed, and packets dropped at that.
    insert_failed: u64,
    unconfirmed: u64,
    /// Packets dropped for other reasons, and packets without an entry.
    no_entry: u64,
    untracked: u64,
    /// The table was full, as far as that is known.
    full: bool,
    /// It is not always known.
    perhaps_full: bool,
}

impl Tally {
    fn any(&self) -> bool {
        !self.known || self.insert_failed | self.unconfirmed | self.no_entry | self.untracked != 0
    }

    fn add(&mut self, other: &Tally) {
        self.known &= other.known;
        self.insert_failed = self.insert_failed.saturating_add(other.insert_failed);
        self.unconfirmed = self.unconfirmed.saturating_add(other.unconfirmed);
        self.no_entry = self.no_entry.saturating_add(other.no_entry);
        self.untracked = self.untracked.saturating_add(other.untracked);
        self.full |= other.full;
        self.perhaps_full |= other.perhaps_full;
    }
}

/// A packet with an entry that had been through source NAT: only confirming was left to do.
fn unconfirmed(drop: &CtDrop) -> bool {
    drop.tracked && drop.status & SRC_NAT_DONE != 0
}

impl Losses {
    pub fn of(r: &Recording) -> Losses {
        let mut grown: BTreeMap<(u64, Ktime), [u64; 2]> = BTreeMap::new();
        for row in &r.ct_grown {
            let [failed, drop] = grown.entry((row.netns, row.time)).or_default();
            match r.str(row.counter) {
                "insert_failed" => *failed = failed.saturating_add(row.count),
                "drop" => *drop = drop.saturating_add(row.count),
                _ => {}
            }
        }
        let mut all: BTreeMap<u64, Vec<Interval>> = BTreeMap::new();
        for reading in r.ct_readings.iter().filter(|reading| reading.since.0 > 0) {
            let [failed, drop] =
                grown.get(&(reading.netns, reading.time)).copied().unwrap_or_default();
            let full = full(reading);
            let own = Tally {
                known: !reading.problem.is_some(),
                insert_failed: failed,
                // The kernel counts a lost race in both.
                no_entry: drop.saturating_sub(failed),
                full: full == Some(true),
                perhaps_full: full.is_none(),
                ..Tally::default()
            };
            let (start, end) = (reading.since, reading.time);
            all.entry(reading.netns).or_default().push(Interval { start, end, own, run: None });
        }
        for drop in &r.ct_drops {
            let Some(interval) = all.get_mut(&drop.netns).and_then(|i| find(i, drop.time)) else {
                continue;
            };
            if unconfirmed(drop) {
                interval.own.unconfirmed += 1;
            } else if !drop.tracked {
                let others = drop.held_back.saturating_add(1);
                interval.own.untracked = interval.own.untracked.saturating_add(others);
            }
        }
        all.values_mut().for_each(|intervals| take_together(intervals));
        Losses(all)
    }

    /// Why a packet was dropped; none if connection tracking has nothing to do with it.
    pub fn verdict(&self, r: &Recording, drop: &CtDrop) -> Option<CtVerdict> {
        let intervals = self.0.get(&drop.netns).map(Vec::as_slice).unwrap_or_default();
        let at = intervals.partition_point(|i| i.end < drop.time);
        let run = intervals.get(at).filter(|i| i.start < drop.time).and_then(|i| i.run);
        let last_hook = || matches!(hook(r, drop), None | Some("postrouting" | "input"));
        let first_hook = || matches!(hook(r, drop), None | Some("prerouting" | "output"));
        let Some(run) = run else {
            let perhaps = unconfirmed(drop) || (!drop.tracked && first_hook());
            return perhaps.then_some(CtVerdict::NotCounted);
        };
        let judge = |counted: u64, seen: u64, sure: CtVerdict| match counted {
            0 => None,
            n if seen <= n => Some(sure),
            _ => Some(CtVerdict::Unclear),
        };
        if unconfirmed(drop) {
            judge(run.insert_failed, run.unconfirmed, CtVerdict::InsertFailed)
        } else if drop.tracked {
            // Without source NAT it does not show how far it came: a rule, or confirming.
            let left = run.insert_failed.saturating_sub(run.unconfirmed);
            (left > 0 && last_hook()).then_some(CtVerdict::Unclear)
        } else if first_hook() {
            let sure = match (run.full, run.perhaps_full) {
                (true, _) => CtVerdict::TableFull,
                (_, true) => CtVerdict::FullOrNoEntry,
                _ => CtVerdict::NoEntry,
            };
            judge(run.no_entry, run.untracked, sure)
        } else {
            None
        }
    }
}

/// Whether the table was full; none where that is not known.
fn full(reading: &CtReading) -> Option<bool> {
    match (reading.entries(), reading.max()?) {
        (_, 0) => Some(false),
        (entries, max) => Some(u128::from(entries?) * 100 >= u128::from(max) * FULL_PERCENT),
    }
}

fn find(intervals: &mut [Interval], time: Ktime) -> Option<&mut Interval> {
    let at = intervals.partition_point(|i| i.end < time);
    intervals.get_mut(at).filter(|i| i.start < time)
}

fn take_together(intervals: &mut [Interval]) {
    let mut from = 0;
    while from < intervals.len() {
        let rest = &intervals[from..];
        let len = rest.iter().take_while(|i| i.own.any()).count().max(1);
        let mut run = Tally { known: true, ..Tally::default() };
        rest[..len].iter().for_each(|i| run.add(&i.own));
        let run = run.known.then_some(run);
        intervals[from..from + len].iter_mut().for_each(|i| i.run = run);
        from += len;
    }
}
