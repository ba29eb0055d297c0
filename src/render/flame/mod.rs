//! Flame graphs of what ran: during stalls, and all the time for comparison.
//!
//! Both have the same shape: the CPU, the task's name, its user functions outermost first, the
//! system call with its file, the kernel's functions (marked `_[k]`, as stackcollapse does).

mod colors;
mod difference;
mod fold;
mod gap;
mod inline;
mod order;
pub(crate) mod share;
mod svg;

use super::escape;
use super::spans::Spans;
use super::text::{cpus, plural, time, utc};
use crate::model::findings::{CpuSummary, Findings};
use crate::model::{Recording, Sample};
use crate::units::Cpu;
use fold::{Counts, Folder};

pub(crate) use fold::task;
pub(super) use fold::task as task_name;
pub(super) use inline::{Form, frames};
pub(super) use order::ordered;

pub use difference::difference;
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
    let (spans, mut folder, mut held) = (Spans::new(f), Folder::new(r), Counts::default());
    for sample in &r.samples {
        if let Some(stall) = spans.of(sample) {
            folder.add(&mut held, sample, &share::of(r, sample, Some(stall)));
        }
    }
    folder.lines(&held)
}

/// What ran in the whole recording, in the shape of [`held`].
#[must_use]
pub fn profile(r: &Recording, f: &Findings) -> Vec<(String, u64)> {
    let (spans, mut folder, mut all) = (Spans::new(f), Folder::new(r), Counts::default());
    for sample in &r.samples {
        let stall = share::stall(&spans, sample, false);
        folder.add(&mut all, sample, &share::of(r, sample, stall));
    }
    folder.lines(&all)
}

/// [`held`] and [`profile`]: looks at each sample and each stack once.
pub(super) fn both(r: &Recording, f: &Findings) -> [Vec<(String, u64)>; 2] {
    let (spans, mut folder) = (Spans::new(f), Folder::new(r));
    let (mut held, mut all) = (Counts::default(), Counts::default());
    for sample in &r.samples {
        let stall = spans.of(sample);
        if stall.is_some() {
            folder.add(&mut held, sample, &share::of(r, sample, stall));
        }
        let stall = stall.filter(|_| sample.gap.0 > 0);
        folder.add(&mut all, sample, &share::of(r, sample, stall));
    }
    [folder.lines(&held), folder.lines(&all)]
}

/// What ran, in order of time: the lines of [`profile`], or of [`held`] with `stalls_only`, each
/// for a run of equal samples of a CPU. The newest comes first and the last CPU before the others:
/// `flamegraph.pl --flamechart` and `inferno-flamegraph --flamechart` draw from right to left.
pub(crate) fn in_order<E>(
    r: &Recording,
    f: &Findings,
    stalls_only: bool,
    mut each: impl FnMut(&str, u64) -> Result<(), E>,
) -> Result<(), E> {
    let spans = Spans::new(f);
    let mut samples: Vec<&Sample> = r.samples.iter().collect();
    samples.sort_by_key(|s| s.cpu);
    let mut lines = fold::InOrder::new(r);
    for sample in samples.into_iter().rev() {
        let stall = share::stall(&spans, sample, stalls_only);
        if (stall.is_some() || !stalls_only)
            && let Some((line, weight)) = lines.next(sample, share::of(r, sample, stall))
        {
            each(&line, weight)?;
        }
    }
    lines.last().map_or(Ok(()), |(line, weight)| each(&line, weight))
}

/// A folded line as FlameGraph and inferno read it; none for one without a name.
pub(crate) use svg::stack as readable;

/// The caption of [`held`].
#[must_use]
pub fn held_caption(r: &Recording, f: &Findings) -> Caption {
    let harmed = |c: &CpuSummary| c.stalls.saturating_sub(c.served_meanwhile);
    let stalled: Vec<Cpu> = f.cpus.iter().filter(|c| harmed(c) > 0).map(|c| c.cpu).collect();
    let stalls = f.cpus.iter().map(harmed).sum();
    let title = match stalls {
        0 if !f.stalls.is_empty() => "No stall in which more than ksoftirqd waited".to_owned(),
        0 => "No stall".to_owned(),
        n => format!("What held {} during {}", cpus(&stalled), plural(n, "stall")),
    };
    let empty = match (stalls, r.meta.sample_period.0) {
        (0, _) if !f.stalls.is_empty() => {
            "Only ksoftirqd waited: interrupts ran its softirqs meanwhile.".to_owned()
        }
        (0, _) => format!("There was no stall of {} or more.", time(f.options.stall_threshold)),
        (_, 0) => "The sampler did not run, so nothing tells what ran meanwhile.".to_owned(),
        (_, _) => "No sample fell into a stall.".to_owned(),
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
