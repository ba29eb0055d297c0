//! Latencies of all events, not only of those that were stalls.

use super::super::figures::curves;
use super::super::terminal::tables;
use super::super::text::{count, plural, time};
use super::{Case, empty, figure, markup, table};
use crate::model::findings::Latency;

/// Rows of the table, the longest latencies first.
const ROWS: usize = 60;

pub(super) fn body(case: &Case<'_>) -> String {
    let mut rows: Vec<&Latency> = case.f.latencies.iter().filter(|l| l.count > 0).collect();
    if rows.is_empty() {
        return empty(
            "No latency was counted: what counts them did not run, or nothing happened. The \
             section on methods tells which.",
        );
    }
    rows.sort_by_key(|l| (std::cmp::Reverse(l.max), l.cpu, l.what, l.vector));
    let left_out = rows.len().saturating_sub(ROWS);
    rows.truncate(ROWS);
    let mut html = String::from(
        "<p>Counted in the kernel, in steps of at most 6.25 %; while softirqs come fast one in 16 \
         stands for the others, if the sampler ticks at least twice within the threshold. Both axes \
         are logarithmic: each step to the right is ten times rarer, each step up ten times longer.</p>\n",
    );
    for drawn in curves::figures(case) {
        html += &figure(&drawn, &markup::text(&drawn.desc));
    }
    let heads = ["#CPU", "=latency", "#count", "#p50", "#p99", "#p99.9", "#max"];
    html += &table(
        "Latencies by CPU",
        &heads,
        rows.iter().map(|l| {
            let lengths = [l.p50, l.p99, l.p999, l.max].map(time);
            let mut cells = vec![l.cpu.to_string(), tables::what(l), count(l.count)];
            cells.extend(lengths);
            (String::new(), cells)
        }),
    );
    if left_out > 0 {
        let words = plural(left_out, "row");
        html += &format!("<p class=\"fine\">{words} with shorter latencies: --format json.</p>\n");
    }
    html
}
