//! What a reader must know to judge the numbers.

use super::steal;
use crate::model::findings::{Cause, Stall, StallKind};
use crate::model::{KernelVersion, Meta, Recording, Thinned, Vector};
use crate::units::Nanos;

/// Notes, the gravest first.
pub fn notes(r: &Recording, stalls: &[Stall]) -> Vec<String> {
    let mut notes = r.damage.clone();
    if r.end.is_none() {
        notes.push(
            "The recording was cut short: what came in its last second may be missing.".to_owned(),
        );
    }
    notes.extend(r.thinned.iter().flat_map(thinned));
    let lost = r.lost.iter().fold(0u64, |sum, l| sum.saturating_add(l.total()));
    if lost > 0 {
        notes.push(format!(
            "{lost} records were lost: stalls, or samples inside them, may be missing."
        ));
    }
    let unseen = |probe: &str| {
        let of = r.lost.iter().filter(|l| r.str(l.probe) == probe);
        Some(of.fold(0u64, |sum, l| sum.saturating_add(l.unseen))).filter(|&n| n > 0)
    };
    if let Some(n) = unseen("softirq") {
        notes.push(format!(
            "The kernel entered {n} softirqs without running stallprof's program for it: how \
             long they were delayed is not known, and in no histogram."
        ));
    }
    if let Some(n) = unseen("ksoftirqd") {
        notes.push(format!(
            "The kernel switched to ksoftirqd {n} times without running stallprof's program for it: \
             how long it had waited then is not known, and in no histogram."
        ));
    }
    let meta = &r.meta;
    let mut kernel = r.frames.iter().skip(1).filter(|f| f.kernel).peekable();
    if kernel.peek().is_some() && kernel.all(|f| !f.function.is_some()) {
        notes.push(
            "Kernel symbols could not be read (CAP_SYSLOG, kptr_restrict): no culprit can be told \
             from a stack."
                .to_owned(),
        );
    }
    if meta.sample_period.0 > 0 {
        if meta.gap_threshold > meta.stall_threshold {
            notes.push(format!(
                "Interrupt gaps count from {} on, three sampling periods, not from {}: sample \
                 faster to see shorter ones.",
                meta.gap_threshold, meta.stall_threshold
            ));
        }
        let version = KernelVersion::parse(&meta.kernel);
        // With PREEMPT_RT only threads run softirqs.
        if !is_rt(meta) && version.is_some_and(|v| v >= KernelVersion::SOFTIRQS_DO_NOT_WAIT) {
            notes.push(format!(
                "The sampler interrupts each busy CPU every {}, and on this kernel (6.5 or later) \
                 the exit of any interrupt runs pending softirqs: it can shorten the softirq \
                 delays it measures to about that period.",
                meta.sample_period
            ));
        }
    } else {
        notes.push(
            "The sampler did not run: no culprit of a softirq delay and no interrupt gap could \
             be seen."
                .to_owned(),
        );
    }
    let hides_waits = |s: &Stall| {
        s.measures.iter().any(|m| {
            m.kind == StallKind::InterruptGap
                || m.kind == StallKind::SoftirqRun && m.vectors.contains(&Vector::NET_RX)
        })
    };
    if stalls.iter().any(hides_waits) {
        notes.push(
            "Packets that come while interrupts are off, or while NET_RX runs, raise no softirq of \
             their own: their wait is in the interrupt gaps and softirq runs above, not in the \
             softirq delays."
                .to_owned(),
        );
    }
    if is_rt(meta) {
        notes.push(
            "With PREEMPT_RT softirqs run in threads: a softirq delay is the wait for that thread, \
             and a handoff to ksoftirqd is how every softirq of an interrupt begins. What a \
             ktimers thread waits is seen as the delay of TIMER and HRTIMER only."
                .to_owned(),
        );
    }
    if !meta.threaded_napi.is_empty() {
        notes.push(format!(
            "Not measured: {} polled in threads (threaded NAPI), and what packets wait for such a \
             thread is no softirq delay.",
            meta.threaded_napi.join(", ")
        ));
    }
    for probe in meta.probes.iter().filter(|p| p.method.is_some()) {
        let (Some(method), Some(less)) = (&probe.method, &probe.reason) else { continue };
        notes.push(format!("Measured in part, {} by {method}: {less}.", probe.name));
    }
    let blamed = stalls.iter().any(|s| s.cause == Cause::IrqsOff);
    if blamed && steal::untold(r) {
        notes.push(
            "This virtual machine reports no steal time: a CPU that its hypervisor took away just \
             while a task had interrupts off would look like the task's doing."
                .to_owned(),
        );
    }
    if blamed && meta.probes.iter().any(|p| p.name == "hardirq" && p.method.is_none()) {
        notes.push(
            "Hard interrupts were not measured: one that ran long, and came just while a task had \
             interrupts off, would look like the task's doing."
                .to_owned(),
        );
    }
    let shared = |m: &str| matches!(m, "tracepoint" | "kprobe");
    let hardirq =
        meta.probes.iter().find(|p| p.name == "hardirq").and_then(|p| p.method.as_deref());
    let sampled_gap = |s: &Stall| {
        s.measures.iter().any(|m| m.kind == StallKind::InterruptGap && m.uncertainty.0 > 0)
    };
    if let Some(method) = hardirq.filter(|m| shared(m))
        && stalls.iter().any(sampled_gap)
    {
        notes.push(format!(
            "Interrupts were watched by {method}: the kernel hides them, and the sampler's ticks, \
             while a program of another tool runs on such an event. If one does, a gap may be \
             ticks that were hidden, and nobody's doing."
        ));
    }
    let unseen = |s: &&Stall| s.cause == Cause::Unexplained && s.evidence.samples == 0;
    let unexplained = stalls.iter().filter(unseen).map(|s| s.duration);
    let worst = unexplained.max().unwrap_or(Nanos(0));
    if worst.0 > 0 && meta.sample_period.0 > 0 && worst.0 / 4 > meta.sample_period.0 {
        notes.push(format!(
            "A stall of {worst} has no sample inside although several were due: look for lost \
             records, or for a CPU that took no interrupts."
        ));
    }
    notes
}

/// What was not read of a large recording.
fn thinned(t: &Thinned) -> Vec<String> {
    let Thinned { one_in, samples, stretches, left_out, names } = t;
    let mut notes = Vec::new();
    if *one_in > 1 {
        notes.push(format!(
            "The recording is large ({samples} samples): outside of stalls one sample in {one_in} \
             was read, and stands for the others there. What is said of stalls rests on all."
        ));
    }
    if *stretches > 0 {
        notes.push(format!(
            "Stalls took so much of it that all samples were read of the longest only: of \
             {stretches} stretches with shorter stalls one in {one_in} was read, so that some \
             of these may be unexplained, and their counts of samples stand for others."
        ));
    }
    if !left_out.is_empty() {
        let rows = left_out.iter().map(|l| format!("{} of {} of \"{}\"", l.rows, l.of, l.table));
        notes.push(format!(
            "The recording holds more than can be looked at at once. The worst were read; left out \
             were {} (tables as docs/recording.md has them). So there were more stalls, and more \
             of whatever else is counted of these, than is said here.",
            rows.collect::<Vec<_>>().join(", ")
        ));
    }
    if *names > 0 {
        notes.push(format!(
            "There was no room for {names} of its names: tasks, functions and files may show as \
             unknown, and what depends on them may be unexplained."
        ));
    }
    notes
}

fn is_rt(meta: &Meta) -> bool {
    meta.preemption.as_deref() == Some("rt")
}
