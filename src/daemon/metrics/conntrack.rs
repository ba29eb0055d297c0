//! Connection tracking, by network namespace: what its counters grew by, and how full its table is.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use prometheus_client::encoding::DescriptorEncoder;

use super::places::{OTHER, Places};
use super::{Detail, Family, Window, lock, series};
use crate::model::workload::workload;
use crate::model::{CtReading, Recording};

/// Network namespaces with series of their own.
const NAMESPACES: usize = 50;
/// The counters that tell of trouble, by the kernel's names.
const COUNTERS: [&str; 8] = [
    "insert_failed",
    "drop",
    "early_drop",
    "invalid",
    "error",
    "search_restart",
    "clash_resolve",
    "chaintoolong",
];

#[derive(Debug, Default)]
struct Namespace {
    counts: BTreeMap<&'static str, u64>,
    /// Entries, and how many there can be, each where that is known.
    fill: [Option<u64>; 2],
}

#[derive(Debug)]
struct Conntrack(Mutex<Places<Namespace>>);

pub fn new(_: &Arc<Detail>) -> Arc<dyn Family> {
    Arc::new(Conntrack(Mutex::new(Places::new(NAMESPACES))))
}

/// A name that stays the same while the namespace is there.
fn name(r: &Recording, reading: &CtReading) -> String {
    let known = r.str(reading.name);
    if !known.is_empty() {
        return known.to_owned();
    }
    let workload = workload(r.str(reading.cgroup));
    let named = workload.and_then(|w| {
        let pod = w.pod_uid.map(|uid| format!("pod {uid}"));
        let container = w.container.map(|id| format!("container {id:.12}"));
        pod.or(container).or(w.unit)
    });
    named.unwrap_or_else(|| format!("net:[{}]", reading.netns))
}

impl Family for Conntrack {
    fn recorded(&self, r: &Recording, window: Window) {
        let rows = &mut *lock(&self.0);
        let mut names: BTreeMap<u64, String> = BTreeMap::new();
        for reading in &r.ct_readings {
            let name = names.entry(reading.netns).or_insert_with(|| name(r, reading));
            if !window.holds(reading.time) {
                continue;
            }
            let row = rows.of(name);
            let has = |counter: &&&str| {
                r.str(reading.counters).split_ascii_whitespace().any(|has| has == **counter)
            };
            for counter in COUNTERS.iter().filter(has) {
                row.counts.entry(counter).or_default();
            }
            row.fill = [reading.entries(), reading.max().filter(|max| *max > 0)];
        }
        for grown in r.ct_grown.iter().filter(|grown| window.holds(grown.time)) {
            let counter = COUNTERS.iter().find(|counter| **counter == r.str(grown.counter));
            if let (Some(counter), Some(name)) = (counter, names.get(&grown.netns)) {
                *rows.of(name).counts.entry(counter).or_default() += grown.count;
            }
        }
    }

    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let rows = lock(&self.0);
        let counts = rows.iter().flat_map(|(netns, row)| {
            row.counts.iter().map(move |(counter, count)| {
                ([("netns", netns.to_owned()), ("counter", (*counter).to_owned())], *count)
            })
        });
        let help = "What counters of connection tracking grew by, by network namespace";
        series!(to, "conntrack_events", help, None, counter, counts);
        let fill = |which: usize| {
            let known = rows.iter().filter(|(netns, _)| *netns != OTHER);
            known.filter_map(move |(netns, row)| {
                Some(([("netns", netns.to_owned())], row.fill[which]?))
            })
        };
        let help = "Entries in the table of connections";
        series!(to, "conntrack_entries", help, None, gauge, fill(0));
        let help = "How many entries there can be in the table of connections";
        series!(to, "conntrack_max_entries", help, None, gauge, fill(1));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CtGrown, StrId};
    use crate::units::{Cpu, Ktime};

    #[test]
    fn growth_counts_once_and_under_its_namespace() {
        let r = Recording {
            strings: ["", "host", "insert_failed drop found", "drop", "found"]
                .map(str::to_owned)
                .to_vec(),
            ct_readings: [(5, 1), (7, 9)]
                .map(|(time, netns)| CtReading {
                    time: Ktime(time),
                    netns,
                    name: StrId(if netns == 1 { 1 } else { 0 }),
                    counters: StrId(2),
                    entries: 3,
                    max: if netns == 1 { 10 } else { 0 },
                    entries_known: netns == 9,
                    ..CtReading::default()
                })
                .to_vec(),
            ct_grown: [(5, 1, 3), (7, 9, 3), (7, 9, 4), (11, 9, 3)]
                .map(|(time, netns, counter)| CtGrown {
                    time: Ktime(time),
                    netns,
                    cpu: Cpu(0),
                    counter: StrId(counter),
                    count: 100,
                })
                .to_vec(),
            ..Recording::default()
        };
        let family = Conntrack(Mutex::new(Places::new(NAMESPACES)));
        for (after, until) in [(0, 6), (6, 10), (10, 20)] {
            family.recorded(&r, Window { after: Ktime(after), until: Ktime(until) });
        }
        let rows = lock(&family.0);
        let told: Vec<_> = rows.iter().map(|(n, row)| (n, row.counts.clone(), row.fill)).collect();
        let counts = |drop| BTreeMap::from([("drop", drop), ("insert_failed", 0)]);
        assert_eq!(
            told,
            [("host", counts(100), [Some(3), Some(10)]), ("net:[9]", counts(200), [Some(3), None])]
        );
    }
}
