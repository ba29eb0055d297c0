//! A softirq waited, or ran long, while the CPU took interrupts: the ticks inside tell who was on
//! it. One culprit needs the votes of more than half of them.

use std::collections::BTreeMap;

use super::coverage::Coverage;
use super::stretch::one_stretch;
use super::{Verdict, lock, task};
use crate::analysis::index::Index;
use crate::analysis::parts::Part;
use crate::model::findings::{Cause, Culprit, Evidence};
use crate::model::{KernelVersion, Sample, TaskId, Vector};
use crate::units::{Cpu, Ktime, Nanos};

/// What a tick found on the CPU.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Softirq(Vector),
    Kernel(TaskId),
    User(TaskId),
    Idle,
    /// In an interrupt, or between a softirq's handlers: not the task's own doing.
    Interrupt,
    /// In the kernel, where no function has a name: nothing can be told.
    Nameless,
}

/// Judges the time from `start` to `end` by its ticks.
pub fn judge(index: &Index<'_>, cpu: Cpu, start: Ktime, end: Ktime) -> Verdict {
    let ticks = index.samples.between(cpu, start, end);
    if ticks.is_empty() {
        let words = format!("it was {} long and no sample fell into it", end.since(start));
        return Verdict::unknown(
            "no sample fell into it",
            Evidence { words, ..Evidence::default() },
        );
    }
    let mut votes: BTreeMap<Found, Vec<&Sample>> = BTreeMap::new();
    for tick in ticks {
        votes.entry(found(index, tick)).or_default().push(tick);
    }
    let total = ticks.len();
    let Some((winner, agree)) = votes.iter().max_by_key(|(_, v)| v.len()) else {
        return Verdict::unknown("no sample fell into it", Evidence::default());
    };
    let evidence = Evidence { samples: total, agree: agree.len(), ..Evidence::default() };
    if 2 * agree.len() <= total {
        return several(index, &votes, evidence);
    }
    let length = end.since(start);
    if Coverage::new(index, agree.len(), length).too_thin() {
        let samples = if total == 1 { "sample" } else { "samples" };
        let words = format!("only {total} {samples} fell into its {length}");
        return Verdict::unknown("too few samples fell into it", Evidence { words, ..evidence });
    }
    if let [tick] = agree.as_slice()
        && let Some(words) = one_is_no_proof(index, *winner, tick, (start, end))
    {
        return Verdict::unknown("one sample does not tell", Evidence { words, ..evidence });
    }
    let mut verdict = by_winner(index, *winner, agree, evidence);
    if verdict.cause != Cause::Unexplained {
        verdict.evidence.words.push_str(&lock::spinning(index, agree));
        verdict.evidence.words.push_str(&Coverage::new(index, total, length).words());
    }
    verdict
}

/// Why the only sample on the winner's side does not tell who took the time from `start` to `end`: a
/// handler that had just been entered, or a task that no softirq waited for at that moment.
fn one_is_no_proof(
    index: &Index<'_>,
    winner: Found,
    tick: &Sample,
    (start, end): (Ktime, Ktime),
) -> Option<String> {
    let length = end.since(start);
    let found = match winner {
        Found::Softirq(vector) => {
            let same = tick.softirq_vector == vector && tick.since_softirq_entry.0 > 0;
            let ran = if same { tick.since_softirq_entry } else { Nanos(0) };
            // The second: it is this very run whose length is told.
            if super::is_half(ran, length) || same && tick.time.before(ran) == start {
                return None;
            }
            let known = if same { format!(", entered {ran} before") } else { String::new() };
            format!("the {vector} softirq running{known}")
        }
        // With softirqs pending, bottom halves were off since they were raised: the exit of an
        // interrupt would have run them. But not where they waited for ksoftirqd.
        Found::Kernel(_) if tick.pending == 0 || waited_for_ksoftirqd(index, &[tick]) => {
            "a task in the kernel".to_owned()
        }
        Found::User(_) if waited_for_ksoftirqd(index, &[tick]) => "a task in user mode".to_owned(),
        _ => return None,
    };
    Some(format!(
        "the one sample in its {length} that tells found {found}: what held the CPU for the rest \
         was not seen"
    ))
}

fn by_winner(index: &Index<'_>, winner: Found, agree: &[&Sample], evidence: Evidence) -> Verdict {
    let total = evidence.samples;
    match winner {
        Found::Softirq(vector) => softirq(index, vector, agree, evidence),
        Found::Kernel(id) => kernel(index, id, agree, evidence),
        Found::Interrupt => Verdict::unknown(
            "an interrupt ran meanwhile",
            Evidence {
                words: format!("{} of {total} samples in interrupts", agree.len()),
                ..evidence
            },
        ),
        Found::Nameless => Verdict::unknown(
            "kernel functions have no names here",
            Evidence {
                words: "without kernel symbols no stack tells who it was".into(),
                ..evidence
            },
        ),
        Found::User(id) if waited_for_ksoftirqd(index, agree) => {
            starved(index, id, agree, evidence)
        }
        Found::User(id) => {
            let who = task::doing(index, id, agree);
            let words = format!(
                "{} of {total} samples found {}[{}] in user mode, which does not keep softirqs \
                 from running",
                agree.len(),
                who.comm,
                who.tid
            );
            Verdict::unknown("a task in user mode ran meanwhile", Evidence { words, ..evidence })
        }
        Found::Idle => Verdict::unknown(
            "the CPU was idle meanwhile",
            Evidence {
                words: format!("{} of {total} samples found it idle", agree.len()),
                ..evidence
            },
        ),
    }
}

fn found(index: &Index<'_>, tick: &Sample) -> Found {
    if let Some((vector, _)) = index.softirq(tick) {
        return Found::Softirq(vector);
    }
    let facts = index.facts(tick.kernel_stack);
    match index.recording.task(tick.task).tid.0 {
        0 if tick.task.is_some() => Found::Idle,
        _ if tick.user_mode => Found::User(index.thread(tick.task)),
        _ if !facts.named => Found::Nameless,
        _ if facts.interrupt_frames > 0 || facts.softirq_loop => Found::Interrupt,
        _ => Found::Kernel(index.thread(tick.task)),
    }
}

fn softirq(index: &Index<'_>, vector: Vector, agree: &[&Sample], evidence: Evidence) -> Verdict {
    // The handler's part of the stack only: whom it interrupted is innocent.
    let parts = agree.iter().map(|s| {
        let depth = index.facts(s.kernel_stack).softirq.map_or(0, |(_, depth)| depth);
        Part::inner(index.recording, s.kernel_stack, depth)
    });
    let stack = Part::common(index.recording, parts);
    let function = stack.first(index.recording);
    let words = format!(
        "{} of {} samples found the {vector} softirq running",
        evidence.agree, evidence.samples
    );
    Verdict {
        cause: Cause::SoftirqHog,
        culprit: Culprit::Softirq { vector, function: function.clone() },
        evidence: Evidence { function, words, ..evidence },
        stack,
    }
}

fn kernel(index: &Index<'_>, id: TaskId, agree: &[&Sample], evidence: Evidence) -> Verdict {
    let stack = Part::common(index.recording, agree.iter().map(|s| task::own_part(index, s)));
    let (cause, state) = if !waited_for_ksoftirqd(index, agree) {
        (Cause::BhOff, "softirqs pending")
    } else if one_stretch(index, agree) {
        (Cause::NonPreemptible, "ksoftirqd runnable")
    } else {
        // It came back to user mode in between, and the scheduler let it go on.
        (starvation(agree), "ksoftirqd runnable")
    };
    let words = format!(
        "{} of {} samples found this task in the kernel, interrupts on and {state}",
        evidence.agree, evidence.samples
    );
    Verdict {
        cause,
        culprit: Culprit::Task(task::doing(index, id, agree)),
        evidence: Evidence { function: stack.first(index.recording), words, ..evidence },
        stack,
    }
}

/// On older kernels, what kept a runnable ksoftirqd off the CPU kept softirqs waiting.
fn waited_for_ksoftirqd(index: &Index<'_>, ticks: &[&Sample]) -> bool {
    let waiting = ticks.iter().filter(|s| s.ksoftirqd_waits.0 > 0).count();
    let version = KernelVersion::parse(&index.recording.meta.kernel);
    version.is_some_and(|v| v < KernelVersion::SOFTIRQS_DO_NOT_WAIT) && 2 * waiting > ticks.len()
}

fn starved(index: &Index<'_>, id: TaskId, agree: &[&Sample], evidence: Evidence) -> Verdict {
    let words = format!(
        "{} of {} samples found this task in user mode while ksoftirqd was runnable",
        evidence.agree, evidence.samples
    );
    Verdict {
        cause: starvation(agree),
        culprit: Culprit::Task(task::doing(index, id, agree)),
        evidence: Evidence { words, ..evidence },
        stack: Part::default(),
    }
}

/// What kept ksoftirqd waiting where the scheduler had a choice.
fn starvation(ticks: &[&Sample]) -> Cause {
    match ticks.iter().any(|s| super::is_real_time(s.policy)) {
        true => Cause::StarvedByRt,
        false => Cause::StarvedByTasks,
    }
}

fn several(
    index: &Index<'_>,
    votes: &BTreeMap<Found, Vec<&Sample>>,
    evidence: Evidence,
) -> Verdict {
    let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
    for (found, ticks) in votes {
        let name = match found {
            Found::Softirq(vector) => format!("{vector} softirq"),
            Found::Kernel(id) | Found::User(id) => {
                let who = task::doing(index, *id, ticks);
                format!("{}[{}]", who.comm, who.tid)
            }
            Found::Idle => "idle".to_owned(),
            Found::Interrupt => "interrupts".to_owned(),
            Found::Nameless => "kernel".to_owned(),
        };
        *by_name.entry(name).or_default() += ticks.len();
    }
    let mut ranked: Vec<(usize, String)> = by_name.into_iter().map(|(who, n)| (n, who)).collect();
    ranked.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let told: Vec<String> = ranked.iter().map(|(n, who)| format!("{who} {n}")).collect();
    let words = format!("samples: {}", told.join(", "));
    Verdict::unknown("several shared the time", Evidence { words, ..evidence })
}
