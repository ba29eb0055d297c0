//! Files that the kernel makes up while they are read: who was slow at them, what all reads of
//! them cost, and what helps.

use std::io;

use super::super::escape;
use super::super::ink::Text;
use super::super::layout::Layout;
use super::super::text::{count, percent, plural, time};
use super::super::words;
use crate::model::findings::*;
use crate::units::{Nanos, Tid};

/// Rows of each table.
const ROWS: usize = 5;
/// CPUs told one by one.
const CPUS: usize = 3;
/// Columns that a reader must have to stand beside the numbers.
const READER: usize = 24;
/// So many counts tell a trend, if there is one (analysis/dying.rs).
const ENOUGH: usize = 9;
/// A thousandth of one CPU, a minute: who costs less is left to the JSON.
const CHEAP: Nanos = Nanos::from_millis(60);

/// Nothing if there was no slow call of such a file, and no reader that costs something.
pub(in crate::render) fn files(layout: &mut Layout<'_>, f: &Findings) -> io::Result<()> {
    slow(layout, f)?;
    costs(layout, f)?;
    dying(layout, f)?;
    if f.advice.is_empty() {
        return Ok(());
    }
    layout.section("What helps against slow files")?;
    for advice in &f.advice {
        layout.put(4, &Text::new().plain(&format!("  - {advice}")))?;
    }
    Ok(())
}

fn slow(layout: &mut Layout<'_>, f: &Findings) -> io::Result<()> {
    if f.slow_files.is_empty() {
        return Ok(());
    }
    let title =
        format!("Cgroup and /proc files that took {} or longer", time(f.options.syscall_min));
    layout.section(&title)?;
    let head = format!("  {:>8} {:>8} {:>8} {:>7}", "calls", "median", "worst", "on CPU");
    layout.line(&Text::new().dim(&head))?;
    for g in f.slow_files.iter().take(ROWS) {
        let numbers = format!(
            "  {:>8} {:>8} {:>8} {:>7}  ",
            count(g.calls as u64),
            g.median,
            g.worst,
            percent(g.on_cpu.0, g.total.0)
        );
        let who = Text::new()
            .plain(&format!("{} {}", process(&g.task), words::doing(&g.task)))
            .plain(&which(g))
            .dim(&format!(" · {}", seen(g)));
        row(layout, &numbers, who)?;
    }
    super::tables::more(layout, f.slow_files.len().saturating_sub(ROWS))?;
    // Recordings made before there was such a probe.
    if f.probes.iter().all(|p| p.name != "memcg") {
        let words = "  How often such files were read in all was not recorded.";
        layout.put(4, &Text::new().dim(words))?;
    }
    Ok(())
}

/// A row of numbers with text beside it, or below where the layout is narrow.
fn row(layout: &mut Layout<'_>, numbers: &str, text: Text) -> io::Result<()> {
    let hang = escape::columns(numbers);
    if layout.width() < hang + READER {
        layout.line(&Text::new().plain(numbers.trim_end()))?;
        return layout.put(6, &Text::new().plain("    ").then(text));
    }
    layout.put(hang, &Text::new().plain(numbers).then(text))
}

/// `name[pid]` of a process, whatever its threads call themselves.
pub(in crate::render) fn process(t: &TaskCulprit) -> String {
    words::who(t.process.as_ref().unwrap_or(&t.comm), t.tgid, Tid(t.tgid.0))
}

/// Which files, where they were several.
pub(in crate::render) fn which(g: &SlowFileGroup) -> String {
    match (g.files, g.cgroups.first()) {
        (1, _) => String::new(),
        (n, Some(first)) => {
            let first = escape::terminal(first);
            format!(" of {}, most of the time {first}", plural(n, "cgroup"))
        }
        (n, None) => format!(" ({})", plural(n, "file")),
    }
}

/// What was seen inside the calls.
pub(in crate::render) fn seen(g: &SlowFileGroup) -> String {
    let mut words = vec![by_cpu(&g.by_cpu, g.total)];
    words.extend(self::words::workload(&g.task));
    if let (Some(n @ 1..), Some(worst)) = (g.irqs_off, g.irqs_off_worst) {
        let n = if n == g.calls { "all".to_owned() } else { count(n as u64) };
        words.push(format!("interrupts off in {n} of them, for {} of one at most", time(worst)));
    }
    if let Some(rstat) = g.rstat.filter(|r| r.locks > 0) {
        let share = |part: Nanos| percent(part.0, g.total.0).replace(' ', "\u{a0}");
        let flushing = format!("flushing cgroup statistics {} of the time", share(rstat.held));
        words.push(match rstat.waited.0 {
            0 => flushing,
            _ => format!("{flushing}, waiting for their locks {}", share(rstat.waited)),
        });
    }
    if g.slept > 0 {
        words.push(format!("slept in {} of them", count(g.slept as u64)));
    }
    words.join(" · ")
}

/// `CPU 11`, or `CPU 11 90 %, CPU 3 10 %`.
fn by_cpu(shares: &[CpuShare], total: Nanos) -> String {
    if let [only] = shares {
        return format!("CPU\u{a0}{}", only.cpu);
    }
    let share = |s: &CpuShare| {
        format!("CPU\u{a0}{}\u{a0}{}", s.cpu, percent(s.total.0, total.0).replace(' ', "\u{a0}"))
    };
    let mut words: Vec<String> = shares.iter().take(CPUS).map(share).collect();
    if shares.len() > CPUS {
        words.push(format!("{}\u{a0}more", shares.len() - CPUS));
    }
    words.join(", ")
}

fn costs(layout: &mut Layout<'_>, f: &Findings) -> io::Result<()> {
    let dear: Vec<_> = f.file_reads.iter().filter(|g| g.total_per_minute >= CHEAP).collect();
    if dear.is_empty() {
        return Ok(());
    }
    let window = time(f.window.end.since(f.window.start));
    layout.section(&format!(
        "What all reads of cgroup and /proc files cost a minute (seen for {window})"
    ))?;
    layout.line(&Text::new().dim(&format!("  {:>8} {:>8} {:>7}", "reads", "time", "on CPU")))?;
    for g in dear.iter().take(ROWS) {
        let numbers = format!(
            "  {:>8} {:>8} {:>7}  ",
            count(g.per_minute),
            g.total_per_minute,
            percent(g.on_cpu.0, g.total.0)
        );
        let who = match &g.task {
            Some(t) => {
                let file = t.file.as_deref().unwrap_or_default();
                format!("{} {}", process(t), escape::terminal(file))
            }
            None => format!("all other readers of {} files", g.filesystem),
        };
        let paid = format!(" · {}", by_cpu(&g.by_cpu, g.total));
        row(layout, &numbers, Text::new().plain(&who).dim(&paid))?;
    }
    super::tables::more(layout, dear.len().saturating_sub(ROWS))?;
    let mut limits = limits(&dear).into_iter();
    limits.try_for_each(|words| layout.put(4, &Text::new().dim("  ").dim(&words)))
}

/// Which reads were not counted.
pub(in crate::render) fn limits(groups: &[&FileReadGroup]) -> Vec<String> {
    let mut limits: Vec<_> = groups.iter().map(|g| (g.filesystem, g.at_least)).collect();
    limits.retain(|(_, at_least)| at_least.0 > 0);
    limits.sort_unstable();
    limits.dedup();
    let words = |(filesystem, at_least): (&str, Nanos)| {
        format!("Of {filesystem} files only reads of {} or longer are counted.", time(at_least))
    };
    limits.into_iter().map(words).collect()
}

/// How the number of dying memory cgroups went, where it matters here.
fn dying(layout: &mut Layout<'_>, f: &Findings) -> io::Result<()> {
    let Some(d) = f.dying_trend.filter(|d| d.max > 0) else { return Ok(()) };
    let matters = f.slow_files.iter().any(|g| g.filesystem == "cgroup");
    let words = dying_words(f).filter(|_| matters || d.growth_per_minute.is_some());
    let Some(words) = words else { return Ok(()) };
    layout.section("Dying memory cgroups")?;
    layout.put(4, &Text::new().plain("  ").plain(&words))
}

/// The same in words; none if they were not counted.
pub(in crate::render) fn dying_words(f: &Findings) -> Option<String> {
    let d = f.dying_trend?;
    let growth = match d.growth_per_minute {
        Some(n @ 1..) => format!(", growing by {} a minute", count(n.unsigned_abs())),
        Some(n) => format!(", shrinking by {} a minute", count(n.unsigned_abs())),
        None if d.counts >= ENOUGH => ", no clear trend".to_owned(),
        None => "; too few for a trend".to_owned(),
    };
    Some(format!(
        "{} at first, {} in the end, {} at most ({}){growth}",
        count(d.first),
        count(d.last),
        count(d.max),
        plural(d.counts, "count")
    ))
}
