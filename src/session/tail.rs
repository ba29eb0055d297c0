//! What comes after the end, while the probes are taken off one after the other, which a CPU without
//! interrupts can hold up: of that not all is seen, and it would be counted for a time that is no part
//! of the recording.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Event;
use crate::units::{Cpu, Ktime, Nanos};

/// The events that came after the end.
pub(super) struct Tail {
    end: Ktime,
    events: Vec<Event>,
}

impl Tail {
    pub fn new(end: Ktime) -> Tail {
        Tail { end, events: Vec::new() }
    }

    pub fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Those that belong to the recording: what began before its end, with the samples inside it,
    /// and what was counted.
    pub fn settle(self) -> impl Iterator<Item = Event> {
        let Tail { end, events } = self;
        let mut settled: BTreeMap<Cpu, Ktime> = BTreeMap::new();
        let mut calls: BTreeSet<(Ktime, Cpu)> = BTreeSet::new();
        for event in &events {
            let Some((cpu, time, length)) = span(event) else { continue };
            if length.0 == 0 || time.before(length) >= end {
                continue;
            }
            if let Event::SyscallSlow(_) = event {
                calls.insert((time, cpu));
            } else {
                let last = settled.entry(cpu).or_default();
                *last = time.max(*last);
            }
        }
        events.into_iter().filter(move |event| match (event, span(event)) {
            (Event::Sample(s), _) => {
                s.time <= end || settled.get(&s.cpu).is_some_and(|last| s.time <= *last)
            }
            (Event::FileCall(f), _) => f.time <= end || calls.contains(&(f.time, f.cpu)),
            (_, Some((_, time, length))) => time.before(length) < end,
            (_, None) => true,
        })
    }
}

/// Where something was that has a length, when it was over, and how long it was.
fn span(event: &Event) -> Option<(Cpu, Ktime, Nanos)> {
    match event {
        Event::SyscallSlow(call) => Some((call.cpu, call.time, call.duration)),
        _ => event.lateness().map(|late| (late.cpu, late.end, late.length)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Sample, SoftirqDelay, SyscallSlow};

    fn sample(time: u64, cpu: u32, gap: u64) -> Event {
        let (time, cpu, gap) = (Ktime(time), Cpu(cpu), Nanos(gap));
        Event::Sample(Sample { time, cpu, gap, ..Sample::default() })
    }

    fn call(time: u64, duration: u64) -> Event {
        let (time, duration) = (Ktime(time), Nanos(duration));
        Event::SyscallSlow(SyscallSlow { time, duration, ..SyscallSlow::default() })
    }

    #[test]
    fn what_began_before_the_end_stays_with_its_samples() {
        let mut tail = Tail::new(Ktime(1_000));
        // CPU 0 stalls across the end, up to 1,300.
        let delay =
            SoftirqDelay { time: Ktime(1_300), delay: Nanos(400), ..SoftirqDelay::default() };
        for event in [
            sample(990, 0, 0),
            sample(1_000, 1, 0),
            sample(1_010, 1, 0),
            sample(1_200, 0, 0),
            Event::SoftirqDelay(delay),
            sample(1_400, 0, 0),
            sample(1_500, 2, 600),
            sample(1_500, 3, 400),
            call(1_600, 700),
            call(1_600, 500),
        ] {
            tail.push(event);
        }
        let kept: Vec<(u64, u64)> = tail
            .settle()
            .map(|event| match event {
                Event::Sample(s) => (s.time.0, u64::from(s.cpu.0)),
                Event::SoftirqDelay(d) => (d.time.0, d.delay.0),
                Event::SyscallSlow(c) => (c.time.0, c.duration.0),
                other => panic!("{other:?}"),
            })
            .collect();
        let expected = [(990, 0), (1_000, 1), (1_200, 0), (1_300, 400), (1_500, 2), (1_600, 700)];
        assert_eq!(kept, expected);
    }
}
