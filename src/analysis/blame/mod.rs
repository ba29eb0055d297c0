//! Who held the CPU during a stall, from what was recorded inside it. No evidence, no culprit.

mod coverage;
mod gap;
mod handoff;
mod lock;
mod stretch;
mod task;
mod votes;

use super::episode::Episode;
use super::index::Index;
use super::parts::Part;
use super::room::Room;
use crate::analysis::lateness;
use crate::analysis::steal;
use crate::model::findings::{Cause, Context, Culprit, Evidence, Measure, Stall, StallKind};
use crate::model::{HardIrq, IrqKind};
use crate::units::{Cpu, Ktime, Nanos};
pub use stretch::may_be_one_call;
pub use task::{call_name, identity, most_seen};

/// A verdict before it becomes part of a stall.
struct Verdict {
    cause: Cause,
    culprit: Culprit,
    /// Without its stack, unless that is none of a sample.
    evidence: Evidence,
    /// What of which sample's stack is evidence; empty for none.
    stack: Part,
}

impl Verdict {
    /// Nothing that was recorded tells who it was.
    fn unknown(why: &str, evidence: Evidence) -> Verdict {
        let culprit = Culprit::Unknown { why: why.to_owned() };
        let (cause, stack) = (Cause::Unexplained, Part::default());
        Verdict { cause, culprit, evidence, stack }
    }
}

/// Makes a stall of an episode.
pub fn stall(index: &Index<'_>, room: &mut Room, cpu: Cpu, episode: Episode) -> Stall {
    let mut verdict = judge(index, cpu, &episode);
    if verdict.evidence.stack.is_empty() {
        verdict.evidence.stack = room.stack(index.recording, verdict.stack);
    }
    let primary = episode.primary();
    room.stall(Stall {
        id: 0,
        cpu,
        start: primary.start,
        duration: primary.duration,
        cause: verdict.cause,
        culprit: verdict.culprit,
        evidence: verdict.evidence,
        measures: episode.0,
    })
}

fn judge(index: &Index<'_>, cpu: Cpu, episode: &Episode) -> Verdict {
    let primary = episode.primary();
    // A gap that makes up most of the stall explains whatever else waited in it.
    let gap = episode
        .0
        .iter()
        .find(|m| m.kind == StallKind::InterruptGap && is_half(m.duration, primary.duration));
    if let Some(irq) = long_hardirq(index, cpu, primary) {
        let ran = lateness::measure(StallKind::InterruptGap, irq.time, irq.run);
        let stolen = steal::around(index, cpu, &ran);
        if gap::is_most(stolen.least, &ran) {
            return gap::hypervisor(&ran, stolen.around);
        }
        let mut verdict = hardirq_verdict(index, irq, stolen.around);
        let own = Nanos(irq.run.0.saturating_sub(stolen.most.0));
        let short = own < index.recording.meta.stall_threshold;
        // A coarse count is no reason to doubt an interrupt that was seen.
        if stolen.exact && (short || gap::is_most(stolen.most, &ran)) {
            verdict.evidence.words += ": either may be the cause";
            return Verdict::unknown("a hard interrupt or the hypervisor", verdict.evidence);
        }
        return verdict;
    }
    if let Some(gap) = gap {
        return gap::judge(index, cpu, gap);
    }
    if let Some(verdict) = gap::interrupted_often(index, cpu, primary) {
        return verdict;
    }
    let verdict = match handed_off(episode) {
        Some(handoff) => {
            let verdict = handoff::judge(index, cpu, handoff);
            bottom_halves_off(index, cpu, episode, &verdict).unwrap_or(verdict)
        }
        None => votes::judge(index, cpu, primary.start, end_of(primary)),
    };
    // On an idle CPU no tick sees it, but its entry and exit were.
    let exact_run = |m: &&Measure| {
        m.kind == StallKind::SoftirqRun
            && m.uncertainty.0 == 0
            && !m.open
            && is_half(m.duration, primary.duration)
    };
    match episode.0.iter().find(exact_run) {
        Some(run) if verdict.cause == Cause::Unexplained => softirq_verdict(run, verdict),
        _ => verdict,
    }
}

/// A section with bottom halves off cannot be preempted either, so ksoftirqd waits for its end like
/// the softirqs do. That softirqs waited is the closer look: they do not where preemption alone is
/// off.
fn bottom_halves_off(
    index: &Index<'_>,
    cpu: Cpu,
    episode: &Episode,
    of_handoff: &Verdict,
) -> Option<Verdict> {
    let Culprit::Task(runner) = &of_handoff.culprit else { return None };
    let delay = episode.0.iter().find(|m| {
        m.kind == StallKind::SoftirqDelay
            && m.context == Some(Context::Task)
            && is_half(m.duration, episode.primary().duration)
    })?;
    let verdict = votes::judge(index, cpu, delay.start, end_of(delay));
    let same = matches!(&verdict.culprit, Culprit::Task(t) if t.tid == runner.tid);
    (of_handoff.cause == Cause::NonPreemptible && verdict.cause == Cause::BhOff && same)
        .then_some(verdict)
}

/// The wait of ksoftirqd that the stall is, or that made the delay of a softirq which ksoftirqd
/// entered at last: who ran meanwhile was booked switch by switch, which beats samples.
fn handed_off(episode: &Episode) -> Option<&Measure> {
    let primary = episode.primary();
    let made_the_delay = |m: &&Measure| {
        let waited = m.handoff.as_ref().map(|parts| parts.wake_to_in).unwrap_or_default();
        primary.context == Some(Context::Ksoftirqd) && is_half(waited, primary.duration)
    };
    match primary.kind {
        StallKind::Handoff => Some(primary),
        StallKind::SoftirqDelay => episode.0.iter().find(made_the_delay),
        _ => None,
    }
}

/// A softirq whose entry and end were both seen.
fn softirq_verdict(run: &Measure, unknown: Verdict) -> Verdict {
    let Some(&vector) = run.vectors.first() else { return unknown };
    Verdict {
        cause: Cause::SoftirqHog,
        culprit: Culprit::Softirq { vector, function: None },
        evidence: Evidence {
            ran: run.duration,
            words: format!("the {vector} softirq was entered, and was over {} later", run.duration),
            ..unknown.evidence
        },
        stack: unknown.stack,
    }
}

/// `SCHED_FIFO`, `SCHED_RR` or `SCHED_DEADLINE` (include/uapi/linux/sched.h).
fn is_real_time(policy: u8) -> bool {
    matches!(policy, 1 | 2 | 6)
}

/// Whether a part makes up half of the whole or more.
fn is_half(part: Nanos, whole: Nanos) -> bool {
    part.0 >= whole.0.div_ceil(2)
}

pub fn end_of(m: &Measure) -> Ktime {
    m.start.after(m.duration)
}

/// A hard interrupt that ran for at least half of the stall.
fn long_hardirq<'r>(index: &Index<'r>, cpu: Cpu, m: &Measure) -> Option<&'r HardIrq> {
    let end = end_of(m);
    let inside = index.hardirqs.between(cpu, m.start, end).iter().copied();
    inside.chain(index.hardirqs.after(cpu, end)).find(|h| {
        let (start, end) = (h.time.before(h.run).max(m.start), h.time.min(end));
        is_half(end.since(start), m.duration)
    })
}

fn hardirq_verdict(index: &Index<'_>, h: &HardIrq, stolen: Nanos) -> Verdict {
    let r = index.recording;
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let handler = some(r.str(r.frame(h.handler).function));
    let (kind, irq) = match h.kind {
        IrqKind::Device => ("device", Some(h.irq)),
        IrqKind::Timer => ("timer", None),
        IrqKind::CallFunction => ("call_function", None),
        IrqKind::IrqWork => ("irq_work", None),
        IrqKind::System => ("system", None),
    };
    let mut words = format!("this hard interrupt was entered, and returned {} later", h.run);
    if stolen.0 > 0 {
        words += &format!("; steal time around it: {stolen}");
    }
    Verdict {
        cause: Cause::HardIrq,
        evidence: Evidence {
            agree: 1,
            ran: h.run,
            function: handler.clone(),
            stack: handler.iter().map(|name| name.as_str().into()).collect(),
            words,
            ..Evidence::default()
        },
        culprit: Culprit::HardIrq { kind, irq, name: some(r.str(h.name)), handler },
        stack: Part::default(),
    }
}
