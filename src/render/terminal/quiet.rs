//! The verdict where no stall was seen: how far that can be trusted.

use std::io;

use super::super::ink::Text;
use super::super::page::Page;
use super::super::text::{count, cpus, time};
use super::{cpu, foot, tables};
use crate::model::findings::Findings;
use crate::units::Cpu;

pub(super) fn verdict(page: &mut Page<'_>, f: &Findings) -> io::Result<()> {
    let all: Vec<Cpu> = f.cpus.iter().map(|c| c.cpu).collect();
    let blind = !f.probes.is_empty() && f.probes.iter().all(|p| p.method.is_none());
    if all.is_empty() || blind {
        let what = if blind { "Nothing was measured" } else { "No CPU was recorded" };
        return page.put(2, &Text::new().bold(&format!("{what}: whether CPUs stalled is unknown")));
    }
    let cut = if f.window.complete { "" } else { " (the recording was cut short)" };
    let length = format!("{}{cut}", time(f.window.end.since(f.window.start)));
    let head = format!("No stall of {} on {} in {length}", cpu::threshold(&f.options), cpus(&all));
    page.put(2, &Text::new().bold(&head))?;
    if foot::any_lost(f) {
        let words = "  Records were lost (see below): there may have been stalls among them.";
        page.put(2, &Text::new().plain(words))?;
    }
    let missing = foot::missing(f);
    if !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(|p| foot::measures(p)).collect();
        page.put(4, &Text::new().plain(&format!("  Not measured: {}", names.join("; "))))?;
    }
    let worst = tables::worst_of_each_kind(&f.latencies);
    if worst.is_empty() {
        return page.put(2, &Text::new().plain("  Worst latencies: unknown, none was counted."));
    }
    for l in worst {
        let (max, all) = (time(l.max), count(l.count));
        let what = tables::what(l);
        let words = format!("  Worst {what}: {max} on CPU\u{a0}{}, of {all} there", l.cpu);
        page.put(4, &Text::new().plain(&words))?;
    }
    Ok(())
}
