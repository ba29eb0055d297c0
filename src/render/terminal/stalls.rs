//! `report --stalls`: each stall on a line, and the worst ones taken apart.

use std::io::{self, Write};

use super::super::ink::Text;
use super::super::layout::Layout;
use super::super::text::{offset, time, utc};
use super::super::{Style, escape, spans, words};
use crate::model::findings::*;

/// Columns that a culprit must have to stand in the table of stalls.
const CULPRIT: usize = 24;

/// How many stalls [`stalls`] takes apart.
const ANATOMIES: usize = 3;

/// One line a stall in order of time, then the worst [`ANATOMIES`] in detail.
///
/// # Errors
/// The writer's.
pub fn stalls(out: &mut dyn Write, f: &Findings, style: Style) -> io::Result<()> {
    let layout = &mut Layout::new(out, style);
    if f.stalls.is_empty() {
        let words = format!("No stall of {}", super::cpu::threshold(&f.options));
        return layout.put(2, &Text::new().bold(&words));
    }
    table(layout, f)?;
    let mut worst: Vec<&Stall> = f.stalls.iter().collect();
    worst.sort_by_key(|s| (std::cmp::Reverse(s.rank()), s.id));
    for stall in worst.into_iter().take(ANATOMIES) {
        layout.blank()?;
        anatomy(layout, f, stall)?;
    }
    Ok(())
}

fn table(layout: &mut Layout<'_>, f: &Findings) -> io::Result<()> {
    let late: Vec<String> = f.stalls.iter().map(words::late).collect();
    let late_width = late.iter().map(|l| l.len().min(24)).max().unwrap_or(0).max(4);
    let id_width = f.stalls.iter().map(|s| s.id.to_string().len()).max().unwrap_or(1).max(2);
    let head = format!("  {:>id_width$} {:>11} {:>4} {:>8}", "#", "at", "CPU", "length");
    // Where that leaves too little for a culprit's name, what is not a number goes below.
    let left = layout.width().saturating_sub(head.len() + 2 + late_width + 2);
    let narrow = left < CULPRIT;
    layout.line(&Text::new().dim(&match narrow {
        true => head,
        false => format!("{head}  {:late_width$}  culprit", "late"),
    }))?;
    for (s, late) in f.stalls.iter().zip(&late) {
        let at = offset(s.start, f.window.start);
        let length = s.duration;
        let late = escape::end(late, late_width);
        let (id, cpu) = (s.id, s.cpu);
        let row = format!("  {id:>id_width$} {at:>11} {cpu:>4} {length:>8}");
        if narrow {
            layout.line(&Text::new().plain(&row))?;
            let below = Text::new().plain(&format!("    {late}  "));
            layout.put(6, &below.then(words::culprit(&s.culprit)))?;
        } else {
            let row = format!("{row}  {late:late_width$}  ");
            layout.line(&Text::new().plain(&row).then(in_columns(&s.culprit, left)))?;
        }
    }
    Ok(())
}

/// A culprit on one line: the name whole, the deed with its middle cut.
fn in_columns(culprit: &Culprit, left: usize) -> Text {
    let Culprit::Task(task) = culprit else { return words::culprit(culprit) };
    let who = words::task(task);
    let doing = words::doing(task);
    let left = left.saturating_sub(escape::columns(&who) + 1);
    Text::new().accent(&who).plain(" ").plain(&escape::middle(&doing, left))
}

/// A stall in detail.
fn anatomy(layout: &mut Layout<'_>, f: &Findings, s: &Stall) -> io::Result<()> {
    layout.put(2, &Text::new().bold(&head(f, s)))?;
    // Labels on the left, facts on the right.
    for (label, text) in details(s) {
        layout.put(13, &Text::new().dim(&format!("  {label:<9}  ")).then(text))?;
    }
    Ok(())
}

/// `Stall 12 on CPU 11: 187 ms at +13.000 s (2026-11-05 12:35:09 UTC)`.
pub(in crate::render) fn head(f: &Findings, s: &Stall) -> String {
    let mut head = format!("Stall {} on CPU\u{a0}{}: {}", s.id, s.cpu, time(s.duration));
    head += &format!(" at {}", offset(s.start, f.window.start));
    let epoch = f.window.start_realtime;
    let (after, before) = (s.start.since(f.window.start), f.window.start.since(s.start));
    let date = epoch.saturating_add(after.0).saturating_sub(before.0);
    if let Some(date) = (epoch > 0).then(|| utc(date)).flatten() {
        head += &format!(" ({})", date.replace(' ', "\u{a0}"));
    }
    head
}

/// All that is known of a stall, each with its label; a label is empty where the last one goes on.
pub(in crate::render) fn details(s: &Stall) -> Vec<(&'static str, Text)> {
    let plain = |words: &str| Text::new().plain(words);
    let mut facts: Vec<(&'static str, Text)> = Vec::new();
    for (i, m) in s.measures.iter().enumerate() {
        facts.push((if i == 0 { "late" } else { "" }, plain(&words::measure(m))));
    }
    let over = spans::end(s).since(spans::start(s));
    if time(over) != time(s.duration) {
        facts.push(("in all", plain(&format!("{} from the first to the last", time(over)))));
    }
    let deed = match words::deed(&s.culprit, s.cause, s.cpu) {
        none if none.is_empty() => none,
        deed => format!("  {deed}"),
    };
    facts.push(("culprit", words::culprit(&s.culprit).plain(&deed)));
    if let Culprit::Task(task) = &s.culprit {
        let of = words::workload(task);
        if !of.is_empty() {
            facts.push(("of", plain(&of.join(" · "))));
        }
    }
    let e = &s.evidence;
    let seen = if e.words.is_empty() { words::witnesses(s) } else { e.words.clone() };
    facts.push(("evidence", plain(&seen)));
    if let Some(function) =
        e.function.as_deref().filter(|f| Some(*f) != e.stack.first().map(|f| &**f))
    {
        facts.push(("function", plain(&escape::terminal(function))));
    }
    facts.push((
        "stack",
        match e.stack.is_empty() {
            true => plain("unknown"),
            false => Text::new().dim(&words::stack(e.stack.iter().map(|f| &**f), 40)),
        },
    ));
    facts
}
