//! The verdict where no stall was seen: how far that can be trusted.

use std::io;

use super::super::ink::Text;
use super::super::layout::Layout;
use super::super::text::{count, cpus, time};
use super::{cpu, foot, tables};
use crate::model::ProbeStatus;
use crate::model::findings::Findings;
use crate::units::Cpu;

/// The probes by which stalls are found; the others tell more of them, or of other things.
const SEE_STALLS: [&str; 4] = ["softirq", "ksoftirqd", "sampler", "hardirq"];

pub(super) fn verdict(layout: &mut Layout<'_>, f: &Findings) -> io::Result<()> {
    let (head, lines) = words(f);
    layout.put(2, &Text::new().bold(&head))?;
    for line in lines {
        layout.put(if line.hangs { 4 } else { 2 }, &Text::new().plain("  ").plain(&line.words))?;
    }
    Ok(())
}

/// A line below the headline.
pub(in crate::render) struct Line {
    pub(in crate::render) words: String,
    /// It is one of a list.
    hangs: bool,
}

/// The headline, and what tells how far it can be trusted.
pub(in crate::render) fn words(f: &Findings) -> (String, Vec<Line>) {
    let all: Vec<Cpu> = f.cpus.iter().map(|c| c.cpu).collect();
    let ran = |p: &&ProbeStatus| p.method.is_some();
    let blind = !f.probes.is_empty()
        && !f.probes.iter().filter(ran).any(|p| SEE_STALLS.contains(&p.name.as_str()));
    if all.is_empty() || blind {
        let what = match f.probes.iter().any(|p| p.method.is_some()) {
            _ if all.is_empty() => "No CPU was recorded",
            true => "Nothing that shows stalls was measured",
            false => "Nothing was measured",
        };
        return (format!("{what}: whether CPUs stalled is unknown"), Vec::new());
    }
    let cut = if f.window.complete { "" } else { " (the recording was cut short)" };
    let length = format!("{}{cut}", time(f.window.end.since(f.window.start)));
    let head = format!("No stall of {} on {} in {length}", cpu::threshold(&f.options), cpus(&all));
    let mut lines = Vec::new();
    let mut say = |words: String, hangs: bool| lines.push(Line { words, hangs });
    if foot::any_lost(f) {
        let words = "Records were lost (see below): there may have been stalls among them.";
        say(words.to_owned(), false);
    }
    let missing = foot::missing(f);
    if !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(|p| foot::measures(p)).collect();
        say(format!("Not measured: {}", names.join("; ")), true);
    }
    let worst = tables::worst_of_each_kind(&f.latencies);
    if worst.is_empty() {
        say("Worst latencies: unknown, none was counted.".to_owned(), false);
    }
    for l in worst {
        let (max, all) = (time(l.max), count(l.count));
        let what = tables::what(l);
        say(format!("Worst {what}: {max} on CPU\u{a0}{}, of {all} there", l.cpu), true);
    }
    (head, lines)
}
