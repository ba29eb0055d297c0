//! One paragraph per CPU that stalled: how often, how badly, by whom.

use std::io;

use super::super::ink::Text;
use super::super::layout::Layout;
use super::super::text::{count, cpus, plural, time};
use super::super::{terms, words};
use super::blame::{self, Blame};
use crate::model::findings::*;
use crate::units::Cpu;

/// CPUs that get a paragraph; the others a line each.
pub(in crate::render) const PARAGRAPHS: usize = 6;
/// CPUs that get a line.
pub(in crate::render) const LINES: usize = 20;
/// Functions shown of a stack.
const FUNCTIONS: usize = 12;

/// The CPUs that stalled, the longest stall first.
pub(super) fn stalled(layout: &mut Layout<'_>, f: &Findings) -> io::Result<()> {
    let list = worst_first(f);
    for (i, cpu) in list.iter().take(PARAGRAPHS).enumerate() {
        if i > 0 {
            layout.blank()?;
        }
        paragraph(layout, f, cpu, &blame::of(f, cpu))?;
    }
    let rest = list.get(PARAGRAPHS..).unwrap_or_default();
    if !rest.is_empty() {
        layout.blank()?;
    }
    for cpu in rest.iter().take(LINES) {
        let mut text = headline(f, cpu);
        if let Some(most) = blame::of(f, cpu).first() {
            text = text.plain(", most by ").then(most.words());
        }
        layout.put(2, &text)?;
    }
    if rest.len() > LINES {
        let more: Vec<Cpu> = rest[LINES..].iter().map(|c| c.cpu).collect();
        layout.put(2, &Text::new().plain(&format!("Stalled less badly: {}", cpus(&more))))?;
    }
    Ok(())
}

/// The CPUs that stalled, the longest stall first; last those where only ksoftirqd waited.
pub(in crate::render) fn worst_first(f: &Findings) -> Vec<&CpuSummary> {
    let mut list: Vec<&CpuSummary> = f.cpus.iter().filter(|c| c.stalls > 0).collect();
    let harmless = |c: &CpuSummary| c.served_meanwhile == c.stalls;
    list.sort_by_key(|c| (harmless(c), std::cmp::Reverse((c.worst, c.total)), c.cpu));
    list
}

/// The CPUs without a stall, on one line.
pub(super) fn calm(layout: &mut Layout<'_>, f: &Findings) -> io::Result<()> {
    let Some(words) = calm_words(f) else { return Ok(()) };
    if f.cpus.iter().filter(|c| c.stalls > 0).count() > 1 {
        layout.blank()?;
    }
    layout.put(2, &Text::new().plain(&words))
}

/// `CPUs 0-10: no stall of 5.00 ms or more`; none where all stalled.
pub(in crate::render) fn calm_words(f: &Findings) -> Option<String> {
    let calm: Vec<Cpu> = f.cpus.iter().filter(|c| c.stalls == 0).map(|c| c.cpu).collect();
    (!calm.is_empty()).then(|| format!("{}: no stall of {}", cpus(&calm), threshold(&f.options)))
}

/// `5.00 ms or more`, with the other threshold of interrupt gaps where they differ.
pub(in crate::render) fn threshold(o: &Options) -> String {
    let words = format!("{} or more", time(o.stall_threshold));
    if o.gap_threshold == o.stall_threshold || o.sample_period.0 == 0 {
        return words;
    }
    format!("{words} (interrupt gaps: {} or more)", time(o.gap_threshold))
}

/// `CPU 11 stalled 14 times in 30.0 s, worst 187 ms`, and how often only ksoftirqd waited.
pub(in crate::render) fn headline(f: &Findings, cpu: &CpuSummary) -> Text {
    let cut = if f.window.complete { "" } else { " (cut short)" };
    let length = format!("{}{cut}", time(f.window.end.since(f.window.start)));
    let (worst, id) = (time(cpu.worst), cpu.cpu);
    let times = |n: usize| if n == 1 { "once".to_owned() } else { plural(n, "time") };
    let waited = times(cpu.served_meanwhile);
    let words = match cpu.stalls.saturating_sub(cpu.served_meanwhile) {
        0 => format!(
            "CPU\u{a0}{id}: ksoftirqd waited {waited} in {length}, up to {worst}; its softirqs did not"
        ),
        1 => format!("CPU\u{a0}{id} stalled once in {length}, for {worst}"),
        n => format!("CPU\u{a0}{id} stalled {} in {length}, worst {worst}", times(n)),
    };
    let besides = match cpu.served_meanwhile {
        0 => String::new(),
        n if n == cpu.stalls => String::new(),
        _ => {
            let own = f.stalls.iter().filter(|s| s.cpu == id && s.served_meanwhile());
            let longest = own.map(|s| s.duration).max().filter(|longest| *longest > cpu.worst);
            let beyond = longest.map(|longest| format!(", up to {}", time(longest)));
            format!("; besides, ksoftirqd alone waited {waited}{}", beyond.unwrap_or_default())
        }
    };
    Text::new().bold(&(words + &besides))
}

/// `softirq delay: 9; interrupt gap: 5; NET_RX waited in 9`.
pub(in crate::render) fn breakdown(cpu: &CpuSummary) -> String {
    let kind = |k: &KindCount| format!("{}: {}", terms::kind(k.kind), count(k.stalls as u64));
    let mut parts: Vec<String> = cpu.kinds.iter().map(kind).collect();
    if cpu.served_meanwhile > 0 {
        let served = count(cpu.served_meanwhile as u64);
        parts.push(format!("ksoftirqd alone waited in {served}, interrupts ran its softirqs"));
    }
    parts.extend(most(&cpu.waited, "waited in"));
    parts.extend(most(&cpu.pending, "pending at the gap's end in"));
    parts.join("; ")
}

/// `NET_RX waited in 12, RCU in 3`: the first two.
fn most(all: &[VectorCount], how: &str) -> Option<String> {
    let part =
        |c: &VectorCount, how: &str| format!("{} {how} {}", c.vector, count(c.stalls as u64));
    let mut words = part(all.first()?, how);
    if let Some(second) = all.get(1) {
        words += &format!(", {}", part(second, "in"));
    }
    Some(words)
}

fn paragraph(
    layout: &mut Layout<'_>,
    f: &Findings,
    cpu: &CpuSummary,
    blames: &[Blame<'_>],
) -> io::Result<()> {
    let head = headline(f, cpu);
    let kinds = breakdown(cpu);
    let full = head.clone().plain(&format!(" ({kinds})"));
    // The second line has to name the culprit: rather than wrap, the kinds go below.
    let fits = layout.fits(&full);
    layout.put(2, if fits { &full } else { &head })?;
    let digits = count(cpu.stalls as u64).len();
    for blame in blames.iter().take(blame::CULPRITS) {
        culprit(layout, f, cpu, blame, digits)?;
    }
    for (share, by) in blame::rest(blames, cpu) {
        let label = label(&share, digits);
        layout.put(label.len(), &Text::new().plain(&label).plain(&by))?;
    }
    if !fits {
        layout.put(2, &Text::new().dim(&format!("  {kinds}")))?;
    }
    let here = f.received.iter().flat_map(|r| &r.cpus).find(|c| c.cpu == cpu.cpu);
    if let Some(hurts) = here.and_then(|c| c.hurts.as_ref()) {
        layout.put(4, &Text::new().plain(&format!("  Why it hurts you: {hurts}")))?;
    }
    Ok(())
}

/// ` 3 of 14  `: in front of a culprit.
fn label(share: &blame::Share, digits: usize) -> String {
    format!("  {}  ", share.words(digits))
}

fn culprit(
    layout: &mut Layout<'_>,
    f: &Findings,
    cpu: &CpuSummary,
    blame: &Blame<'_>,
    digits: usize,
) -> io::Result<()> {
    let label = label(&blame.share(cpu), digits);
    let hang = layout.hang(label.len());
    let lead = Text::new().plain(&label);
    layout.put(hang, &lead.then(blame.words()).plain(&blame.deed(f, cpu.cpu)))?;
    let mut detail =
        |text: Text| layout.put(hang, &Text::new().plain(&" ".repeat(hang)).then(text));
    let facts = facts(blame);
    if !facts.is_empty() {
        detail(Text::new().plain(&facts.join(" · ")))?;
    }
    if let Some(why) = blame.evidence() {
        let place = if blame.stalls.len() > 1 { " in the longest" } else { "" };
        detail(Text::new().plain(&format!("seen{place}: {why}")))?;
    }
    let stack = blame.stack();
    if !stack.is_empty() {
        let functions = words::stack(stack.iter().map(|f| &**f), FUNCTIONS);
        detail(Text::new().dim(&format!("{}{functions}", blame.whose_stack())))?;
    }
    Ok(())
}

/// Whose the culprit is, and what on this host made it slow.
pub(in crate::render) fn facts(blame: &Blame<'_>) -> Vec<String> {
    let mut facts = match blame.culprit() {
        Culprit::Task(task) => words::workload(task),
        _ => Vec::new(),
    };
    let dying = blame.told.dying_memcgs;
    facts.extend(dying.map(|n| format!("{}\u{a0}dying memory cgroups on this node", count(n))));
    facts
}
