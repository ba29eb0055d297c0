//! Tables of the verdict: latencies of all events, and slow system calls.

use std::collections::BTreeSet;
use std::io;

use super::super::escape;
use super::super::ink::Text;
use super::super::layout::Layout;
use super::super::text::{count, percent, plural, time};
use super::super::words;
use crate::model::Vector;
use crate::model::findings::*;

/// Rows of the table of latencies.
const LATENCIES: usize = 10;
/// Columns that a caller must have to stand beside the numbers.
const CALLER: usize = 24;
/// Rows of the table of slow system calls.
const CALLS: usize = 10;

/// `NET_RX softirq delay`, `ksoftirqd wait`.
pub(in crate::render) fn what(l: &Latency) -> String {
    let what = l.what.replace('_', " ");
    match l.vector {
        Some(v) => format!("{v} {what}"),
        None => what,
    }
}

/// The row with the highest maximum of each kind of latency.
pub(super) fn worst_of_each_kind(all: &[Latency]) -> Vec<&Latency> {
    let kinds: BTreeSet<&str> = all.iter().map(|l| l.what).collect();
    let mut worst: Vec<_> = kinds
        .iter()
        .filter_map(|&kind| {
            all.iter().filter(|l| l.what == kind && l.count > 0).max_by_key(|l| l.max)
        })
        .collect();
    worst.sort_by_key(|l| std::cmp::Reverse(l.max));
    worst
}

/// The rows that tell most: those of the CPU that stalled worst and of the vectors users feel,
/// the worst of each kind, then those that reach the length of a stall.
fn telling(f: &Findings) -> Vec<&Latency> {
    let worst_cpu = f.cpus.iter().max_by_key(|c| (c.worst, c.total)).map(|c| c.cpu);
    let felt = [Some(Vector::NET_RX), Some(Vector(1)), None];
    let is_felt = |l: &Latency| {
        Some(l.cpu) == worst_cpu && felt.contains(&l.vector) && l.what != "softirq_run"
    };
    let mut rows = worst_of_each_kind(&f.latencies);
    let stall = f.options.stall_threshold;
    let mut rest: Vec<_> = f
        .latencies
        .iter()
        .filter(|l| l.count > 0 && !rows.iter().any(|&r| std::ptr::eq(r, *l)))
        .filter(|l| is_felt(l) || l.max >= stall)
        .collect();
    rest.sort_by_key(|l| (std::cmp::Reverse((is_felt(l), l.max)), l.cpu, l.what, l.vector));
    rows.extend(rest);
    rows.truncate(LATENCIES);
    rows.sort_by_key(|l| (std::cmp::Reverse(l.max), l.cpu, l.what, l.vector));
    rows
}

/// Latencies: every event counts, not only stalls.
pub(super) fn latencies(layout: &mut Layout<'_>, f: &Findings) -> io::Result<()> {
    let rows = telling(f);
    if rows.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = rows.iter().map(|l| format!("CPU {:<3} {}", l.cpu, what(l))).collect();
    let width = names.iter().map(String::len).max().unwrap_or(0);
    layout.section("Latencies of all events")?;
    let room = layout.width().saturating_sub(2 + width);
    let row = |name: &str, cells: [String; 5]| {
        let mut row = format!("  {name:width$}");
        for cell in in_room(room).map(|which| (&cells[which], WIDTHS[which])) {
            row += &format!(" {:>w$}", cell.0, w = cell.1);
        }
        Text::new().plain(&row)
    };
    let head = row("", ["count", "p50", "p99", "p99.9", "max"].map(String::from));
    layout.line(&Text::new().dim(&head.0[0].1))?;
    for (l, name) in rows.iter().zip(&names) {
        let [p50, p99, p999, max] = [l.p50, l.p99, l.p999, l.max].map(|d| d.to_string());
        layout.line(&row(name, [count(l.count), p50, p99, p999, max]))?;
    }
    more(layout, f.latencies.iter().filter(|l| l.count > 0).count() - rows.len())
}

/// Columns of the count, the percentiles and the maximum.
const WIDTHS: [usize; 5] = [12, 8, 8, 8, 8];

/// Which of them there is room for, in order: the maximum and the 99th percentile tell most.
fn in_room(room: usize) -> impl Iterator<Item = usize> {
    let mut left = room;
    let mut fitting: Vec<usize> = Vec::new();
    for which in [4, 2, 0, 3, 1] {
        // A blank goes before each.
        let Some(rest) = left.checked_sub(WIDTHS[which] + 1) else { break };
        left = rest;
        fitting.push(which);
    }
    fitting.sort_unstable();
    fitting.into_iter()
}

/// Slow system calls: who, what, how often, how slow, and how much of that was work.
pub(super) fn slow_calls(layout: &mut Layout<'_>, f: &Findings) -> io::Result<()> {
    // Those of cgroup and proc files have a table of their own.
    let rows: Vec<_> = f.slow_calls.iter().filter(|g| g.filesystem.is_none()).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let title = if rows.len() < f.slow_calls.len() { "Other system calls" } else { "System calls" };
    layout.section(&format!("{title} of {} or longer", time(f.options.syscall_min)))?;
    let head = format!("  {:>8} {:>8} {:>8} {:>7}", "calls", "median", "worst", "on CPU");
    layout.line(&Text::new().dim(&head))?;
    for group in rows.iter().take(CALLS) {
        let numbers = format!(
            "  {:>8} {:>8} {:>8} {:>7}  ",
            count(group.calls as u64),
            group.median,
            group.worst,
            percent(group.on_cpu.0, group.total.0)
        );
        let t = &group.task;
        let who = Text::new().plain(&words::task(t)).plain(" ").plain(&words::doing(t));
        let hang = escape::columns(&numbers);
        if layout.width() < hang + CALLER {
            layout.line(&Text::new().plain(&numbers))?;
            layout.put(6, &Text::new().plain("    ").then(who))?;
        } else {
            layout.put(hang, &Text::new().plain(&numbers).then(who))?;
        }
    }
    more(layout, rows.len().saturating_sub(CALLS))
}

pub(super) fn more(layout: &mut Layout<'_>, rows: usize) -> io::Result<()> {
    match rows {
        0 => Ok(()),
        n => layout.line(&Text::new().dim(&format!("  {}: --format json", plural(n, "more row")))),
    }
}
