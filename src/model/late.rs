//! What is late, and by how much: of which events, from when to when. Progress, metrics, triggers, the
//! choice of what is read of a large recording and the analysis all ask here.

use super::event::{Event, Handoff, HardIrq, SoftirqDelay, SoftirqRun};
use super::findings::{HandoffParts, StallKind};
use super::sample::Sample;
use crate::units::{Cpu, Ktime, Nanos};

/// How late something was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lateness {
    /// What.
    pub kind: StallKind,
    /// Where.
    pub cpu: Cpu,
    /// When it was over.
    pub end: Ktime,
    /// How late.
    pub length: Nanos,
    /// Only ksoftirqd waited: see [`HandoffParts::served_meanwhile`].
    pub served_meanwhile: bool,
}

impl Lateness {
    /// Whether that counts, a threshold being what it is.
    #[must_use]
    pub fn reaches(&self, threshold: Nanos) -> bool {
        reaches(self.length, threshold)
    }
}

/// Whether a length is one at all, and a threshold or more.
#[must_use]
pub fn reaches(length: Nanos, threshold: Nanos) -> bool {
    length.0 > 0 && length >= threshold
}

/// An event that tells how late something was.
pub trait Late {
    /// What was late; its length is 0 where nothing was.
    fn lateness(&self) -> Lateness;
}

macro_rules! late {
    ($($event:ident $kind:ident $length:ident)*) => { $(
        impl Late for $event {
            fn lateness(&self) -> Lateness {
                Lateness {
                    kind: StallKind::$kind,
                    cpu: self.cpu,
                    end: self.time,
                    length: self.$length,
                    served_meanwhile: false,
                }
            }
        }
    )* };
}

late! {
    SoftirqDelay SoftirqDelay delay
    SoftirqRun SoftirqRun run
    // While a handler runs no timer interrupt can come: the same lateness, seen exactly.
    HardIrq InterruptGap run
    Sample InterruptGap gap
}

impl Late for Handoff {
    fn lateness(&self) -> Lateness {
        let parts = HandoffParts::from(self);
        Lateness {
            kind: StallKind::Handoff,
            cpu: self.cpu,
            end: self.time,
            length: parts.whole(),
            served_meanwhile: parts.served_meanwhile(),
        }
    }
}

impl Event {
    /// How late something was; none for events that do not tell.
    #[must_use]
    pub fn lateness(&self) -> Option<Lateness> {
        match self {
            Event::Sample(s) => Some(s.lateness()),
            Event::SoftirqDelay(d) => Some(d.lateness()),
            Event::SoftirqRun(r) => Some(r.lateness()),
            Event::Handoff(h) => Some(h.lateness()),
            Event::HardIrq(h) => Some(h.lateness()),
            _ => None,
        }
    }

    /// What somebody waited for; none where nobody but ksoftirqd did.
    #[must_use]
    pub fn late(&self) -> Option<Lateness> {
        self.lateness().filter(|late| late.length.0 > 0 && !late.served_meanwhile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_in_time_and_a_wait_of_ksoftirqd_alone_are_not_late() {
        let ms = Nanos::from_millis;
        let tick = Sample { time: Ktime(9), gap: ms(20), ..Sample::default() };
        let late = Event::Sample(tick).late().map(|l| (l.kind, l.end, l.length));
        assert_eq!(late, Some((StallKind::InterruptGap, Ktime(9), ms(20))));
        assert_eq!(Event::Sample(Sample::default()).late(), None);
        let waited = Handoff {
            raise_to_wake: ms(1),
            wake_to_in: ms(7),
            in_to_entry: ms(2),
            entered: true,
            ..Handoff::default()
        };
        let late = waited.lateness();
        assert_eq!((late.length, late.served_meanwhile), (ms(10), false));
        assert_eq!(Event::Handoff(waited).late(), Some(late));
        for served in
            [Handoff { entered: false, ..waited }, Handoff { served_after: Nanos(1), ..waited }]
        {
            assert!(served.lateness().served_meanwhile && served.lateness().length == ms(10));
            assert_eq!(Event::Handoff(served).late(), None);
        }
        assert!(late.reaches(ms(10)) && !late.reaches(ms(11)) && !reaches(Nanos(0), Nanos(0)));
    }
}
