//! Before and after, for a person at a terminal.

use std::io::{self, Write};

use super::ink::Text;
use super::layout::Layout;
use super::text::{count, cpus, plural, time, utc};
use super::{Style, escape, terms};
use crate::model::difference::*;
use crate::units::Cpu;

/// Culprits listed where no difference is shown.
const SAME: usize = 5;
/// Titles of what carries no claim.
const LOST: &str = "Records were lost: nothing can be said";
const NOT_SHOWN: &str = "No difference shown";
/// Columns of a latency's name.
const LATENCY: usize = 24;

/// Writes the answer first, then what it rests on.
///
/// # Errors
/// The writer's.
pub fn write(out: &mut dyn Write, d: &Difference, style: Style) -> io::Result<()> {
    let layout = &mut Layout::new(out, style);
    layout.put(2, &Text::new().bold(&headline(d)).plain(&sentence(d, &d.stalls)))?;
    let part = scope(d).is_some();
    for (whole, of_part, verdict) in [
        ("Gone", "Only before", Verdict::Gone),
        ("New", "Only after", Verdict::New),
        ("Fewer", "Fewer after", Verdict::Fewer),
        ("More", "More after", Verdict::More),
        (LOST, LOST, Verdict::Lost),
        (NOT_SHOWN, NOT_SHOWN, Verdict::NotShown),
    ] {
        let group: Vec<_> = d.culprits.iter().filter(|c| c.stalls.verdict == verdict).collect();
        if group.is_empty() {
            continue;
        }
        layout.section(if part { of_part } else { whole })?;
        let most = if verdict == Verdict::NotShown { SAME } else { usize::MAX };
        for c in group.iter().take(most) {
            let who = Text::new().plain("  ").accent(&kin(&c.who)).plain(": ");
            let worst = match (c.worst_before.0, c.worst_after.0) {
                (0, _) => format!("; longest {}", time(c.worst_after)),
                (_, 0) => format!("; longest {}", time(c.worst_before)),
                _ => format!("; longest {} and {}", time(c.worst_before), time(c.worst_after)),
            };
            layout.put(4, &who.plain(&sentence(d, &c.stalls)).plain(&worst))?;
        }
        if group.len() > most {
            layout.line(&Text::new().dim(&format!("  and {} more", group.len() - most)))?;
        }
    }
    latencies(layout, d)?;
    compared(layout, d)
}

/// What the verdict is of, where a side saw more than is compared: what is left out may have changed
/// otherwise.
fn scope(d: &Difference) -> Option<String> {
    let (a, b) = (&d.before, &d.after);
    let thresholds = |side: &Side| (side.options.stall_threshold, side.options.gap_threshold);
    let mut words = String::new();
    if thresholds(a) != thresholds(b) {
        let (stall, gap) = (time(d.stall_threshold), time(d.gap_threshold));
        words += &format!(" of {stall} or more (interrupt gaps: {gap})");
    }
    if d.cpus.is_empty() {
        let of = if words.is_empty() { String::new() } else { format!(": of stalls{words}") };
        return Some(format!(
            "Different CPUs ({} before, {} after), so this does not show what a change did{of}",
            numbers(&a.cpus),
            numbers(&b.cpus)
        ));
    }
    if a.cpus != b.cpus {
        words += &format!(" on {}", cpus(&d.cpus));
    }
    (!words.is_empty()).then(|| format!("Of stalls{words}"))
}

/// `0,2-4`, without blanks: a comma and a blank part the two sides.
fn numbers(list: &[Cpu]) -> String {
    match cpus(list).split_once('\u{a0}') {
        Some((_, numbers)) if !numbers.is_empty() => numbers.replace(", ", ","),
        _ => "none".to_owned(),
    }
}

fn headline(d: &Difference) -> String {
    let verdict = d.stalls.verdict;
    let Some(scope) = scope(d) else {
        let words = match verdict {
            Verdict::Gone => "The stalls are gone",
            Verdict::New => "There are stalls now",
            Verdict::Fewer => "Fewer stalls",
            Verdict::More => "More stalls",
            Verdict::Lost => "Records were lost, nothing can be said",
            Verdict::NotShown => NOT_SHOWN,
        };
        return format!("{words}: ");
    };
    let words = match verdict {
        Verdict::Gone => "seen only before",
        Verdict::New => "seen only after",
        Verdict::Fewer => "fewer after",
        Verdict::More => "more after",
        Verdict::Lost => "records were lost, nothing can be said",
        Verdict::NotShown => "no difference shown",
    };
    format!("{scope}: {words}: ")
}

/// `14.0 stalls a minute before, none after in 60.0 s; a chance result is unlikely (p < 0.001)`.
fn sentence(d: &Difference, change: &Change) -> String {
    let unit = if d.cpus.is_empty() { "a minute per CPU" } else { "a minute" };
    let (a, b) = (time(d.before.duration), time(d.after.duration));
    let rate = |n: usize, per_minute: f64, window: &str| match n {
        0 => format!("none in {window}"),
        n => format!("{per_minute:.1} stalls {unit} ({} in {window})", count(n as u64)),
    };
    let (before, after) = (
        rate(change.before, change.before_per_minute, &a),
        rate(change.after, change.after_per_minute, &b),
    );
    let chance = match change.verdict {
        Verdict::NotShown if change.before == 0 && change.after == 0 => {
            return format!("none in {a} before, none in {b} after");
        }
        Verdict::NotShown => format!("chance may have made this ({})", p(change.p)),
        Verdict::Lost => format!("but records were lost ({})", p(change.p)),
        _ => format!("a chance result is unlikely ({})", p(change.p)),
    };
    format!("{before} before, {after} after; {chance}")
}

fn p(p: f64) -> String {
    match p {
        p if p < 0.001 => "p\u{a0}<\u{a0}0.001".to_owned(),
        p if p < 0.1 => format!("p\u{a0}=\u{a0}{p:.3}"),
        p => format!("p\u{a0}=\u{a0}{p:.2}"),
    }
}

/// `cadvisor  read of /sys/fs/cgroup/memory/memory.stat  with interrupts off`.
pub(super) fn kin(who: &Kin) -> String {
    let mut words = escape::terminal(&who.name).into_owned();
    let doing = who.doing.as_deref().map(escape::terminal);
    let file = who.file.as_deref().map(escape::terminal);
    match (doing, file) {
        (Some(doing), Some(file)) => words += &format!("  {doing} of {file}"),
        (Some(word), None) | (None, Some(word)) => words += &format!("  {word}"),
        (None, None) => {}
    }
    words + &terms::how(who.cause)
}

fn latencies(layout: &mut Layout<'_>, d: &Difference) -> io::Result<()> {
    let moved: Vec<_> = d.latencies.iter().filter(|l| l.before > 0 || l.after > 0).collect();
    if moved.is_empty() {
        return Ok(());
    }
    layout.section("Latencies of all events")?;
    let few = "too few events";
    for l in &moved {
        let what = l.what.replace('_', " ");
        let name = l.vector.map_or_else(|| what.clone(), |v| format!("{v} {what}"));
        let head =
            format!("  {name:LATENCY$} {} before, {} after", count(l.before), count(l.after));
        let mut text = Text::new().plain(&head);
        if l.percentiles.iter().all(|change| change.verdict == Moved::TooFew) {
            layout.put(6, &text.plain("; ").dim(few))?;
            continue;
        }
        for change in &l.percentiles {
            let words = match (change.before, change.after, change.verdict) {
                (Some(a), Some(b), Moved::Longer) => {
                    format!("longer, {} to {}", bounds(a), bounds(b))
                }
                (Some(a), Some(b), Moved::Shorter) => {
                    format!("shorter, {} to {}", bounds(a), bounds(b))
                }
                (Some(_), Some(b), _) => format!("no difference shown ({})", bounds(b)),
                _ => few.to_owned(),
            };
            text = text.plain(&format!("; p{}\u{a0}", percent(change.share)));
            text = match change.verdict {
                Moved::Longer | Moved::Shorter => text.bold(&words),
                _ => text.dim(&words),
            };
        }
        layout.put(6, &text)?;
    }
    Ok(())
}

fn bounds(b: Bounds) -> String {
    // Both ends of one bucket: it is about that.
    if b.high.0 - b.low.0 <= b.high.0 / 8 {
        time(b.high)
    } else {
        format!("{}-{}", time(b.low), time(b.high))
    }
}

fn percent(share: f64) -> String {
    let text = format!("{:.1}", share * 100.0);
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

fn compared(layout: &mut Layout<'_>, d: &Difference) -> io::Result<()> {
    layout.section("Compared")?;
    for (name, side) in [("before", &d.before), ("after ", &d.after)] {
        let host = if side.host.name.is_empty() { "unknown host" } else { &side.host.name };
        let mut facts = vec![host.to_owned(), format!("kernel {}", side.host.kernel)];
        facts.extend(utc(side.start_realtime));
        facts.push(time(side.duration));
        let harmless = match side.served_meanwhile {
            0 => String::new(),
            n => format!(", {} of them harmless: only ksoftirqd waited", count(n as u64)),
        };
        facts.push(format!("{} in all{harmless}", plural(side.stalls, "stall")));
        facts.push(format!("{} lost", count(side.lost)));
        layout.put(10, &Text::new().plain(&format!("  {name}  ")).dim(&facts.join(" · ")))?;
    }
    let place = if d.cpus.is_empty() { "each side's own CPUs".to_owned() } else { cpus(&d.cpus) };
    let words = format!(
        "  Stalls of {} or more (interrupt gaps: {}) on {place}. p: the chance of such a difference \
         if the rates were equal; stalls that come in bursts count less.",
        time(d.stall_threshold),
        time(d.gap_threshold)
    );
    layout.put(2, &Text::new().dim(&words))?;
    for caveat in &d.caveats {
        layout.put(4, &Text::new().plain(&format!("  - {caveat}")))?;
    }
    Ok(())
}
