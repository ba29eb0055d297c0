//! What a person sees while a recording runs: counts, not conclusions.

use std::collections::BTreeMap;

use crate::model::{Event, Meta};
use crate::units::{Cpu, Ktime, Nanos};

/// Running counts.
#[derive(Debug, Default)]
pub struct Live {
    /// Stalls so far: latenesses past their threshold, those that overlap on a CPU counted once.
    pub stalls: usize,
    /// The longest lateness so far.
    pub worst: Nanos,
    /// Records lost so far.
    pub lost: u64,
    /// Events so far.
    pub events: u64,
    threshold: Nanos,
    busy_until: BTreeMap<Cpu, Ktime>,
}

impl Live {
    /// Nothing yet.
    #[must_use]
    pub fn new(meta: &Meta) -> Live {
        Live { threshold: meta.stall_threshold, ..Live::default() }
    }

    /// Counts one event.
    pub fn see(&mut self, event: &Event) {
        self.events += 1;
        let (cpu, end, late) = match event {
            Event::Sample(s) => (s.cpu, s.time, s.gap),
            Event::SoftirqDelay(d) => (d.cpu, d.time, d.delay),
            Event::SoftirqRun(r) => (r.cpu, r.time, r.run),
            Event::Handoff(h) => (h.cpu, h.time, h.raise_to_wake + h.wake_to_in + h.in_to_entry),
            Event::HardIrq(h) => (h.cpu, h.time, h.run),
            Event::Lost(l) => {
                self.lost += l.ring_full + l.rate_limited;
                return;
            }
            _ => return,
        };
        if late.0 == 0 || late < self.threshold {
            return;
        }
        self.worst = self.worst.max(late);
        let until = self.busy_until.entry(cpu).or_default();
        if end.before(late) >= *until {
            self.stalls += 1;
        }
        *until = end.max(*until);
    }
}
