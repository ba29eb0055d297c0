//! What was read, on its way to the recording.

use crate::host::conntrack::CtStats;
use crate::host::neigh::Family;
use crate::host::netns::Netns;
use crate::host::rules::{RuleSet, Snat};
use crate::model::{CtGrown, CtLeftOut, CtReading, Event, NatRules};
use crate::probe::Names;
use crate::units::{Cpu, Ktime};

/// A CPU that the kernel does not tell.
const UNKNOWN: Cpu = Cpu(u32::MAX);

/// One thing that was read.
pub enum Told {
    /// The counters of a namespace.
    Reading(Box<Reading>),
    /// What was not read.
    LeftOut(Ktime, String),
    /// The rules of a namespace.
    Rules(Ktime, u64, RuleSet),
}

/// Counters of a namespace.
pub struct Reading {
    pub time: Ktime,
    pub netns: Netns,
    pub name: String,
    pub stats: CtStats,
    /// Entries in the table, and how many there can be, each where that is known.
    pub fill: (Option<u64>, Option<u64>),
    /// The reading before, and when that was.
    pub before: Option<(Ktime, CtStats)>,
}

impl Told {
    /// Whether it is of a namespace that tracks connections.
    pub fn tracks(&self) -> bool {
        matches!(self, Told::Reading(reading) if reading.tracks())
    }

    pub fn events(&self, names: &mut dyn Names, push: &mut dyn FnMut(Event)) {
        match self {
            Told::Reading(reading) => reading.events(names, push),
            Told::LeftOut(time, what) => {
                push(Event::CtLeftOut(CtLeftOut { time: *time, what: names.string(what) }));
            }
            Told::Rules(time, netns, set) => rules(*time, *netns, set, names, push),
        }
    }
}

impl Reading {
    /// Whether the namespace tracks connections, as far as this tells: it has some, or counted some
    /// since the last time.
    pub fn tracks(&self) -> bool {
        let counted = |before: &(Ktime, CtStats)| match self.stats.grown(&before.1) {
            Ok(grown) => !grown.is_empty(),
            Err(_) => true,
        };
        self.fill.0.is_none_or(|entries| entries > 0) || self.before.as_ref().is_some_and(counted)
    }

    fn events(&self, names: &mut dyn Names, push: &mut dyn FnMut(Event)) {
        let (time, netns) = (self.time, self.netns.inode);
        let before = self.before.as_ref().map(|(since, before)| (*since, self.stats.grown(before)));
        let problem = before.as_ref().and_then(|(_, grown)| grown.as_ref().err());
        let (entries, max) = self.fill;
        push(Event::CtReading(CtReading {
            time,
            netns,
            since: before.as_ref().map_or(Ktime(0), |(since, _)| *since),
            name: names.string(&self.name),
            pid: self.netns.pid,
            cgroup: names.string(self.netns.cgroup.as_deref().unwrap_or_default()),
            source: names.string(&self.stats.source.to_string()),
            counters: names.string(&self.stats.columns.join(" ")),
            entries: entries.unwrap_or(0),
            max: max.unwrap_or(0),
            problem: names.string(problem.map_or("", String::as_str)),
            entries_known: entries.is_some(),
            max_known: max.is_some(),
        }));
        for cell in before.into_iter().flat_map(|(_, grown)| grown.unwrap_or_default()) {
            let (cpu, counter) = (cell.cpu.unwrap_or(UNKNOWN), names.string(cell.counter));
            push(Event::CtGrown(CtGrown { time, netns, cpu, counter, count: cell.by }));
        }
    }
}

fn rules(
    time: Ktime,
    netns: u64,
    set: &RuleSet,
    names: &mut dyn Names,
    push: &mut dyn FnMut(Event),
) {
    for listed in &set.listed {
        let program = names.string(listed.program);
        // A program that lists none has a row, too: there are none.
        let none = listed.snat.is_empty().then(Snat::default);
        for snat in listed.snat.iter().chain(&none) {
            push(Event::NatRules(NatRules {
                time,
                netns,
                program,
                family: match snat.family {
                    Some(Family::V4) => 4,
                    Some(Family::V6) => 6,
                    None => 0,
                },
                rules: snat.rules,
                not_random: snat.not_random,
                example: names.string(snat.examples.first().map_or("", String::as_str)),
                ..NatRules::default()
            }));
        }
    }
    for failed in &set.failed {
        let problem = names.string(&failed.to_string());
        push(Event::NatRules(NatRules { time, netns, problem, ..NatRules::default() }));
    }
}
