//! Figures of several recordings: which cause on which node, and the latencies of all.

use std::collections::BTreeSet;

use super::Figure;
use super::curves::{self, Curve};
use super::grid::{Cell, Grid, Head, Row};
use crate::model::findings::Cause;
use crate::model::nodes::Nodes;
use crate::render::escape;
use crate::render::text::{count, plural};

/// Nodes drawn, those with most stalls.
const NODES: usize = 40;

/// Draws all figures of several recordings.
#[must_use]
pub fn of_nodes(n: &Nodes) -> Vec<Figure> {
    [causes(n), latencies(n)].into_iter().flatten().collect()
}

/// Which of the four colours a count has: quarters of the highest.
pub(in crate::render) fn level(count: usize, most: usize) -> usize {
    count.saturating_mul(4).div_ceil(most.max(1)).clamp(1, 4)
}

/// The highest count of all nodes and causes.
pub(in crate::render) fn most(n: &Nodes) -> usize {
    n.causes.iter().flat_map(|row| &row.stalls).copied().max().unwrap_or_default()
}

/// The name of a node for people: its number, and its host.
pub(in crate::render) fn name(n: &Nodes, number: usize) -> String {
    let host = number.checked_sub(1).and_then(|at| n.nodes.get(at)).map(|node| &node.host.name);
    match host.map(String::as_str) {
        None | Some("") => format!("{number} unknown host"),
        Some(host) => format!("{number} {}", escape::bounded(host, 40)),
    }
}

/// Stalls by node and cause; none without stalls.
pub(in crate::render) fn causes(n: &Nodes) -> Option<Figure> {
    let most = most(n);
    if most == 0 {
        return None;
    }
    let mut shown: Vec<usize> = (0..n.nodes.len()).collect();
    shown.sort_by_key(|&node| (std::cmp::Reverse(n.nodes[node].harmed()), node));
    let left_out = shown.len().saturating_sub(NODES);
    shown.truncate(NODES);
    shown.sort_unstable();
    let head = |cause: Cause| Head {
        lines: Head::lines(cause.words()),
        title: cause.name().to_owned(),
        marked: false,
    };
    let rows = shown.iter().map(|&node| {
        let cell = |row: &crate::model::nodes::CauseRow| match row.stalls.get(node) {
            None | Some(0) => None,
            Some(&stalls) => Some(Cell {
                level: level(stalls, most),
                text: count(stalls as u64),
                title: format!(
                    "{}: {}, {}",
                    name(n, node + 1),
                    plural(stalls, "stall"),
                    row.cause.words()
                ),
            }),
        };
        let cells = n.causes.iter().map(cell).collect();
        let sum = count(n.nodes[node].harmed() as u64);
        Row { group: None, name: name(n, node + 1), cells, sum }
    });
    let step = |quarter: usize| format!("up to {}", count((most * quarter).div_ceil(4) as u64));
    let grid = Grid {
        across: "stalls by cause".to_owned(),
        sums: "all stalls".to_owned(),
        unit: "stalls; empty: none".to_owned(),
        gutter: 270.0,
        heads: n.causes.iter().map(|row| head(row.cause)).collect(),
        rows: rows.collect(),
        steps: [step(1), step(2), step(3), step(4)],
    };
    let mut desc = format!("{} and their causes.", plural(n.nodes.len(), "node"));
    if left_out > 0 {
        desc += &format!(" {} with fewer stalls not drawn.", plural(left_out, "node"));
    }
    Some(grid.figure("causes", "Stalls of each node by cause".to_owned(), desc))
}

/// Percentiles of the latencies of all nodes together; none where none was counted.
pub(in crate::render) fn latencies(n: &Nodes) -> Option<Figure> {
    let curves = n.latencies.iter().map(Curve::from).collect();
    let thresholds: BTreeSet<_> = n.nodes.iter().map(|node| node.stall_threshold).collect();
    // Where nodes differ in what is a stall, none of their thresholds is that of all.
    let one = thresholds.first().filter(|_| thresholds.len() == 1);
    let title = format!("Latencies of {} together, by percentile", plural(n.nodes.len(), "node"));
    curves::chart(curves, one.copied(), ["latencies".to_owned(), title])
}
