//! Tables of the verdict: latencies of all events, and slow system calls.

use std::collections::BTreeSet;
use std::io;

use super::super::escape;
use super::super::ink::Text;
use super::super::page::Page;
use super::super::text::{count, percent, plural, time};
use super::super::words;
use crate::model::Vector;
use crate::model::findings::*;

/// Rows of the table of latencies.
const LATENCIES: usize = 10;
/// Rows of the table of slow system calls.
const CALLS: usize = 10;

/// `NET_RX softirq delay`, `ksoftirqd wait`.
pub(super) fn what(l: &Latency) -> String {
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
pub(super) fn latencies(page: &mut Page<'_>, f: &Findings) -> io::Result<()> {
    let rows = telling(f);
    if rows.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = rows.iter().map(|l| format!("CPU {:<3} {}", l.cpu, what(l))).collect();
    let width = names.iter().map(String::len).max().unwrap_or(0);
    page.section("Latencies of all events")?;
    let head = format!(
        "  {:width$} {:>12} {:>8} {:>8} {:>8} {:>8}",
        "", "count", "p50", "p99", "p99.9", "max"
    );
    page.line(&Text::new().dim(&head))?;
    for (l, name) in rows.iter().zip(&names) {
        let n = count(l.count);
        let row =
            format!("  {name:width$} {n:>12} {:>8} {:>8} {:>8} {:>8}", l.p50, l.p99, l.p999, l.max);
        page.line(&Text::new().plain(&row))?;
    }
    more(page, f.latencies.iter().filter(|l| l.count > 0).count() - rows.len())
}

/// Slow system calls: who, what, how often, how slow, and how much of that was work.
pub(super) fn slow_calls(page: &mut Page<'_>, f: &Findings) -> io::Result<()> {
    if f.slow_calls.is_empty() {
        return Ok(());
    }
    page.section(&format!("System calls of {} or longer", time(f.options.syscall_min)))?;
    let head = format!("  {:>8} {:>8} {:>8} {:>7}", "calls", "median", "worst", "on CPU");
    page.line(&Text::new().dim(&head))?;
    for group in f.slow_calls.iter().take(CALLS) {
        let numbers = format!(
            "  {:>8} {:>8} {:>8} {:>7}  ",
            count(group.calls as u64),
            group.median,
            group.worst,
            percent(group.on_cpu.0, group.total.0)
        );
        let t = &group.task;
        let who = words::task(t);
        let text = Text::new().plain(&numbers).plain(&who).plain(" ").plain(&words::doing(t));
        page.put(escape::columns(&numbers), &text)?;
    }
    more(page, f.slow_calls.len().saturating_sub(CALLS))
}

fn more(page: &mut Page<'_>, rows: usize) -> io::Result<()> {
    match rows {
        0 => Ok(()),
        n => page.line(&Text::new().dim(&format!("  {} in the JSON", plural(n, "more row")))),
    }
}
