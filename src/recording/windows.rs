//! The time in which stalls lie, as the first pass over a large recording finds it: samples of it
//! are all read. Wider than what the analysis will make of it, never narrower.

use std::collections::{BTreeMap, BTreeSet};

use super::tables::{PerTable, Rows};
use super::worst::{Pick, Tally, Weighed};
use crate::model::Sample;
use crate::model::functions::runs_softirqs;
use crate::model::late::{Late, reaches};
use crate::units::{Cpu, Ktime, Nanos};

/// Periods on both sides of a stall, for what is drawn around it.
const PERIODS: u64 = 32;
/// Stretches that are kept in mind: several times those for whose samples there can be room.
const STRETCHES: usize = 1 << 17;
/// Stacks that are known to run softirqs.
const LOOPS: usize = 1 << 20;

/// Moments of a CPU, from and to, both included.
type Span = (Ktime, Ktime);

/// What the first pass finds out, block by block.
#[derive(Default)]
pub struct Survey {
    threshold: Nanos,
    period: Nanos,
    /// Numbers of the strings, frames and stacks that show that softirqs are being run: ticks that
    /// find them may be all that is known of a stall.
    loops: [BTreeSet<u32>; 3],
    spans: BTreeMap<Cpu, Vec<Span>>,
    /// How many these are, and how many shorter ones were forgotten.
    held: usize,
    forgotten: usize,
    last: BTreeMap<Cpu, Sample>,
    samples: u64,
    /// How bad the rows of each table are.
    pub tallies: PerTable<Tally>,
}

impl Survey {
    /// What counts as a stall, and how often the sampler ticked.
    pub fn begins(&mut self, threshold: Nanos, period: Nanos) {
        (self.threshold, self.period) = (threshold, period);
    }

    /// Looks at the rows of the next block.
    pub fn look(&mut self, rows: &Rows) {
        let [strings, frames, stacks] = &mut self.loops;
        let named = rows.strings.iter().filter(|row| runs_softirqs(&row.value));
        strings.extend(named.map(|row| row.id));
        let named = rows.frames.iter().filter(|row| strings.contains(&row.value.function.0));
        frames.extend(named.map(|row| row.id));
        let with =
            rows.stacks.iter().filter(|row| row.value.0.iter().any(|f| frames.contains(&f.0)));
        stacks.extend(with.map(|row| row.id));
        // Numbers grow, and a recorder that has made so many stacks has forgotten the first ones.
        for known in &mut self.loops {
            while known.len() > LOOPS {
                known.pop_first();
            }
        }

        rows.delays.iter().for_each(|e| self.told(e));
        rows.runs.iter().for_each(|e| self.told(e));
        rows.hardirqs.iter().for_each(|e| self.told(e));
        rows.handoffs.iter().for_each(|e| self.told(e));
        for s in &rows.samples {
            self.told(s);
            // A run of a softirq may be known by ticks alone.
            if self.loops[2].contains(&s.kernel_stack.0) {
                self.late(s.cpu, s.time, s.since_softirq_entry);
            }
            let last = self.last.entry(s.cpu).or_insert(*s);
            if last.time <= s.time {
                *last = *s;
            }
        }
        self.samples += rows.samples.len() as u64;
        rows.tally(&mut self.tallies);
        if self.held > 2 * STRETCHES {
            let mut spans = self.take_spans();
            self.forgotten += spans.len().saturating_sub(STRETCHES);
            spans.truncate(STRETCHES);
            self.held = spans.len();
            self.spans = by_cpu(spans);
        }
    }

    fn told(&mut self, event: &impl Late) {
        let late = event.lateness();
        self.late(late.cpu, late.end, late.length);
    }

    fn late(&mut self, cpu: Cpu, end: Ktime, length: Nanos) {
        if !reaches(length, self.threshold) {
            return;
        }
        let room = Nanos(PERIODS.saturating_mul(self.period.0).saturating_add(length.0 / 2));
        let span = (end.before(length).before(room), end.after(room));
        let spans = self.spans.entry(cpu).or_default();
        match spans.last_mut() {
            // Most come in order of time: those that touch are joined at once.
            Some(last) if last.0 <= span.0 && span.0 <= last.1 => last.1 = last.1.max(span.1),
            _ => {
                spans.push(span);
                self.held += 1;
            }
        }
    }

    /// All spans, those that overlap as one: the longest first.
    fn take_spans(&mut self) -> Vec<(Cpu, Span)> {
        let mut spans: Vec<(Cpu, Span)> = Vec::new();
        for (cpu, mut of_cpu) in std::mem::take(&mut self.spans) {
            of_cpu.sort_unstable();
            let first = spans.len();
            for span in of_cpu {
                match spans[first..].last_mut() {
                    Some((_, last)) if span.0 <= last.1 => last.1 = last.1.max(span.1),
                    _ => spans.push((cpu, span)),
                }
            }
        }
        spans.sort_by_key(|span| (std::cmp::Reverse(self.periods(span)), *span));
        spans
    }

    /// How many samples a span has; about.
    fn periods(&self, (_, (from, to)): &(Cpu, Span)) -> u64 {
        to.since(*from).0 / self.period.0.max(1) + 1
    }

    /// All that was found; samples of stalls up to about `whole`, of others up to `outside`; those
    /// that tell something themselves as picked.
    pub fn finish(mut self, whole: u64, outside: u64, told: Pick) -> Windows {
        // A stall that outlasts the recording shows in the last tick of its CPU.
        let last = std::mem::take(&mut self.last);
        for (&cpu, last) in &last {
            self.late(cpu, last.time, last.pending_for.max(last.ksoftirqd_waits));
        }
        // Of too many, the shortest are left out.
        let mut spans = self.take_spans();
        let mut left = whole;
        let kept = spans.iter().take_while(|span| {
            let enough = left.checked_sub(self.periods(span));
            left = enough.unwrap_or(0);
            enough.is_some()
        });
        let without = spans.split_off(kept.count()).len() + self.forgotten;
        let one_in = u32::try_from(self.samples.div_ceil(outside.max(1))).unwrap_or(u32::MAX);
        Windows {
            spans: by_cpu(spans),
            whole: whole + whole / 8,
            beyond: 0,
            told,
            last: last.into_iter().map(|(cpu, s)| (cpu, s.time)).collect(),
            one_in: one_in.max(1),
            samples: self.samples,
            without,
        }
    }
}

/// The spans of each CPU, in order of time.
fn by_cpu(spans: Vec<(Cpu, Span)>) -> BTreeMap<Cpu, Vec<Span>> {
    let mut by_cpu: BTreeMap<Cpu, Vec<Span>> = BTreeMap::new();
    for (cpu, span) in spans {
        by_cpu.entry(cpu).or_default().push(span);
    }
    by_cpu.values_mut().for_each(|spans| spans.sort_unstable());
    by_cpu
}

/// Which samples are read.
pub struct Windows {
    spans: BTreeMap<Cpu, Vec<Span>>,
    last: BTreeMap<Cpu, Ktime>,
    /// So many samples may still be read because they lie in a span; how many more there were.
    whole: u64,
    pub beyond: u64,
    /// Which samples with a gap, or with stolen time, are read.
    told: Pick,
    /// Of those outside, one in so many.
    pub one_in: u32,
    /// How many there are.
    pub samples: u64,
    /// Stretches with stalls for which there was no room.
    pub without: usize,
}

impl Windows {
    /// Whether a sample is read for what it tells itself. One that is not picked tells nothing of
    /// it from then on: its gap is one that was left out.
    pub fn tells(&mut self, s: &mut Sample) -> bool {
        let told = s.weight().is_some();
        let picked = told && self.told.takes(s);
        if told && !picked {
            (s.gap, s.stolen, s.stolen_over) = Default::default();
        }
        picked
    }

    /// Whether another sample is read whatever the others are.
    pub fn hold(&mut self, s: &Sample) -> bool {
        let last = || self.last.get(&s.cpu) == Some(&s.time);
        let within = self.spans.get(&s.cpu).is_some_and(|spans| {
            let next = spans.partition_point(|span| span.1 < s.time);
            spans.get(next).is_some_and(|span| span.0 <= s.time)
        });
        if !(within || last()) {
            return false;
        }
        // A span has about as many samples as periods; a file may lie.
        let room = self.whole > 0;
        self.whole -= u64::from(room);
        self.beyond += u64::from(!room);
        room
    }
}
