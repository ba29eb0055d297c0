//! Who stalled CPUs in the last minutes, as the analysis found them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::daemon::blame;
use crate::model::findings::Stall;
use crate::model::live::{Brief, LiveCulprit, STEP, STEPS};
use crate::render::brief;
use crate::units::{Ktime, Nanos};

/// Stalls that are kept at most; further ones are counted.
const MOST: usize = 4096;
/// Culprits that are told of.
const TOLD: usize = 50;
const WINDOW: Nanos = Nanos(STEP.0 * STEPS);

type Key = (String, String);

#[derive(Debug)]
struct Seen {
    key: Key,
    end: Ktime,
    duration: Nanos,
    cpu: u32,
}

/// The stalls of the last minutes, and of each culprit the worst in words.
#[derive(Debug, Default)]
pub struct Culprits {
    seen: VecDeque<Seen>,
    worst: BTreeMap<Key, (Ktime, Nanos, Brief)>,
    /// Ends of those that found no room, by step.
    left_out: BTreeMap<u64, u64>,
    /// Stalls that ended until then were looked for.
    until: Option<Ktime>,
}

impl Culprits {
    /// Takes in the stalls that ended by a moment, since the last time.
    pub fn add(&mut self, stalls: &[Stall], until: Ktime) {
        self.until = Some(until);
        self.forget(until);
        // Where interrupts served ksoftirqd's softirqs meanwhile, nobody waited.
        for stall in stalls.iter().filter(|stall| !stall.served_meanwhile()) {
            let end = stall.start.after(stall.duration);
            if self.seen.len() >= MOST {
                *self.left_out.entry(end.0 / STEP.0).or_default() += 1;
                continue;
            }
            let key = (blame::cause(stall), blame::culprit(stall));
            let known = self.worst.get(&key);
            if known.is_none_or(|(_, worst, _)| stall.duration > *worst) {
                self.worst.insert(key.clone(), (end, stall.duration, brief::of(stall)));
            }
            self.seen.push_back(Seen { key, end, duration: stall.duration, cpu: stall.cpu.0 });
        }
    }

    fn forget(&mut self, now: Ktime) {
        let from = now.before(WINDOW);
        self.seen.retain(|seen| seen.end >= from);
        self.left_out.retain(|step, _| *step >= from.0 / STEP.0);
        let left: BTreeSet<&Key> = self.seen.iter().map(|seen| &seen.key).collect();
        self.worst.retain(|key, _| left.contains(key));
    }

    /// How long ago the last stall could have ended and be among these.
    pub fn analysed(&self, now: Ktime) -> Option<Nanos> {
        self.until.map(|until| now.since(until))
    }

    /// Who stalled CPUs in the last minutes, the longest time first; and how many stalls are of
    /// none of these.
    pub fn read(&self, now: Ktime) -> (Vec<LiveCulprit>, u64) {
        let mut by: BTreeMap<&Key, (LiveCulprit, BTreeSet<u32>)> = BTreeMap::new();
        let from = now.before(WINDOW);
        for seen in self.seen.iter().filter(|seen| seen.end >= from) {
            let (row, cpus) = by.entry(&seen.key).or_insert_with(|| {
                let ago = Nanos(u64::MAX);
                (LiveCulprit { ago, ..LiveCulprit::default() }, BTreeSet::new())
            });
            row.count += 1;
            row.worst = row.worst.max(seen.duration);
            row.total = row.total + seen.duration;
            row.ago = row.ago.min(now.since(seen.end));
            cpus.insert(seen.cpu);
        }
        let mut rows: Vec<LiveCulprit> = by
            .into_iter()
            .map(|(key, (row, cpus))| LiveCulprit {
                cause: key.0.clone(),
                who: key.1.clone(),
                cpus: cpus.into_iter().collect(),
                words: self.worst.get(key).map(|(.., brief)| brief.clone()).unwrap_or_default(),
                ..row
            })
            .collect();
        rows.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.who.cmp(&b.who)));
        let more: u64 = rows.iter().skip(TOLD).map(|row| row.count).sum();
        rows.truncate(TOLD);
        (rows, more + self.left_out.values().sum::<u64>())
    }
}
