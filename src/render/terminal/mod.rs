//! Findings for a person at a terminal: the answer first, in words, then the evidence.

pub(super) mod blame;
pub(super) mod conntrack;
pub(super) mod cpu;
pub(super) mod files;
pub(super) mod foot;
mod health;
pub(super) mod incident;
pub(super) mod quiet;
pub(super) mod received;
pub(super) mod stalls;
pub(super) mod tables;

use std::io::{self, Write};

use super::ink::Text;
use super::layout::Layout;
use super::text::utc;
use super::{Style, escape};
use crate::model::findings::Findings;

pub use stalls::stalls;

/// The answer: which CPUs stalled, who did it, and what the numbers rest on.
///
/// # Errors
/// The writer's.
pub fn verdict(out: &mut dyn Write, f: &Findings, style: Style) -> io::Result<()> {
    let layout = &mut Layout::new(out, style);
    let stalled = f.cpus.iter().any(|c| c.stalls > 0);
    if stalled {
        cpu::stalled(layout, f)?;
        cpu::calm(layout, f)?;
    } else {
        quiet::verdict(layout, f)?;
    }
    circumstances(layout, f)?;
    // That nothing stalled is worth what was measured.
    if !stalled {
        foot::not_measured(layout, f)?;
    }
    files::files(layout, f)?;
    tables::latencies(layout, f)?;
    tables::slow_calls(layout, f)?;
    received::received(layout, f)?;
    conntrack::conntrack(layout, f)?;
    health::health(layout, f)?;
    incident::incident(layout, f)?;
    foot::lost(layout, f)?;
    if stalled {
        foot::not_measured(layout, f)?;
    }
    foot::notes(layout, f)
}

/// Where packets came in, for themselves.
///
/// # Errors
/// The writer's.
pub fn received(out: &mut dyn Write, f: &Findings, style: Style) -> io::Result<()> {
    received::received(&mut Layout::new(out, style), f)
}

/// Which host, when, how recorded, in one line.
fn circumstances(layout: &mut Layout<'_>, f: &Findings) -> io::Result<()> {
    layout.blank()?;
    let mut facts = facts(f);
    facts.extend(
        f.build.as_ref().map(|_| format!("recorded by {}", recorder(f).replace(' ', "\u{a0}"))),
    );
    layout.put(2, &Text::new().dim(&facts.join(" · ")))
}

/// `stallprof 0.1.0 (821765b90d1e)`: the program that recorded, and the commit it was built from.
pub(super) fn recorder(f: &Findings) -> String {
    let known = |text: &str| escape::bounded(text, 50).into_owned();
    let commit = f.build.as_deref().map(|commit| format!(" ({})", known(commit)));
    format!("stallprof {}{}", known(&f.recorded_by), commit.unwrap_or_default())
}

/// Which host, which kernel, when, and whether anything is missing.
pub(super) fn facts(f: &Findings) -> Vec<String> {
    let known =
        |s: &str, otherwise: &str| if s.is_empty() { otherwise.into() } else { s.to_owned() };
    let mut facts = vec![known(&f.host.name, "unknown host")];
    facts.push(match &f.host.preemption {
        Some(model) => format!("kernel {} (preempt {model})", known(&f.host.kernel, "unknown")),
        None => format!("kernel {}", known(&f.host.kernel, "unknown")),
    });
    facts.push(utc(f.window.start_realtime).unwrap_or_else(|| "time unknown".to_owned()));
    if !f.window.complete {
        facts.push("cut short".to_owned());
    }
    // Where a CPU had none, its line tells of how long.
    if f.cpus.iter().any(|c| c.stalls > 0) && cpu::calm_words(f).is_none() {
        facts.push(format!("a stall is {}", cpu::threshold(&f.options)));
    }
    if !foot::any_lost(f) {
        facts.push("0 lost".to_owned());
    }
    facts
}
