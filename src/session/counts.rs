//! What a person sees while `record` runs: counts, not conclusions.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;

use super::{Namer, Watch};
use crate::model::{Event, Lost, Meta};
use crate::units::{Cpu, Ktime, Nanos};

/// Running counts.
#[derive(Debug, Default)]
pub struct Counts {
    /// Stalls so far: latenesses past their threshold in which more than ksoftirqd waited, those that
    /// overlap on a CPU counted once.
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

impl Counts {
    /// Nothing yet.
    #[must_use]
    pub fn new(meta: &Meta) -> Counts {
        Counts { threshold: meta.stall_threshold, ..Counts::default() }
    }

    /// Counts one event.
    pub fn see(&mut self, event: &Event) {
        self.events += 1;
        if let Event::Lost(l) = event {
            self.lost += l.total();
        }
        let Some(late) = event.late().filter(|late| late.reaches(self.threshold)) else { return };
        self.worst = self.worst.max(late.length);
        let until = self.busy_until.entry(late.cpu).or_default();
        if late.end.before(late.length) >= *until {
            self.stalls += 1;
        }
        *until = late.end.max(*until);
    }
}

/// Counts until it is told to stop.
pub(super) struct Progress<S, P> {
    pub counts: Counts,
    pub stop: S,
    pub progress: P,
}

impl<W: Write, S: FnMut() -> bool, P: FnMut(&Counts)> Watch<W> for Progress<S, P> {
    fn event(&mut self, event: &Event) {
        self.counts.see(event);
    }

    fn lost(&mut self, _: &'static str, _: &Lost) {}

    fn turn(&mut self, _: &mut Namer<W>) -> ControlFlow<()> {
        (self.progress)(&self.counts);
        if (self.stop)() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
