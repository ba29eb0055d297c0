//! The time in which stalls lie, as the first pass over a large recording finds it: samples of it
//! are all read. Wider than what the analysis will make of it, never narrower.

use std::collections::{BTreeMap, HashSet};

use super::tables::Rows;
use crate::model::Sample;
use crate::units::{Cpu, Ktime, Nanos};

/// Periods on both sides of a stall, for what is drawn around it.
const PERIODS: u64 = 32;

/// Moments of a CPU, from and to, both included.
type Span = (Ktime, Ktime);

/// What the first pass finds out, block by block.
pub struct Survey {
    threshold: Nanos,
    period: Nanos,
    softirq_loop: fn(&str) -> bool,
    /// Numbers of the strings, frames and stacks that show that softirqs are being run.
    loops: [HashSet<u32>; 3],
    spans: BTreeMap<Cpu, Vec<Span>>,
    last: BTreeMap<Cpu, Sample>,
    samples: u64,
}

impl Survey {
    /// `softirq_loop` tells the function that runs softirqs.
    pub fn new(softirq_loop: fn(&str) -> bool) -> Survey {
        Survey {
            threshold: Nanos(0),
            period: Nanos(0),
            softirq_loop,
            loops: Default::default(),
            spans: BTreeMap::new(),
            last: BTreeMap::new(),
            samples: 0,
        }
    }

    /// What counts as a stall, and how often the sampler ticked.
    pub fn begins(&mut self, threshold: Nanos, period: Nanos) {
        (self.threshold, self.period) = (threshold, period);
    }

    /// Looks at the rows of the next block.
    pub fn look(&mut self, rows: &Rows) {
        let [strings, frames, stacks] = &mut self.loops;
        let named = rows.strings.iter().filter(|row| (self.softirq_loop)(&row.value));
        strings.extend(named.map(|row| row.id));
        let named = rows.frames.iter().filter(|row| strings.contains(&row.value.function.0));
        frames.extend(named.map(|row| row.id));
        let with =
            rows.stacks.iter().filter(|row| row.value.0.iter().any(|f| frames.contains(&f.0)));
        stacks.extend(with.map(|row| row.id));

        rows.delays.iter().for_each(|e| self.late(e.cpu, e.time, e.delay));
        rows.runs.iter().for_each(|e| self.late(e.cpu, e.time, e.run));
        rows.hardirqs.iter().for_each(|e| self.late(e.cpu, e.time, e.run));
        for e in &rows.handoffs {
            self.late(e.cpu, e.time, e.raise_to_wake + e.wake_to_in + e.in_to_entry);
        }
        for s in &rows.samples {
            self.late(s.cpu, s.time, s.gap);
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
    }

    fn late(&mut self, cpu: Cpu, end: Ktime, length: Nanos) {
        if length.0 == 0 || length < self.threshold {
            return;
        }
        let room = Nanos(PERIODS.saturating_mul(self.period.0).saturating_add(length.0 / 2));
        let span = (end.before(length).before(room), end.after(room));
        let spans = self.spans.entry(cpu).or_default();
        match spans.last_mut() {
            // Most come in order of time: those that touch are joined at once.
            Some(last) if last.0 <= span.0 && span.0 <= last.1 => last.1 = last.1.max(span.1),
            _ => spans.push(span),
        }
    }

    /// All that was found; samples of stalls up to about `whole`, of others up to `outside`.
    pub fn finish(mut self, whole: u64, outside: u64) -> Windows {
        // A stall that outlasts the recording shows in the last tick of its CPU.
        let last = std::mem::take(&mut self.last);
        for (&cpu, last) in &last {
            self.late(cpu, last.time, last.pending_for.max(last.ksoftirqd_waits));
        }
        let mut spans: Vec<(Cpu, Span)> = Vec::new();
        for (cpu, of_cpu) in &mut self.spans {
            of_cpu.sort_unstable();
            let first = spans.len();
            for &span in of_cpu.iter() {
                match spans[first..].last_mut() {
                    Some((_, last)) if span.0 <= last.1 => last.1 = last.1.max(span.1),
                    _ => spans.push((*cpu, span)),
                }
            }
        }
        // The longest first: of too many, the shortest are left out.
        let length = |(_, (from, to)): &(Cpu, Span)| to.since(*from).0 / self.period.0.max(1) + 1;
        spans.sort_by_key(|span| (std::cmp::Reverse(length(span)), *span));
        let mut left = whole;
        let kept = spans.iter().take_while(|span| {
            let enough = left.checked_sub(length(span));
            left = enough.unwrap_or(0);
            enough.is_some()
        });
        let kept = kept.count();
        let mut by_cpu: BTreeMap<Cpu, Vec<Span>> = BTreeMap::new();
        for (cpu, span) in spans.drain(..kept) {
            by_cpu.entry(cpu).or_default().push(span);
        }
        by_cpu.values_mut().for_each(|spans| spans.sort_unstable());
        let one_in = u32::try_from(self.samples.div_ceil(outside.max(1))).unwrap_or(u32::MAX);
        Windows {
            spans: by_cpu,
            last: last.into_iter().map(|(cpu, s)| (cpu, s.time)).collect(),
            one_in: one_in.max(1),
            samples: self.samples,
            without: spans.len(),
        }
    }
}

/// Which samples are read.
pub struct Windows {
    spans: BTreeMap<Cpu, Vec<Span>>,
    last: BTreeMap<Cpu, Ktime>,
    /// Of those outside, one in so many.
    pub one_in: u32,
    /// How many there are.
    pub samples: u64,
    /// Stretches with stalls for which there was no room.
    pub without: usize,
}

impl Windows {
    /// Whether a sample is read whatever the others are.
    pub fn hold(&self, s: &Sample) -> bool {
        // The analysis asks whether there was a gap, and what was stolen, at any time.
        let told = s.gap.0 > 0 || s.stolen_over.0 > 0;
        let last = self.last.get(&s.cpu) == Some(&s.time);
        told || last
            || self.spans.get(&s.cpu).is_some_and(|spans| {
                let next = spans.partition_point(|span| span.1 < s.time);
                spans.get(next).is_some_and(|span| span.0 <= s.time)
            })
    }
}
