//! A recording with what was found in it, and what several figures and sections need of both.

use std::collections::HashMap;

use super::flame::{self, task_name};
use super::spans;
use crate::analysis::{Histogram, histograms};
use crate::model::findings::{Culprit, Findings, Stall};
use crate::model::{Recording, Sample, TaskId};
use crate::units::{Cpu, Ktime};

/// Tasks that have a colour of their own; the others share one.
pub(super) const COLORS: usize = 7;
/// Stalls taken apart.
const ANATOMIES: usize = 8;
/// Where few culprits are to blame, so many stalls are taken apart all the same.
const AT_LEAST: usize = 3;

/// What a page and its figures are made of.
pub struct Case<'a> {
    /// The recording.
    pub r: &'a Recording,
    /// What was found in it.
    pub f: &'a Findings,
    /// The recording's name, to be shown.
    pub source: &'a str,
    /// What held the CPUs during stalls, as folded lines.
    pub(super) held: Vec<(String, u64)>,
    /// What ran all the time.
    pub(super) profile: Vec<(String, u64)>,
    pub(super) histograms: Vec<Histogram>,
    /// The worst stall of each of the worst culprits, the worst first.
    pub(super) worst: Vec<&'a Stall>,
    /// Names of the tasks that have a colour, in the order of the colours.
    pub(super) colored: Vec<String>,
    /// Colour of each task by its number; [`COLORS`] for those without.
    colors: Vec<u8>,
}

impl<'a> Case<'a> {
    /// Prepares a recording for being drawn.
    #[must_use]
    pub fn new(r: &'a Recording, f: &'a Findings, source: &'a str) -> Case<'a> {
        let (colored, colors) = colors(r, f);
        let [held, profile] = flame::both(r, f);
        Case {
            r,
            f,
            source,
            held,
            profile,
            histograms: histograms(r),
            worst: worst(f),
            colored,
            colors,
        }
    }

    /// Class of the colour of a task: `w0` to `w6`, `wo` for others, `wi` for the idle task.
    pub(super) fn color(&self, task: TaskId) -> &'static str {
        if self.r.task(task).tid.0 == 0 && task.is_some() {
            return "wi";
        }
        let n = self.colors.get(task.0 as usize).map_or(COLORS, |&n| usize::from(n));
        ["w0", "w1", "w2", "w3", "w4", "w5", "w6"].get(n).copied().unwrap_or("wo")
    }

    /// Samples of a CPU from one moment to another, both included.
    pub(super) fn samples(&self, cpu: Cpu, from: Ktime, to: Ktime) -> Vec<&'a Sample> {
        let all = &self.r.samples;
        let first = all.partition_point(|s| s.time < from);
        let last = all.partition_point(|s| s.time <= to);
        let range = all.get(first..last).unwrap_or_default();
        range.iter().filter(|s| s.cpu == cpu).collect()
    }
}

/// Which names have which colour: culprits first, then who was seen most.
fn colors(r: &Recording, f: &Findings) -> (Vec<String>, Vec<u8>) {
    let mut seen = vec![0u64; r.tasks.len()];
    for s in &r.samples {
        if let Some(n) = seen.get_mut(s.task.0 as usize) {
            *n += s.count();
        }
    }
    let blamed: HashMap<u32, u64> = f
        .stalls
        .iter()
        .filter_map(|s| match &s.culprit {
            Culprit::Task(t) => Some((t.tid.0, s.duration.0)),
            _ => None,
        })
        .fold(HashMap::new(), |mut sums, (tid, time)| {
            let sum: &mut u64 = sums.entry(tid).or_default();
            *sum = sum.saturating_add(time);
            sums
        });
    let mut by_name: HashMap<String, (u64, u64)> = HashMap::new();
    let mut names = vec![String::new(); r.tasks.len()];
    for (id, &n) in seen.iter().enumerate() {
        let tid = r.tasks[id].tid.0;
        let held = blamed.get(&tid).copied().unwrap_or_default();
        if tid == 0 || (n == 0 && held == 0) {
            continue;
        }
        names[id] = task_name(r, TaskId(id as u32));
        let sums = by_name.entry(names[id].clone()).or_default();
        *sums = (sums.0.max(held), sums.1 + n);
    }
    let mut ranked: Vec<(String, (u64, u64))> = by_name.into_iter().collect();
    ranked.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    ranked.truncate(COLORS);
    let colored: Vec<String> = ranked.into_iter().map(|(name, _)| name).collect();
    let number = |name: &String| {
        let at = colored.iter().position(|known| known == name).filter(|_| !name.is_empty());
        at.unwrap_or(COLORS) as u8
    };
    let colors = names.iter().map(number).collect();
    (colored, colors)
}

/// The worst stall of each culprit, then the next worst where culprits are few.
fn worst(f: &Findings) -> Vec<&Stall> {
    let mut ranked: Vec<&Stall> = f.stalls.iter().collect();
    ranked.sort_by_key(|s| (std::cmp::Reverse(s.rank()), s.id));
    let mut group = HashMap::new();
    for (n, culprit) in f.culprits.iter().enumerate() {
        group.extend(culprit.stalls.iter().map(|&id| (id, n)));
    }
    let mut had = vec![false; f.culprits.len()];
    let mut first_of_group = |s: &&&Stall| match group.get(&s.id) {
        Some(&n) => !std::mem::replace(&mut had[n], true),
        None => true,
    };
    let mut chosen: Vec<&Stall> =
        ranked.iter().filter(&mut first_of_group).take(ANATOMIES).copied().collect();
    let more = AT_LEAST.saturating_sub(chosen.len());
    let next = ranked.iter().filter(|s| !chosen.iter().any(|c| c.id == s.id));
    let next: Vec<&Stall> = next.take(more).copied().collect();
    chosen.extend(next);
    chosen.sort_by_key(|s| (std::cmp::Reverse(s.rank()), s.id));
    chosen
}

/// From when to when a stall is drawn: its measures, with room at both sides.
pub(super) fn around(s: &Stall, per_cent: u64) -> (Ktime, Ktime) {
    let (start, end) = (spans::start(s), spans::end(s));
    let margin = crate::units::Nanos((end.since(start).0 / 100).saturating_mul(per_cent).max(1));
    (start.before(margin), end.after(margin))
}
