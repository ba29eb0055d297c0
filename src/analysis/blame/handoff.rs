//! ksoftirqd was woken and could not run. Who ran instead is not sampled but booked by the
//! scheduler's own switches; the samples add what that task was doing.

use super::coverage::Coverage;
use super::stretch::one_stretch;
use super::{Verdict, lock, task, votes};
use crate::analysis::index::Index;
use crate::analysis::parts::Part;
use crate::model::findings::{Cause, Culprit, Evidence, Measure};
use crate::model::{Runner, Sample, TaskId};
use crate::units::{Cpu, Ktime, Nanos};

/// One of several that shared the CPU had it for this part of the time of the longest at least.
const SHARE: u64 = 8;

/// Judges the longest part of a handoff.
pub fn judge(index: &Index<'_>, cpu: Cpu, m: &Measure) -> Verdict {
    let Some(parts) = m.handoff else {
        return Verdict::unknown("no parts of the handoff are known", Evidence::default());
    };
    let whole = parts.whole();
    let longest = parts.raise_to_wake.max(parts.wake_to_in).max(parts.in_to_entry);
    // Whoever made one of them did not make most of it.
    if !super::is_half(longest, whole) {
        let words = format!(
            "raise to wake of ksoftirqd took {}, wake to switched in {}, switched in to entry {}",
            parts.raise_to_wake, parts.wake_to_in, parts.in_to_entry
        );
        let why = "no part of the handoff makes up half of it";
        return Verdict::unknown(why, Evidence { words, ..Evidence::default() });
    }
    let woken = m.start.after(parts.raise_to_wake);
    let switched_in = woken.after(parts.wake_to_in);
    if parts.wake_to_in < parts.raise_to_wake.max(parts.in_to_entry) {
        return if parts.raise_to_wake >= parts.in_to_entry {
            votes::judge(index, cpu, m.start, woken)
        } else {
            votes::judge(index, cpu, switched_in, super::end_of(m))
        };
    }

    let end = super::end_of(m);
    let mut runners = index.runners.at(cpu, end).to_vec();
    runners.sort_by_key(|r| (std::cmp::Reverse(r.ran), r.task));
    let wait = parts.wake_to_in;
    let Some(first) = runners.first() else {
        // Without BPF; the moment is then too inexact for samples to tell.
        let words = format!("ksoftirqd/{cpu} waited for the CPU for {wait}");
        let why = "who ran while ksoftirqd waited was not recorded";
        let samples = index.samples.between(cpu, woken, switched_in).len();
        return Verdict::unknown(why, Evidence { samples, words, ..Evidence::default() });
    };
    let ticks = index.samples.between(cpu, woken, switched_in);
    let thread = index.thread(first.task);
    let own = samples_of(index, ticks, first);
    let evidence =
        Evidence { samples: ticks.len(), agree: own.len(), ran: first.ran, ..Evidence::default() };
    if first.ran.0 <= wait.0 / 2 {
        return several(index, &runners, m, turns_of_others(index, cpu, m), ticks, evidence);
    }

    if index.recording.task(first.task).tid.0 == 0 {
        // A runnable ksoftirqd is not kept waiting by the idle task, but by what lay on top of it.
        let words = format!(
            "ksoftirqd/{cpu} was runnable for {wait} while the idle task was current: interrupts \
             or softirqs on top of it had the CPU"
        );
        let why = "interrupts or softirqs held the idle task's CPU";
        return Verdict::unknown(why, Evidence { words, ..evidence });
    }

    if !super::is_half(first.ran, whole) {
        let who = task::identity(index.recording, first.task);
        let words = format!(
            "ksoftirqd/{cpu} was runnable for {wait}; the scheduler gave {} of that to {}[{}], less than \
             half of the {whole} in all",
            first.ran, who.comm, who.tid
        );
        return Verdict::unknown("nobody made half of it", Evidence { words, ..evidence });
    }

    let in_softirq = own.iter().filter(|s| index.facts(s.kernel_stack).softirq.is_some()).count();
    if 2 * in_softirq > own.len() {
        // Booked on the task, but taken by softirqs at the exit of interrupts on top of it.
        return votes::judge(index, cpu, woken, switched_in);
    }
    let longest = longest_turn(first);
    let coverage = Coverage::new(index, own.len(), first.ran);
    let inside = in_one_call(index, thread, &own, (woken, switched_in));
    let cause = if was_real_time(index, first, &own) {
        Cause::StarvedByRt
    } else if longest.0 > wait.0 / 2
        && inside.len() > 1
        && !coverage.too_thin()
        && one_stretch(index, inside)
    {
        Cause::NonPreemptible
    } else {
        Cause::StarvedByTasks
    };
    let told = if cause == Cause::NonPreemptible { inside } else { &own[..] };
    let in_kernel = told.iter().filter(|s| !s.user_mode);
    let stack = Part::common(index.recording, in_kernel.map(|s| task::own_part(index, s)));
    let mut words = format!(
        "ksoftirqd/{cpu} was runnable for {wait}; the scheduler gave {} of that to this task",
        first.ran
    );
    if cause == Cause::NonPreemptible {
        let part = if first.turns > 1 { format!(" {longest} of it") } else { String::new() };
        let (n, all) = (inside.len(), own.len());
        let samples = if n < all { format!("{n} of {all}") } else { format!("all {n}") };
        words.push_str(&format!(",{part} in one turn; {samples} samples of it are in the kernel"));
        if n < all {
            words.push_str(", in one system call");
        }
    }
    words.push_str(&coverage.words());
    words.push_str(&lock::spinning(index, &own));
    words.push_str(&served(m));
    let mut culprit = task::doing(index, first.task, &own);
    if coverage.too_thin() {
        // That it ran is booked; what it did all that time a sample or two do not tell.
        (culprit.syscall, culprit.file, culprit.work) = (None, None, None);
    }
    // Its few samples in the kernel are not what it was at.
    let stack = if culprit.user_mode { Part::default() } else { stack };
    Verdict {
        cause,
        culprit: Culprit::Task(culprit),
        evidence: Evidence { function: stack.first(index.recording), words, ..evidence },
        stack,
    }
}

/// Those ticks that came while this task ran.
fn samples_of<'r>(index: &Index<'_>, ticks: &[&'r Sample], runner: &Runner) -> Vec<&'r Sample> {
    let thread = index.thread(runner.task);
    ticks.iter().copied().filter(|s| index.thread(s.task) == thread).collect()
}

/// Whether a runner had the CPU at a real-time priority. Its policy was looked at as its turns ended,
/// where it may have given that up: samples are from amidst them.
fn was_real_time(index: &Index<'_>, runner: &Runner, own: &[&Sample]) -> bool {
    if Coverage::new(index, own.len(), runner.ran).too_thin() {
        return super::is_real_time(runner.policy);
    }
    2 * own.iter().filter(|s| super::is_real_time(s.policy)).count() > own.len()
}

/// Of a task's samples, in order of time, those inside of the one slow call that took nearly all of
/// the time from `start` to `end`: ksoftirqd may have been woken just before that call. All of them
/// where there is no such call.
fn in_one_call<'a, 'r>(
    index: &Index<'_>,
    thread: TaskId,
    own: &'a [&'r Sample],
    (start, end): (Ktime, Ktime),
) -> &'a [&'r Sample] {
    let Some(middle) = own.get(own.len() / 2) else { return own };
    let Some(call) = index.call_at(thread, middle.time) else { return own };
    let entered = call.time.before(call.duration);
    let shared = call.time.min(end).since(entered.max(start));
    let wait = end.since(start);
    if shared.0 < wait.0 - wait.0 / 8 {
        return own;
    }
    let from = own.partition_point(|s| s.time < entered);
    let to = own.partition_point(|s| s.time <= call.time);
    own.get(from..to).unwrap_or(own)
}

/// The longest of a task's turns, as far as it is known: older recordings tell of their sum only.
fn longest_turn(runner: &Runner) -> Nanos {
    if runner.turns == 1 { runner.ran } else { runner.longest }
}

/// Whether its softirqs had to wait as long: the exit of an interrupt may have run them.
fn served(m: &Measure) -> String {
    match m.handoff {
        Some(p) if p.served_after.0 > 0 => {
            format!("; an interrupt's exit first ran softirqs {} after the wake", p.served_after)
        }
        _ => String::new(),
    }
}

/// Turns of tasks that the record had no room to name.
fn turns_of_others(index: &Index<'_>, cpu: Cpu, m: &Measure) -> u32 {
    let handoff = index.handoffs.at(cpu, super::end_of(m)).first();
    handoff.map_or(0, |h| h.other_runners)
}

fn several(
    index: &Index<'_>,
    runners: &[&Runner],
    m: &Measure,
    others: u32,
    ticks: &[&Sample],
    evidence: Evidence,
) -> Verdict {
    let wait = m.handoff.map(|p| p.wake_to_in).unwrap_or_default();
    let longest = runners.first().map(|r| r.ran).unwrap_or_default();
    // Not who had the CPU for a moment between them.
    let tasks: Vec<String> = runners
        .iter()
        .filter(|r| r.ran.0 >= longest.0 / SHARE)
        .map(|r| {
            let who = task::identity(index.recording, r.task);
            format!("{}[{}]", who.comm, who.tid)
        })
        .collect();
    let mut words =
        format!("ksoftirqd was runnable for {wait} while {} tasks took turns", runners.len());
    if others > 0 {
        words.push_str(&format!(", and others that are not named had {others} more"));
    }
    words.push_str(&served(m));
    let real_time: u64 = runners
        .iter()
        .filter(|r| was_real_time(index, r, &samples_of(index, ticks, r)))
        .map(|r| r.ran.0)
        .sum();
    Verdict {
        cause: if real_time > wait.0 / 2 { Cause::StarvedByRt } else { Cause::StarvedByTasks },
        culprit: Culprit::Several { tasks },
        evidence: Evidence { words, ..evidence },
        stack: Part::default(),
    }
}
