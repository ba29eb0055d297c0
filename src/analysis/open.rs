//! Stalls that still went on when the recording ended: no event tells of their end, but the last
//! tick of their CPU tells since when somebody waits.

use super::index::Index;
use crate::model::findings::{HandoffParts, Measure, StallKind};
use crate::model::{Sample, Vector};
use crate::units::{Cpu, Nanos};

/// Ticks of a CPU that is held come every period: one that is older is not the last of a stall.
const TICKS: u64 = 10;

/// What waited on a CPU at its last tick and was not seen to end; its length is the least it was.
pub fn measures(index: &Index<'_>, cpu: Cpu) -> Vec<Measure> {
    let r = index.recording;
    let Some(last) = index.samples.of(cpu).last() else { return Vec::new() };
    let too_old = r.last_time().since(last.time).0 > TICKS.saturating_mul(r.meta.sample_period.0);
    let mut open = Vec::new();
    if too_old {
        return open;
    }
    let ended_later = |time| time >= last.time;
    let softirqs = !index.delays.of(cpu).iter().any(|d| ended_later(d.time));
    if softirqs && last.pending_for.0 > 0 {
        open.push(Measure {
            vectors: Vector::of_mask(last.pending).collect(),
            ..measure(StallKind::SoftirqDelay, last, last.pending_for)
        });
    }
    let waits = !index.handoffs.of(cpu).iter().any(|h| ended_later(h.time));
    if waits && last.ksoftirqd_waits.0 > 0 {
        let wake_to_in = last.ksoftirqd_waits;
        open.push(Measure {
            handoff: Some(HandoffParts { wake_to_in, ..HandoffParts::default() }),
            ..measure(StallKind::Handoff, last, wake_to_in)
        });
    }
    open.retain(|m| m.duration >= r.meta.stall_threshold);
    open
}

fn measure(kind: StallKind, last: &Sample, duration: Nanos) -> Measure {
    Measure {
        kind,
        start: last.time.before(duration),
        duration,
        uncertainty: Nanos(0),
        vectors: Vec::new(),
        handoff: None,
        context: None,
    }
}

/// What a reader must know of them.
pub fn note(open: &[(Cpu, Nanos)]) -> Option<String> {
    let (cpu, longest) =
        open.iter().max_by_key(|(cpu, length)| (*length, std::cmp::Reverse(*cpu)))?;
    Some(format!(
        "When the recording ended, CPU {cpu} had been stalled for {longest} and still was: how long \
         its last stall was in the end is not known{}.",
        if open.iter().any(|(other, _)| other != cpu) { ", nor of others" } else { "" }
    ))
}
