//! Which events of a large recording are read where there is no room for all: of each table the
//! worst. The first pass counts how many are how bad; from that follows what the second one takes.

use std::cmp::Reverse;

use super::tables::PerTable;
use crate::model::*;
use crate::units::Nanos;

/// Bytes that a stall takes which the analysis makes of an event, its texts with it.
const STALL: usize = 1536;
/// Bytes of what an index or a table of the report holds for an event.
const LISTED: usize = 64;
/// Bytes of a line of the findings, with its texts.
const TOLD: usize = 512;

/// An event as one of many.
pub trait Weighed {
    /// Bytes of memory that one takes, with what the analysis makes of it; about.
    const TAKES: usize;
    /// How bad it is against others of its table; none of one that is not chosen by that.
    fn weight(&self) -> Option<u64>;
}

macro_rules! weighed {
    ($($event:ident $takes:expr, |$e:pat_param| $weight:expr;)*) => { $(
        impl Weighed for $event {
            const TAKES: usize = size_of::<$event>() + $takes;

            fn weight(&self) -> Option<u64> {
                let $e = self;
                $weight.into()
            }
        }
    )* };
}

weighed! {
    // Others are thinned. The analysis asks whether there was a gap, and what was stolen, at any time.
    Sample STALL, |s| Some(s.gap.0.max(s.stolen_over.0)).filter(|told| *told > 0);
    SoftirqDelay STALL, |e| e.lateness().length.0;
    SoftirqRun STALL, |e| e.lateness().length.0;
    Handoff STALL, |e| e.lateness().length.0;
    Runner LISTED, |e| e.ran.0;
    HardIrq STALL, |e| e.lateness().length.0;
    SyscallSlow TOLD, |e| e.duration.0;
    FileCall TOLD, |e| (e.rstat_waited + e.rstat_held).0;
    FileReads TOLD, |e| e.total.0;
    Steal LISTED, |_| 0;
    DyingMemcgs LISTED, |_| 0;
    Snapshot TOLD, |_| 0;
    // Added up.
    HistCount LISTED, |_| None;
    Lost LISTED, |e| e.total().saturating_add(e.unseen);
    RxCpu LISTED, |e| e.processed;
    RxRow LISTED, |e| e.packets;
    RxFlow LISTED, |e| e.packets;
    CtDrop TOLD, |_| 0;
    SynRetransmit TOLD, |_| 0;
    CtReading TOLD, |_| 0;
    CtGrown LISTED, |e| e.count;
    CtLeftOut TOLD, |_| 0;
    NatRules TOLD, |e| e.not_random;
    HealthRow TOLD, |_| 0;
    HealthNumber LISTED, |_| 0;
}

/// How many rows of a table are how bad.
#[derive(Default)]
pub struct Tally {
    rows: u64,
    takes: u64,
    /// By bucket of the weight; empty before the first row.
    buckets: Vec<u64>,
}

impl Tally {
    /// Counts a row.
    pub fn add<R: Weighed>(&mut self, row: &R) {
        let Some(weight) = row.weight() else { return };
        if self.buckets.is_empty() {
            (self.takes, self.buckets) = (R::TAKES as u64, vec![0; hist::BUCKETS]);
        }
        self.rows += 1;
        self.buckets[hist::bucket(Nanos(weight))] += 1;
    }

    /// What all of them take.
    fn needs(&self) -> u64 {
        self.rows.saturating_mul(self.takes)
    }

    /// Picks the worst, which take no more than so many bytes.
    fn pick(&self, bytes: u64) -> Pick {
        let most = self.rows.min(bytes / self.takes.max(1));
        let mut worse = 0;
        for (bucket, rows) in self.buckets.iter().enumerate().rev() {
            if worse + rows > most {
                return Pick { bucket, room: most - worse, left: most, of: self.rows };
            }
            worse += rows;
        }
        Pick { bucket: 0, room: most, left: most, of: self.rows }
    }
}

/// What is taken of a table: all from some weight on.
#[derive(Default)]
pub struct Pick {
    /// All in buckets above this one are taken,
    bucket: usize,
    /// and so many in this one.
    room: u64,
    /// So many may still be taken, whatever they are: the file may have changed.
    left: u64,
    /// How many rows the table has.
    of: u64,
}

impl Pick {
    /// Whether a row is taken. Each is asked for once.
    pub fn takes<R: Weighed>(&mut self, row: &R) -> bool {
        let Some(weight) = row.weight() else { return true };
        let bucket = hist::bucket(Nanos(weight));
        if self.left == 0 || bucket < self.bucket || (bucket == self.bucket && self.room == 0) {
            return false;
        }
        self.room -= u64::from(bucket == self.bucket);
        self.left -= 1;
        true
    }
}

/// Bytes that rows take which the findings tell one by one, with what they make of them.
pub fn told(tallies: &PerTable<Tally>) -> u64 {
    let PerTable { samples, delays, runs, handoffs, hardirqs, syscalls, .. } = tallies;
    let one_by_one = [samples, delays, runs, handoffs, hardirqs, syscalls];
    one_by_one.into_iter().fold(0, |sum, tally| sum.saturating_add(tally.needs()))
}

/// Picks of each table what may be read, so that all together take no more than so many bytes.
/// What a table leaves of its share is for the others.
pub fn picks(tallies: &PerTable<Tally>, bytes: u64) -> PerTable<Pick> {
    let mut needs: Vec<u64> = tallies.each().map(|(_, tally)| tally.needs()).collect();
    needs.sort_unstable();
    let (mut left, mut tables) = (bytes, needs.len() as u64);
    let mut share = u64::MAX;
    for need in needs {
        if need > left / tables {
            share = left / tables;
            break;
        }
        (left, tables) = (left - need, tables - 1);
    }
    tallies.map(|tally| tally.pick(share))
}

/// What is not picked of each table; before any row was asked for.
pub fn left_out(picks: &PerTable<Pick>) -> Vec<LeftOut> {
    let some = picks.each().filter(|(_, pick)| pick.left < pick.of);
    some.map(|(table, pick)| LeftOut { table, rows: pick.of - pick.left, of: pick.of }).collect()
}

/// Rows of histograms that may be kept: each CPU, vector and bucket of a large machine.
const HIST_ROWS: usize = 1 << 19;

/// Adds up rows of one bucket where there are many: nobody asks when they were counted. Gives how
/// many had to be left out besides, those of the smallest counts.
pub fn add_up(rows: &mut Vec<HistCount>) -> u64 {
    if rows.len() < 2 * HIST_ROWS {
        return 0;
    }
    let key = |row: &HistCount| (row.kind, row.cpu, row.vector, row.bucket);
    rows.sort_unstable_by_key(|row| (key(row), row.time));
    rows.dedup_by(|row, first| {
        let same = key(row) == key(first);
        if same {
            first.time = first.time.max(row.time);
            first.count = first.count.saturating_add(row.count);
        }
        same
    });
    let beyond = rows.len().saturating_sub(HIST_ROWS);
    if beyond > 0 {
        rows.sort_unstable_by_key(|row| (Reverse(row.count), key(row)));
        rows.truncate(HIST_ROWS);
    }
    beyond as u64
}
