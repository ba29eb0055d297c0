//! Who ran on a CPU: each sample in and around stalls, and elsewhere who was seen most.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{LEAST, Scale, data};
use crate::model::{Sample, TaskId};
use crate::render::case::{Case, around};
use crate::render::{calls, markup};
use crate::units::{Cpu, Ktime, Nanos};

/// Steps into which the time outside of stalls is divided.
const STEPS: u64 = 600;
/// Turns of one CPU drawn sample by sample; after so many, the rest is drawn in steps too.
const TURNS: usize = 1_000;

/// A task that was seen from one moment to another.
struct Turn {
    task: TaskId,
    from: Ktime,
    to: Ktime,
    /// What was seen, in words.
    seen: String,
}

pub(super) fn draw(case: &Case<'_>, scale: Scale, cpu: Cpu, y: f64, height: f64, out: &mut String) {
    let samples: Vec<&Sample> = case.r.samples.iter().filter(|s| s.cpu == cpu).collect();
    let stalls = stalls(case, cpu);
    let (detailed, drawn) = detailed(case, &samples, &stalls);
    let mut turns = coarse(case, scale, &samples, &stalls[..drawn]);
    turns.extend(detailed);
    for turn in turns {
        let (from, to) = (turn.from.max(scale.from), turn.to.min(scale.to));
        let title = format!("{} {}", calls::who(case.r, turn.task), turn.seen);
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "<rect class=\"{}\" {} x=\"{:.2}\" y=\"{y:.0}\" width=\"{:.2}\" height=\"{height:.0}\">\
             <title>{}</title></rect>",
            case.color(turn.task),
            data(scale, from, to),
            scale.x(from),
            scale.length(from, to).max(LEAST / 2.0),
            markup::name(&title)
        );
    }
}

/// Where each sample is drawn: the stalls of a CPU with some room, those that touch joined.
fn stalls(case: &Case<'_>, cpu: Cpu) -> Vec<(Ktime, Ktime)> {
    let mut spans: Vec<(Ktime, Ktime)> =
        case.f.stalls.iter().filter(|s| s.cpu == cpu).map(|s| around(s, 25)).collect();
    spans.sort_unstable();
    let mut joined: Vec<(Ktime, Ktime)> = Vec::new();
    for (from, to) in spans {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// The task seen most in each step of time outside of `stalls`, neighbours joined.
fn coarse(
    case: &Case<'_>,
    scale: Scale,
    samples: &[&Sample],
    stalls: &[(Ktime, Ktime)],
) -> Vec<Turn> {
    let step = (scale.to.since(scale.from).0 / STEPS).max(1);
    let number = |s: &Sample| s.time.since(scale.from).0 / step;
    let mut turns: Vec<Turn> = Vec::new();
    for of_step in samples.chunk_by(|a, b| number(a) == number(b)) {
        let mut seen: BTreeMap<TaskId, u64> = BTreeMap::new();
        of_step.iter().for_each(|s| *seen.entry(s.task).or_default() += s.count());
        let Some(n) = of_step.first().map(|s| number(s)) else { continue };
        let most = seen.iter().max_by_key(|&(task, n)| (*n, std::cmp::Reverse(*task)));
        let Some((&task, _)) = most else { continue };
        let from = scale.from.after(Nanos(n.saturating_mul(step)));
        let to = from.after(Nanos(step));
        match turns.last_mut() {
            Some(last) if last.to == from && case.color(last.task) == case.color(task) => {
                last.to = to;
            }
            _ => {
                let seen = format!("(seen most in each {})", Nanos(step));
                turns.push(Turn { task, from, to, seen });
            }
        }
    }
    turns.into_iter().flat_map(|turn| without(turn, stalls)).collect()
}

/// What is left of a turn outside of `stalls`.
fn without(turn: Turn, stalls: &[(Ktime, Ktime)]) -> Vec<Turn> {
    let mut left = Vec::new();
    let mut from = turn.from;
    let first = stalls.partition_point(|s| s.1 <= turn.from);
    let ends = stalls[first..].iter().take_while(|s| s.0 < turn.to);
    for &(start, end) in ends.chain([&(turn.to, turn.to)]) {
        if start > from {
            left.push(Turn { from, to: start.min(turn.to), seen: turn.seen.clone(), ..turn });
        }
        from = from.max(end);
    }
    left
}

/// Samples of one task in a row inside `stalls`, each standing for the period around it; and how
/// many of the stalls that took.
fn detailed(case: &Case<'_>, samples: &[&Sample], stalls: &[(Ktime, Ktime)]) -> (Vec<Turn>, usize) {
    let period = case.r.meta.sample_period;
    let half = Nanos(period.0 / 2);
    let mut turns: Vec<(Turn, usize)> = Vec::new();
    let mut drawn = 0;
    for &(from, to) in stalls.iter() {
        if turns.len() > TURNS {
            break;
        }
        drawn += 1;
        let first = samples.partition_point(|s| s.time < from);
        let mut fresh = true;
        for s in samples[first..].iter().take_while(|s| s.time <= to) {
            let (start, end) = (s.time.before(half), s.time.after(half));
            let last_end = turns.last().map_or(from, |(last, _)| last.to);
            match turns.last_mut() {
                Some((last, n))
                    if !fresh && last.task == s.task && start <= last_end.after(half) =>
                {
                    last.to = end;
                    *n += 1;
                }
                _ => {
                    let from = start.max(last_end);
                    turns.push((Turn { task: s.task, from, to: end, seen: String::new() }, 1));
                }
            }
            fresh = false;
        }
    }
    let named = |(mut turn, n): (Turn, usize)| {
        turn.seen = format!("({n} sample{} in a row)", if n == 1 { "" } else { "s" });
        turn
    };
    (turns.into_iter().map(named).collect(), drawn)
}
