//! What limits the verdict: lost records, measures that did not run, notes.

use std::io;

use super::super::ink::Text;
use super::super::layout::Layout;
use super::super::text::count;
use crate::model::findings::Findings;
use crate::model::{ProbeStatus, measured};

/// Whether any record was lost.
pub(in crate::render) fn any_lost(f: &Findings) -> bool {
    f.lost.iter().any(|l| l.total() > 0)
}

/// Lost records, by probe and reason; nothing if there are none.
pub(super) fn lost(layout: &mut Layout<'_>, f: &Findings) -> io::Result<()> {
    if !any_lost(f) {
        return Ok(());
    }
    layout.section("Lost records")?;
    for words in lost_words(f) {
        layout.put(4, &Text::new().plain(&format!("  {words}")))?;
    }
    Ok(())
}

/// `softirq: 12 as the ring buffer was full`, for each probe that lost any.
pub(in crate::render) fn lost_words(f: &Findings) -> Vec<String> {
    let lost = f.lost.iter().filter(|l| l.total() > 0);
    let words = lost.map(|l| {
        let mut why = Vec::new();
        if l.ring_full > 0 {
            why.push(format!("{} as the ring buffer was full", count(l.ring_full)));
        }
        if l.rate_limited > 0 {
            why.push(format!("{} held back by the rate limit", count(l.rate_limited)));
        }
        if l.preempted > 0 {
            let before = "as another task had been preempted while it made one on that CPU";
            why.push(format!("{} {before}", count(l.preempted)));
        }
        format!("{}: {}", l.probe, why.join(", "))
    });
    words.collect()
}

/// Measures that did not run.
pub(in crate::render) fn missing(f: &Findings) -> Vec<&ProbeStatus> {
    f.probes.iter().filter(|p| p.method.is_none()).collect()
}

/// What a probe would measure, in words.
pub(in crate::render) fn measures(p: &ProbeStatus) -> &str {
    if p.measures.is_empty() { &p.name } else { &p.measures }
}

/// Measures that did not run, with the reason; one that several have in common, once.
pub(super) fn not_measured(layout: &mut Layout<'_>, f: &Findings) -> io::Result<()> {
    let groups = measured::missing(&f.probes);
    if groups.is_empty() {
        return Ok(());
    }
    layout.section("Not measured")?;
    for (probes, reason) in groups {
        if let [only] = probes[..] {
            layout.put(4, &Text::new().plain(&format!("  {}: {reason}", measures(only))))?;
            continue;
        }
        for p in probes {
            layout.put(4, &Text::new().plain(&format!("  {}", measures(p))))?;
        }
        layout.put(6, &Text::new().plain(&format!("    {reason}")))?;
    }
    Ok(())
}

/// What a reader must know to judge the numbers.
pub(super) fn notes(layout: &mut Layout<'_>, f: &Findings) -> io::Result<()> {
    if f.notes.is_empty() {
        return Ok(());
    }
    layout.section("Notes")?;
    for note in &f.notes {
        layout.put(4, &Text::new().plain(&format!("  - {note}")))?;
    }
    Ok(())
}
