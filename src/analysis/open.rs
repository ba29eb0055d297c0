//! Stalls that were under way when the recording began, or still were when it ended: no event tells
//! of their end, but the last tick of their CPU tells since when somebody waits.

use std::collections::BTreeMap;

use super::index::Index;
use super::lateness::measure;
use crate::model::findings::{Measure, Stall, StallKind};
use crate::model::late::reaches;
use crate::model::{Sample, Vector};
use crate::units::{Cpu, Nanos};

/// Ticks of a CPU that is held come every period: one that is older is not the last of a stall.
const TICKS: u64 = 10;

/// A raise before the probes came is not seen; the next one comes with the kernel's tick.
const RAISES: Nanos = Nanos(10_000_000);

fn waited(stall: &Stall) -> bool {
    stall.measures.iter().any(|m| m.kind == StallKind::SoftirqDelay)
}

fn a_few_ticks(index: &Index<'_>) -> Nanos {
    Nanos(TICKS.saturating_mul(index.recording.meta.sample_period.0))
}

/// The last tick of a CPU, if it came right before the end of the recording.
pub fn last_tick<'r>(index: &Index<'r>, cpu: Cpu) -> Option<&'r Sample> {
    let r = index.recording;
    let last = index.samples.of(cpu).last().copied()?;
    (r.last_time().since(last.time) <= a_few_ticks(index)).then_some(last)
}

/// The softirqs that waited at the last tick and were not seen to be entered; the length is the
/// least it was.
pub fn measures(index: &Index<'_>, cpu: Cpu) -> Option<Measure> {
    let last = last_tick(index, cpu)?;
    let entered = index.delays.of(cpu).iter().any(|d| d.time >= last.time);
    let long = reaches(last.pending_for, index.recording.meta.stall_threshold);
    // How long each waited is known of the oldest alone.
    let mut pending = Vector::of_mask(last.pending);
    let only = pending.next().filter(|_| pending.next().is_none());
    (long && !entered).then(|| Measure {
        vectors: only.into_iter().collect(),
        open: true,
        ..measure(StallKind::SoftirqDelay, last.time, last.pending_for)
    })
}

/// What a reader must know of waits of which the beginning or the end was not seen.
pub fn notes(index: &Index<'_>, stalls: &[Stall]) -> Vec<String> {
    let mut notes = Vec::new();
    let seen = index.recording.meta.start.after(RAISES);
    let threshold = index.recording.meta.stall_threshold;
    let mut by_cpu: BTreeMap<Cpu, Vec<&Stall>> = BTreeMap::new();
    for stall in stalls {
        by_cpu.entry(stall.cpu).or_default().push(stall);
    }
    for cpu in index.cpus() {
        let own = by_cpu.get(&cpu).map_or(&[][..], Vec::as_slice);
        if let Some(stall) = own.iter().find(|s| s.start <= seen && waited(s)) {
            notes.push(format!(
                "Stall {} on CPU {cpu} was under way as the recording began: it may have begun \
                 earlier than told.",
                stall.id
            ));
        }
        if let Some(m) = measures(index, cpu) {
            notes.push(format!(
                "When the recording ended, softirqs had been waiting on CPU {cpu} for {} and still \
                 were: its last stall was longer than told.",
                m.duration
            ));
        }
        let runs = |m: &&Measure| m.open && m.kind == StallKind::SoftirqRun;
        if let Some(run) = own.iter().flat_map(|s| &s.measures).find(runs) {
            notes.push(format!(
                "When the recording ended, a softirq handler had been running on CPU {cpu} for {} \
                 and still was: its last stall was longer than told.",
                run.duration
            ));
        }
        let Some(last) = last_tick(index, cpu) else { continue };
        let ended = index.handoffs.of(cpu).iter().any(|h| h.time >= last.time);
        if !ended && reaches(last.ksoftirqd_waits, threshold) {
            notes.push(format!(
                "When the recording ended, ksoftirqd/{cpu} had been runnable for {} without \
                 running, and still was: that wait is in no stall above.",
                last.ksoftirqd_waits
            ));
        }
    }
    notes
}
