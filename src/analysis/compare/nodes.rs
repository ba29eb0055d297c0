//! Recordings of several nodes as one incident. They are taken one by one: what is kept of each is
//! its stalls and histograms, not its samples.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::merged::{Merged, Which};
use super::{health, kin};
use crate::analysis::median;
use crate::model::Recording;
use crate::model::difference::Kin;
use crate::model::findings::{Cause, Findings, LostRecords};
use crate::model::nodes::*;
use crate::units::Nanos;

/// So many of the worst stalls are told.
const WORST: usize = 20;

/// Takes recordings and what was found in them.
#[derive(Default)]
pub struct Gather {
    nodes: Vec<Node>,
    causes: BTreeMap<Cause, BTreeMap<usize, usize>>,
    culprits: BTreeMap<Kin, (BTreeSet<usize>, Vec<Nanos>)>,
    worst: Vec<((bool, Nanos), WorstStall)>,
    health: health::ByCheck,
    merged: Merged,
    longest: BTreeMap<Which, (usize, Nanos)>,
}

impl Gather {
    /// Adds a recording; `file` is what it is called, where that may be told.
    pub fn add(&mut self, file: Option<String>, r: &Recording, f: &Findings) {
        let node = self.nodes.len() + 1;
        let (window, options) = (&f.window, &f.options);
        for stall in &f.stalls {
            if !stall.served_meanwhile() {
                *self.causes.entry(stall.cause).or_default().entry(node).or_default() += 1;
                let group = self.culprits.entry(kin(&stall.culprit, stall.cause)).or_default();
                group.0.insert(node);
                group.1.push(stall.duration);
            }
            let after = stall.start.since(window.start).0;
            let before = window.start.since(stall.start).0;
            let known = window.start_realtime > 0;
            let worst = WorstStall {
                node,
                stall: stall.id,
                cpu: stall.cpu,
                start_realtime: known
                    .then(|| window.start_realtime.saturating_add(after).saturating_sub(before)),
                duration: stall.duration,
                cause: stall.cause,
                culprit: stall.culprit.clone(),
            };
            self.worst.push((stall.rank(), worst));
        }
        self.worst.sort_by_key(|(rank, w)| (Reverse(*rank), w.node, w.stall));
        self.worst.truncate(WORST);
        for found in f.health.iter().flat_map(|health| &health.findings) {
            self.health.add(node, &found.finding);
        }
        self.merged.add(r, |_| true);
        let mut here: BTreeMap<Which, Nanos> = BTreeMap::new();
        for l in &f.latencies {
            let longest = here.entry((l.what, l.vector)).or_default();
            *longest = l.max.max(*longest);
        }
        for (which, max) in here {
            let longest = self.longest.entry(which).or_default();
            *longest = (longest.0 + 1, longest.1.max(max));
        }
        let harmed = || f.stalls.iter().filter(|s| !s.served_meanwhile());
        let lost = f.lost.iter().map(LostRecords::total);
        let missing = f.probes.iter().filter(|p| p.method.is_none());
        self.nodes.push(Node {
            file,
            host: f.host.clone(),
            start_realtime: window.start_realtime,
            duration: window.end.since(window.start),
            complete: window.complete,
            stall_threshold: options.stall_threshold,
            gap_threshold: options.gap_threshold,
            cpus: f.cpus.len(),
            stalls: f.stalls.len(),
            served_meanwhile: f.stalls.len() - harmed().count(),
            worst: f.stalls.iter().max_by_key(|s| s.rank()).map(|s| s.duration).unwrap_or_default(),
            total: harmed().map(|s| s.duration).sum(),
            lost: lost.fold(0, u64::saturating_add),
            not_measured: missing.map(|p| p.name.clone()).collect(),
            health: f.health.as_ref().map(|health| health.worst),
        });
    }

    /// All of them as one.
    #[must_use]
    pub fn finish(self) -> Nodes {
        let count = self.nodes.len();
        let row = |(cause, by): (Cause, BTreeMap<usize, usize>)| CauseRow {
            cause,
            stalls: (1..=count).map(|node| by.get(&node).copied().unwrap_or_default()).collect(),
        };
        let mut causes: Vec<CauseRow> = self.causes.into_iter().map(row).collect();
        causes.sort_by_key(|row| (Reverse(row.stalls.iter().sum::<usize>()), row.cause));
        let group = |(who, (nodes, lengths)): (Kin, (BTreeSet<usize>, Vec<Nanos>))| KinGroup {
            who,
            stalls: lengths.len(),
            nodes: nodes.into_iter().collect(),
            total: lengths.iter().copied().sum(),
            worst: lengths.iter().copied().max().unwrap_or_default(),
            median: median(lengths),
        };
        let mut culprits: Vec<KinGroup> = self.culprits.into_iter().map(group).collect();
        culprits.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.who.cmp(&b.who)));
        let latency = |which: Which| {
            let (nodes, max) = self.longest.get(&which).copied().unwrap_or_default();
            let at = |share| self.merged.percentile(which, share).min(max);
            MergedLatency {
                what: which.0,
                vector: which.1,
                nodes,
                count: self.merged.count(which),
                p50: at(0.5),
                p99: at(0.99),
                p999: at(0.999),
                max,
                buckets: self.merged.buckets(which, max),
            }
        };
        Nodes {
            schema: SCHEMA,
            notes: notes(&self.nodes),
            health: self.health.finish(),
            causes,
            culprits,
            worst: self.worst.into_iter().map(|(_, stall)| stall).collect(),
            latencies: self.merged.which().map(latency).collect(),
            nodes: self.nodes,
        }
    }
}

fn notes(nodes: &[Node]) -> Vec<String> {
    let mut notes = vec![
        "Times of day are those of each host's own clock (CLOCK_REALTIME at its recording's start, \
         CLOCK_MONOTONIC from there on). Of two hosts nothing is said to come first by less than \
         their clocks differ, which the recordings do not tell."
            .to_owned(),
    ];
    let differ =
        |of: &dyn Fn(&Node) -> Nanos| nodes.iter().map(of).collect::<BTreeSet<_>>().len() > 1;
    if differ(&|n| n.stall_threshold) || differ(&|n| n.gap_threshold) {
        notes.push(
            "The nodes were recorded with different thresholds: their numbers of stalls do not \
             compare."
                .to_owned(),
        );
    }
    for (n, node) in (1..).zip(nodes) {
        if node.lost > 0 {
            notes.push(format!("Node {n} lost {} records: stalls may be missing.", node.lost));
        }
        if !node.complete {
            notes.push(format!("The recording of node {n} was cut short."));
        }
        if !node.not_measured.is_empty() {
            let what = node.not_measured.join(", ");
            notes.push(format!("Not measured on node {n}: {what}."));
        }
        if node.health.is_none() {
            notes.push(format!("The health of node {n} was not recorded."));
        }
        if node.start_realtime == 0 {
            notes.push(format!("Of node {n} the time of day is not known."));
        }
    }
    notes
}
