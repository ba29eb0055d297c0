//! How late something was: every event past its threshold, as one measure.

use super::index::Index;
use super::open;
use crate::model::findings::{Context, HandoffParts, Measure, StallKind};
use crate::model::late::{Late, reaches};
use crate::model::{Handoff, Sample, SoftirqDelay, Vector};
use crate::units::{Cpu, Ktime, Nanos};

/// All measures of a CPU, in order of their start.
pub fn measures(index: &Index<'_>, cpu: Cpu) -> Vec<Measure> {
    let r = index.recording;
    let threshold = r.meta.stall_threshold;
    let mut found: Vec<Measure> = Vec::new();
    found.extend(index.delays.of(cpu).iter().map(|d| delay(index, d)));
    found.extend(index.handoffs.of(cpu).iter().map(|h| handoff(h)));
    let runs = index.runs.of(cpu).iter();
    found.extend(runs.map(|e| Measure { vectors: vec![e.vector], ..told(*e) }));
    found.extend(index.hardirqs.of(cpu).iter().map(|h| told(*h)));
    found.extend(index.gaps.of(cpu).iter().map(|s| Measure {
        uncertainty: r.meta.sample_period,
        vectors: Vector::of_mask(s.pending).collect(),
        ..told(*s)
    }));
    let exact: Vec<(Ktime, Ktime)> =
        index.runs.of(cpu).iter().map(|e| (e.time.before(e.run), e.time)).collect();
    found.extend(sampled_runs(index, cpu).filter(|m| {
        // Runs of one CPU do not overlap: only the first to end after this one's start can.
        let next = exact.get(exact.partition_point(|(_, end)| *end < m.start));
        next.is_none_or(|(start, _)| *start > m.start.after(m.duration))
    }));
    // Of what began after the end, while the probes were taken off, not all was seen.
    let ended = r.last_time();
    found.retain(|m| reaches(m.duration, threshold) && m.start < ended);
    found.sort_by_key(|m| (m.start, m.kind, m.duration));
    found
}

/// What an event tells.
fn told(event: &impl Late) -> Measure {
    let late = event.lateness();
    measure(late.kind, late.end, late.length)
}

pub(super) fn measure(kind: StallKind, end: Ktime, duration: Nanos) -> Measure {
    Measure {
        kind,
        start: end.before(duration),
        duration,
        uncertainty: Nanos(0),
        vectors: Vec::new(),
        handoff: None,
        context: None,
        open: false,
    }
}

fn delay(index: &Index<'_>, d: &SoftirqDelay) -> Measure {
    let idle = d.task.is_some() && index.recording.task(d.task).tid.0 == 0;
    let context = index.facts(d.entry_stack).context;
    Measure {
        vectors: vec![d.vector],
        context: if idle { Some(Context::Idle) } else { context },
        ..told(d)
    }
}

fn handoff(h: &Handoff) -> Measure {
    Measure {
        vectors: Vector::of_mask(h.pending).collect(),
        handoff: Some(HandoffParts::from(h)),
        ..told(h)
    }
}

/// Softirq runs without `softirq_exit`: ticks that find the same run in progress. The tick tells
/// the time since the last `softirq_entry` on its CPU; a handler on its stack tells that this run
/// is still going. The run ended within one period of the last such tick.
fn sampled_runs<'a>(index: &'a Index<'_>, cpu: Cpu) -> impl Iterator<Item = Measure> + 'a {
    let meta = &index.recording.meta;
    let (period, threshold) = (meta.sample_period, meta.stall_threshold);
    let skipped = if ticks_are_skipped(index) { SKIPPED } else { 0 };
    let last_tick = open::last_tick(index, cpu).map(|tick| tick.time);
    let mut ticks = index
        .samples
        .of(cpu)
        .iter()
        .filter_map(move |s| running_softirq(index, s).map(|vector| (*s, vector)))
        .peekable();
    let runs = std::iter::from_fn(move || {
        let (first, vector) = ticks.next()?;
        let entered = first.time.before(first.since_softirq_entry);
        let mut last = first;
        while let Some((next, _)) =
            ticks.next_if(|(s, v)| *v == vector && s.time.before(s.since_softirq_entry) == entered)
        {
            last = next;
        }
        let seen = last.time.since(entered);
        // When it was over nobody saw: the recording ended.
        let open = last_tick.is_some_and(|tick| tick == last.time);
        let half = if open { Nanos(0) } else { Nanos(period.0 / 2) };
        let skipped = if open { 0 } else { skipped };
        let uncertainty = Nanos(half.0.saturating_add(skipped.saturating_mul(period.0)));
        // What counts is what was seen: half a period more is no evidence.
        Some((seen >= threshold).then(|| Measure {
            uncertainty,
            vectors: vec![vector],
            open,
            ..measure(StallKind::SoftirqRun, entered.after(seen + half), seen + half)
        }))
    });
    runs.flatten()
}

/// Ticks in a row that may be missing where the kernel skips any.
const SKIPPED: u64 = 2;

/// The kernel runs no program of a tick inside of one of a trace event or a kprobe:
/// `trace_call_bpf()` of kernel/trace/bpf_trace.c.
fn ticks_are_skipped(index: &Index<'_>) -> bool {
    let methods = index.recording.meta.probes.iter().filter_map(|p| p.method.as_deref());
    methods.into_iter().any(|method| matches!(method, "tracepoint" | "kprobe"))
}

/// The vector whose handler the tick interrupted, if the stack and the last entry agree on it.
fn running_softirq(index: &Index<'_>, s: &Sample) -> Option<Vector> {
    let (vector, _) = index.facts(s.kernel_stack).softirq?;
    (vector == s.softirq_vector && s.since_softirq_entry.0 > 0).then_some(vector)
}
