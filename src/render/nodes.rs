//! Several recordings of one incident, for a person at a terminal.

use std::io::{self, Write};

use super::difference::kin;
use super::ink::Text;
use super::layout::Layout;
use super::text::{count, plural, time, utc};
use super::{Style, escape, terms, words};
use crate::model::nodes::*;

/// Culprits and latencies listed.
const ROWS: usize = 10;
/// Columns of a node in the table of causes.
const CELL: usize = 8;
/// Columns of a sentence about the health of a node.
pub(super) const LONGEST: usize = 400;

/// Writes the answer first, then each node, causes, culprits, the worst stalls and latencies.
///
/// # Errors
/// The writer's.
pub fn write(out: &mut dyn Write, n: &Nodes, style: Style) -> io::Result<()> {
    let layout = &mut Layout::new(out, style);
    layout.put(2, &Text::new().bold(&headline(n)))?;
    nodes(layout, n)?;
    causes(layout, n)?;
    culprits(layout, n)?;
    worst(layout, n)?;
    health(layout, n)?;
    latencies(layout, n)?;
    layout.section("Notes")?;
    n.notes.iter().try_for_each(|note| layout.put(4, &Text::new().plain(&format!("  - {note}"))))
}

/// How many stalls on how many nodes.
pub(super) fn headline(n: &Nodes) -> String {
    let sum = |of: fn(&Node) -> usize| n.nodes.iter().map(of).sum::<usize>();
    let (stalls, nodes) = (sum(Node::harmed), plural(n.nodes.len(), "node"));
    let stalled = n.nodes.iter().filter(|node| node.harmed() > 0).count();
    let besides = match sum(|node| node.served_meanwhile) {
        0 => String::new(),
        1 => "; besides, ksoftirqd alone waited once".to_owned(),
        many => format!("; besides, ksoftirqd alone waited {}", plural(many, "time")),
    };
    match n.worst.first().filter(|_| stalls > 0) {
        None => format!("No stall on {nodes}{besides}"),
        Some(worst) => format!(
            "{} on {stalled} of {nodes}, worst {} on node {}{besides}",
            plural(stalls, "stall"),
            time(worst.duration),
            worst.node
        ),
    }
}

fn nodes(layout: &mut Layout<'_>, n: &Nodes) -> io::Result<()> {
    layout.section("Nodes")?;
    for (number, node) in (1..).zip(&n.nodes) {
        let host = if node.host.name.is_empty() { "unknown host" } else { &node.host.name };
        let mut facts = vec![
            plural(node.harmed(), "stall"),
            format!("worst {}", time(node.worst)),
            format!("{} in {}", plural(node.cpus, "CPU"), time(node.duration)),
            format!("kernel {}", node.host.kernel),
        ];
        let harmless = Some(node.served_meanwhile).filter(|&n| n > 0);
        facts.extend(harmless.map(|n| format!("{} harmless", count(n as u64))));
        facts.extend(utc(node.start_realtime));
        facts.extend(node.host.dying_memcgs.map(|d| format!("{} dying memory cgroups", count(d))));
        facts.extend(node.file.as_deref().map(|file| escape::terminal(file).into_owned()));
        let text = Text::new().plain(&format!("  {number:>3}  ")).accent(&escape::terminal(host));
        layout.put(7, &text.plain("  ").plain(&facts.join(" · ")))?;
    }
    Ok(())
}

/// As many nodes side by side as there is room for, then the next ones.
fn causes(layout: &mut Layout<'_>, n: &Nodes) -> io::Result<()> {
    if n.causes.is_empty() {
        return Ok(());
    }
    layout.section("Stalls by cause and node")?;
    let width = n.causes.iter().map(|row| row.cause.words().len()).max().unwrap_or(0);
    let width = width.min(layout.width() / 2);
    let fitting = (layout.width().saturating_sub(width + 2) / CELL).max(1);
    let all: Vec<usize> = (0..n.nodes.len()).collect();
    for some in all.chunks(fitting) {
        let mut head = format!("  {:width$}", "");
        some.iter().for_each(|node| head += &format!("{:>CELL$}", format!("node {}", node + 1)));
        layout.line(&Text::new().dim(&head))?;
        for row in &n.causes {
            let mut line = format!("  {:width$}", escape::end(row.cause.words(), width));
            some.iter().for_each(|&node| line += &format!("{:>CELL$}", row.stalls[node]));
            layout.line(&Text::new().plain(&line))?;
        }
    }
    Ok(())
}

fn culprits(layout: &mut Layout<'_>, n: &Nodes) -> io::Result<()> {
    if n.culprits.is_empty() {
        return Ok(());
    }
    layout.section("Culprits on all nodes")?;
    for group in n.culprits.iter().take(ROWS) {
        let noun = if group.stalls == 1 { "stall " } else { "stalls" };
        let lead = format!("  {:>6} {noun}  ", count(group.stalls as u64));
        let words = format!(
            ", median {}, worst {}, together {}; {}",
            time(group.median),
            time(group.worst),
            time(group.total),
            places(n, &group.nodes)
        );
        layout.put(16, &Text::new().plain(&lead).accent(&kin(&group.who)).plain(&words))?;
    }
    more(layout, n.culprits.len().saturating_sub(ROWS))
}

/// On which nodes something was.
pub(super) fn places(n: &Nodes, nodes: &[usize]) -> String {
    let nodes: Vec<String> = nodes.iter().map(usize::to_string).collect();
    match nodes.len() {
        all if all == n.nodes.len() && all > 1 => "all nodes".to_owned(),
        1 => format!("node {}", nodes[0]),
        many if many > 8 => format!("{many} nodes"),
        _ => format!("nodes {}", nodes.join(", ")),
    }
}

fn worst(layout: &mut Layout<'_>, n: &Nodes) -> io::Result<()> {
    if n.worst.is_empty() {
        return Ok(());
    }
    layout.section("Worst stalls of all")?;
    for stall in n.worst.iter().take(ROWS) {
        let host = n.nodes.get(stall.node - 1).map_or("", |node| node.host.name.as_str());
        let at = stall.start_realtime.and_then(utc).unwrap_or_else(|| "time unknown".to_owned());
        let lead = format!("  {:>8}  ", stall.duration);
        let place = format!(
            "node {} ({}) CPU {}, stall {}, {at}  ",
            stall.node,
            escape::bounded(host, 40),
            stall.cpu,
            stall.stall
        );
        let text = Text::new().plain(&lead).dim(&place).then(words::culprit(&stall.culprit));
        layout.put(12, &text.plain(&terms::how(stall.cause)))?;
    }
    more(layout, n.worst.len().saturating_sub(ROWS))
}

/// What a check found, and what helps; one sentence each.
fn health(layout: &mut Layout<'_>, n: &Nodes) -> io::Result<()> {
    if n.health.is_empty() {
        return Ok(());
    }
    layout.section("Node health: what hurts, or will")?;
    for of in n.health.iter().take(ROWS) {
        let lead = format!("  {:>8}  ", of.severity.name());
        let text = Text::new().plain(&lead).accent(&escape::terminal(&of.check));
        let places = format!("  {}: ", places(n, &of.nodes));
        layout.put(12, &text.dim(&places).plain(&escape::bounded(&of.value, LONGEST)))?;
        if !of.help.is_empty() {
            let help = format!("            {}", escape::bounded(&of.help, LONGEST));
            layout.put(12, &Text::new().dim(&help))?;
        }
    }
    more(layout, n.health.len().saturating_sub(ROWS))
}

fn latencies(layout: &mut Layout<'_>, n: &Nodes) -> io::Result<()> {
    let mut rows: Vec<_> = n.latencies.iter().filter(|l| l.count > 0).collect();
    if rows.is_empty() {
        return Ok(());
    }
    rows.sort_by_key(|l| std::cmp::Reverse(l.max));
    layout.section("Latencies of all events of all nodes")?;
    for l in rows.iter().take(ROWS) {
        let what = l.what.replace('_', " ");
        let name = l.vector.map_or_else(|| what.clone(), |v| format!("{v} {what}"));
        let words = format!(
            "  {name:24} p50 {}, p99 {}, p99.9 {}, max {}; {} on {}",
            time(l.p50),
            time(l.p99),
            time(l.p999),
            time(l.max),
            count(l.count),
            plural(l.nodes, "node")
        );
        layout.put(6, &Text::new().plain(&words))?;
    }
    more(layout, rows.len().saturating_sub(ROWS))
}

fn more(layout: &mut Layout<'_>, rows: usize) -> io::Result<()> {
    match rows {
        0 => Ok(()),
        n => layout.line(&Text::new().dim(&format!("  {}: --format json", plural(n, "more row")))),
    }
}
