//! Flame graphs of what ran: during stalls, and all the time for comparison.
//!
//! Both have the same shape: the CPU, the task's name, its user functions outermost first, the
//! system call with its file, the kernel's functions (marked `_[k]`, as stackcollapse does).

mod colors;
mod fold;
mod gap;
mod inline;
mod order;
mod svg;

use super::escape;
use super::spans::Spans;
use super::text::{cpus, plural, time, utc};
use crate::model::findings::{Culprit, Findings, Stall};
use crate::model::{Recording, Sample};
use crate::units::Cpu;
use fold::Folder;

pub(super) use fold::task as task_name;
pub(super) use inline::{Form, frames};
pub(super) use order::ordered;
pub use svg::svg;

/// What stands above a flame graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caption {
    /// In large letters.
    pub title: String,
    /// Below it: host, time, weight of a sample.
    pub subtitle: String,
    /// What to say in place of a graph without samples.
    pub empty: String,
}

/// What held the CPUs during stalls, as folded lines in order. The unit is the sample: a tick
/// counts one, the tick that ended an interrupt gap as many as the gap swallowed.
#[must_use]
pub fn held(r: &Recording, f: &Findings) -> Vec<(String, u64)> {
    let spans = Spans::new(f);
    let mut folder = Folder::new(r);
    for sample in &r.samples {
        if let Some(stall) = spans.of(sample) {
            add(&mut folder, r, sample, Some(stall));
        }
    }
    folder.lines()
}

/// What ran in the whole recording, in the shape of [`held`].
#[must_use]
pub fn profile(r: &Recording, f: &Findings) -> Vec<(String, u64)> {
    let spans = Spans::new(f);
    let mut folder = Folder::new(r);
    for sample in &r.samples {
        // Only late ticks need their stall; looking up the others would cost a million look-ups.
        let late = sample.gap.0 > 0;
        add(&mut folder, r, sample, if late { spans.of(sample) } else { None });
    }
    folder.lines()
}

fn add(folder: &mut Folder<'_>, r: &Recording, sample: &Sample, stall: Option<&Stall>) {
    if sample.gap.0 == 0 {
        return match stall.map(|s| &s.culprit) {
            Some(Culprit::Softirq { .. }) => folder.add_softirq(sample, 1),
            _ => folder.add(sample, 1, 0),
        };
    }
    let weight = gap::weight(r, sample);
    match gap::holder(r, sample, stall) {
        gap::Holder::Stack { skip } => folder.add(sample, weight, skip),
        gap::Holder::Named(name) => folder.add_named(sample.cpu, name, weight),
    }
}

/// The caption of [`held`].
#[must_use]
pub fn held_caption(r: &Recording, f: &Findings) -> Caption {
    let stalled: Vec<Cpu> = f.cpus.iter().filter(|c| c.stalls > 0).map(|c| c.cpu).collect();
    let title = match f.stalls.len() {
        0 => "No stall".to_owned(),
        n => format!("What held {} during {}", cpus(&stalled), plural(n, "stall")),
    };
    let empty = match (f.stalls.is_empty(), r.meta.sample_period.0) {
        (true, _) => format!("There was no stall of {} or more.", time(f.options.stall_threshold)),
        (false, 0) => "The sampler did not run, so nothing tells what ran meanwhile.".to_owned(),
        (false, _) => "No sample fell into a stall.".to_owned(),
    };
    Caption { title: spaced(&title), subtitle: subtitle(r), empty: spaced(&empty) }
}

/// The caption of [`profile`].
#[must_use]
pub fn profile_caption(r: &Recording) -> Caption {
    let recorded: Vec<Cpu> = r.meta.cpus.iter().map(|&c| Cpu(c)).collect();
    let place = if recorded.is_empty() { "all CPUs".to_owned() } else { cpus(&recorded) };
    Caption {
        title: spaced(&format!("What ran on {place} in {}", time(r.duration()))),
        subtitle: subtitle(r),
        empty: "The recording holds no samples.".to_owned(),
    }
}

fn subtitle(r: &Recording) -> String {
    let host = if r.meta.host.is_empty() { "unknown host" } else { &r.meta.host };
    let mut facts = vec![escape::bounded(host, 64).into_owned()];
    if !r.meta.kernel.is_empty() {
        facts.push(format!("kernel {}", escape::bounded(&r.meta.kernel, 48)));
    }
    facts.extend(utc(r.meta.start_realtime));
    if r.meta.sample_period.0 > 0 {
        facts.push(format!("1 sample = {}", r.meta.sample_period));
    }
    facts.join(" · ")
}

fn spaced(text: &str) -> String {
    text.replace('\u{a0}', " ")
}
