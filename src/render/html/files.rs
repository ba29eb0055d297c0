//! Files that the kernel makes up while they are read: each slow call, who called, and what all
//! reads of them cost.

use super::super::figures::files;
use super::super::terminal::files as told;
use super::super::text::{bytes, count, cpus, percent, plural, time};
use super::super::{escape, words};
use super::method::list;
use super::{Case, empty, figure, markup, table, unmeasured};
use crate::model::findings::{CpuShare, FileReadGroup, Findings, SlowFileGroup};
use crate::units::Nanos;

/// Rows of each table, the longest total first.
const ROWS: usize = 100;

pub(super) fn body(case: &Case<'_>) -> String {
    let f = case.f;
    let mut html = match files::draw(case) {
        Some(drawn) => {
            let more = "Each dot is a call, where it began; pale where it slept. The dashed line is \
                        the threshold: shorter calls were not recorded. Below it, the line holds \
                        the last count until the next.";
            figure(&drawn, &markup::text(&format!("{more} {}", left_out(&drawn.desc))))
        }
        None => empty(&nothing(f)),
    };
    if !f.slow_files.is_empty() {
        html += &slow(f);
    }
    html += "<h3>What all reads of such files cost</h3>\n";
    html += &costs(f);
    let mut lines: Vec<String> = told::dying_words(f).into_iter().collect();
    match &f.dying_trend {
        Some(_) => lines.iter_mut().for_each(|l| *l = format!("Dying memory cgroups: {l}")),
        None => lines.push("Dying memory cgroups were not counted.".to_owned()),
    }
    lines.extend(f.advice.iter().map(|advice| format!("What helps: {advice}")));
    html + &list(&lines)
}

/// What the figure says of what it does not show.
fn left_out(desc: &str) -> &str {
    desc.split_once("by reader and file.").map_or("", |(_, rest)| rest.trim_start())
}

fn nothing(f: &Findings) -> String {
    unmeasured(f, "syscall", "How long system calls took").unwrap_or_else(|| {
        format!("No call of such a file took {} or longer.", time(f.options.syscall_min))
    })
}

fn more(rows: usize) -> String {
    match rows.saturating_sub(ROWS) {
        0 => String::new(),
        n => format!("<p class=\"fine\">{}: --format json.</p>\n", plural(n, "more row")),
    }
}

/// Where they ended, the CPU with most of the time first.
fn places(shares: &[CpuShare]) -> String {
    cpus(&shares.iter().map(|s| s.cpu).collect::<Vec<_>>())
}

fn slow(f: &Findings) -> String {
    let heads = [
        "#calls",
        "#median",
        "#worst",
        "#total",
        "#on CPU",
        "#irqs off",
        "#held",
        "#waited",
        "=who",
        "+what",
        "+seen",
    ];
    let share = |part: Nanos, whole: Nanos| markup::text(&percent(part.0, whole.0)).into_owned();
    let rows = f.slow_files.iter().take(ROWS).map(|g: &SlowFileGroup| {
        // What was not measured is not zero.
        let off = g.irqs_off.map_or("-".to_owned(), |n| count(n as u64));
        let lock = |of: fn(&crate::model::findings::RstatTimes) -> Nanos| {
            g.rstat.as_ref().map_or("-".to_owned(), |times| share(of(times), g.total))
        };
        let what = format!("{}{}", words::doing(&g.task), told::which(g));
        let cells = vec![
            count(g.calls as u64),
            time(g.median),
            time(g.worst),
            time(g.total),
            share(g.on_cpu, g.total),
            off,
            lock(|times| times.held),
            lock(|times| times.waited),
            markup::text(&told::process(&g.task)).into_owned(),
            markup::text(&what).into_owned(),
            markup::text(&told::seen(g)).into_owned(),
        ];
        (String::new(), cells)
    });
    let title =
        format!("Cgroup and /proc files that took {} or longer", time(f.options.syscall_min));
    let note = "<p class=\"fine\">Irqs off: in so many calls an interrupt gap was blamed on the \
                caller. Held, waited: part of the time at the locks of the cgroup statistics, where \
                the kernel tells it.</p>\n";
    table(&title, &heads, rows) + &more(f.slow_files.len()) + note
}

fn costs(f: &Findings) -> String {
    if f.file_reads.is_empty() {
        let what = "How often such files were read in all";
        let none = || "No read of such a file was counted.".to_owned();
        return empty(&unmeasured(f, "memcg", what).unwrap_or_else(none));
    }
    let heads = [
        "#reads a minute",
        "#time a minute",
        "#on CPU",
        "#reads",
        "#bytes",
        "=who",
        "file",
        "=CPUs",
    ];
    let rows = f.file_reads.iter().take(ROWS).map(|g: &FileReadGroup| {
        let (who, file) = match &g.task {
            Some(t) => {
                let file = escape::terminal(t.file.as_deref().unwrap_or_default()).into_owned();
                (told::process(t), file)
            }
            None => ("all others".to_owned(), format!("{} files", g.filesystem)),
        };
        let cells = vec![
            count(g.per_minute),
            time(g.total_per_minute),
            markup::text(&percent(g.on_cpu.0, g.total.0)).into_owned(),
            count(g.calls),
            bytes(g.bytes),
            markup::text(&who).into_owned(),
            markup::text(&file).into_owned(),
            places(&g.by_cpu),
        ];
        (String::new(), cells)
    });
    let window = time(f.window.end.since(f.window.start));
    let title = format!("What all reads cost a minute, seen for {window}");
    let limits = told::limits(&f.file_reads.iter().collect::<Vec<_>>()).join(" ");
    let limits = match limits.is_empty() {
        true => String::new(),
        false => format!("<p class=\"fine\">{}</p>\n", markup::text(&limits)),
    };
    table(&title, &heads, rows) + &more(f.file_reads.len()) + &limits
}
