//! What ran on a CPU in order of time, as lines for a flame chart.

use super::fold::InOrder;
use super::{Spans, share};
use crate::analysis::Calls;
use crate::model::findings::Findings;
use crate::model::{Recording, Sample};
use crate::units::{Ktime, Nanos};

/// What samples of one CPU show from a moment on, as stacks with the microseconds that each stands
/// for, oldest first. A sample stands for the time since the one before it, a period at most unless
/// it ended an interrupt gap; the rest is drawn as time without a sample. Calls that follow each
/// other differ by a mark, so that each becomes a frame of its own.
pub(in crate::render) fn ordered(
    r: &Recording,
    f: &Findings,
    from: Ktime,
    samples: &[&Sample],
) -> Vec<(String, u64)> {
    let spans = Spans::all(f);
    let period = r.meta.sample_period;
    let most = Nanos(period.0 + period.0 / 2);
    let mut lines: Vec<(String, u64)> = Vec::new();
    let mut before = from;
    let (mut names, calls) = (InOrder::new(r), Calls::new(r));
    // The first sample of the call that was drawn last, and whether that is marked.
    let mut drawn: Option<(&Sample, bool)> = None;
    // Rounded at moments, not at lengths, so that errors do not add up.
    let mut push = |line: String, start: Ktime, end: Ktime| {
        let us = end.since(from).0 / 1_000 - start.since(from).0 / 1_000;
        if us > 0 {
            lines.push((line, us));
        }
        us > 0
    };
    for &s in samples {
        let own = match s.gap {
            Nanos(0) if s.time.since(before) <= most => s.time.since(before),
            Nanos(0) => period,
            gap => gap + period,
        };
        let start = s.time.before(own).max(before);
        push(format!("CPU {};[no sample]", s.cpu), before, start);
        let call = match drawn {
            Some((first, marked)) if calls.may_be_one(first, s) => (first, marked),
            Some((_, marked)) => (s, !marked),
            None => (s, false),
        };
        if let Some(line) = names.line(s, &share::of(r, s, spans.of(s)).on, call.1)
            && push(line.to_string(), start, s.time)
        {
            drawn = Some(call);
        }
        before = s.time.max(before);
    }
    lines
}
