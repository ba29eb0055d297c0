//! The readings of each network namespace, added up.

use std::collections::BTreeMap;

use super::known;
use crate::model::Recording;
use crate::model::conntrack::CtReading;
use crate::model::findings::{CtCounter, CtNamespace, CtShare};
use crate::model::workload::workload;
use crate::units::Cpu;

/// More counters than any kernel has.
const MOST: usize = 64;

/// Those that lost most first.
pub fn namespaces(r: &Recording) -> Vec<CtNamespace> {
    let mut readings: BTreeMap<u64, Vec<&CtReading>> = BTreeMap::new();
    for reading in &r.ct_readings {
        readings.entry(reading.netns).or_default().push(reading);
    }
    let mut grown: BTreeMap<u64, BTreeMap<&str, BTreeMap<Cpu, u64>>> = BTreeMap::new();
    for row in &r.ct_grown {
        let counter = grown.entry(row.netns).or_default().entry(r.str(row.counter)).or_default();
        let sum = counter.entry(row.cpu).or_default();
        *sum = sum.saturating_add(row.count);
    }
    let mut all: Vec<CtNamespace> = readings
        .iter()
        .filter_map(|(netns, readings)| namespace(r, *netns, readings, grown.get(netns)))
        .collect();
    let lost = |n: &CtNamespace| {
        let lost = ["insert_failed", "drop", "early_drop"].map(|c| n.count(c).unwrap_or(0));
        lost.iter().fold(0u64, |sum, n| sum.saturating_add(*n))
    };
    all.sort_by_key(|n| (std::cmp::Reverse(lost(n)), n.name != "host", n.netns));
    all
}

fn namespace(
    r: &Recording,
    netns: u64,
    readings: &[&CtReading],
    grown: Option<&BTreeMap<&str, BTreeMap<Cpu, u64>>>,
) -> Option<CtNamespace> {
    let (first, last) = (readings.first()?, readings.last()?);
    let name = readings.iter().rev().find_map(|reading| known(r, reading.name));
    let cgroup = readings.iter().rev().find_map(|reading| known(r, reading.cgroup));
    // Growth takes two readings; the first of them may be older than the recording of an incident.
    let compared = readings.len() > 1 || grown.is_some();
    let named = if compared { r.str(last.counters) } else { "" };
    let counters = named.split_ascii_whitespace().take(MOST).map(|counter| {
        let cpus: Vec<CtShare> = grown
            .and_then(|grown| grown.get(counter))
            .map(|cpus| cpus.iter().map(|(&cpu, &count)| CtShare { cpu, count }).collect())
            .unwrap_or_default();
        let count = cpus.iter().fold(0u64, |sum, share| sum.saturating_add(share.count));
        CtCounter { counter: counter.to_owned(), count, cpus }
    });
    Some(CtNamespace {
        netns,
        name: name.unwrap_or_else(|| format!("net:[{netns}] of process {}", last.pid)),
        workload: cgroup.as_deref().and_then(workload),
        cgroup,
        source: r.str(last.source).to_owned(),
        start: if first.since.0 > 0 { first.since } else { first.time },
        end: last.time,
        readings: readings.len(),
        entries: readings.iter().filter_map(|reading| reading.entries()).max(),
        max: last.max(),
        counters: counters.collect(),
        problem: readings.iter().find_map(|reading| known(r, reading.problem)),
    })
}
