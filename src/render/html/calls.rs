//! System calls that took long, by caller and file.

use super::super::text::{count, cpus, percent, plural, time};
use super::super::words;
use super::{Case, empty, markup, table, unmeasured};

/// Rows, those with the longest total first.
const ROWS: usize = 100;

pub(super) fn body(case: &Case<'_>) -> String {
    let f = case.f;
    let least = time(f.options.syscall_min);
    if f.slow_calls.is_empty() {
        let none = || format!("No system call of {least} or longer was recorded.");
        return empty(&unmeasured(f, "syscall", "How long system calls took").unwrap_or_else(none));
    }
    let heads = ["#calls", "#median", "#worst", "#total", "#on CPU", "who", "what", "=CPUs"];
    let html = table(
        &format!("System calls of {least} or longer"),
        &heads,
        f.slow_calls.iter().take(ROWS).map(|g| {
            let cells = vec![
                count(g.calls as u64),
                time(g.median),
                time(g.worst),
                time(g.total),
                markup::text(&percent(g.on_cpu.0, g.total.0)).into_owned(),
                markup::text(&words::task(&g.task)).into_owned(),
                markup::text(&words::doing(&g.task)).into_owned(),
                cpus(&g.cpus),
            ];
            (String::new(), cells)
        }),
    );
    match f.slow_calls.len().saturating_sub(ROWS) {
        0 => html,
        n => format!("{html}<p class=\"fine\">{}: --format json.</p>\n", plural(n, "more row")),
    }
}
