//! Whether a tick came late: by more than its period since the last one, or since the CPU left
//! idle. Only what was seen from begin to end counts: a tick after a loss starts anew.

use crate::units::{Ktime, Nanos};

/// What runs on a CPU, as its switches tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing is known, yet or since records were lost.
    Unknown,
    /// The idle task: the timer rests.
    Idle,
    /// Other tasks, since then.
    Busy(Ktime),
}

/// The timer of one CPU.
#[derive(Debug)]
pub struct Watch {
    period: Nanos,
    gap: Nanos,
    last_tick: Ktime,
    last_switch: Ktime,
    state: State,
}

impl Watch {
    /// Of a timer with this period, for latenesses from `gap` on.
    pub fn new(period: Nanos, gap: Nanos) -> Watch {
        Watch { period, gap, last_tick: Ktime(0), last_switch: Ktime(0), state: State::Unknown }
    }

    /// One thread gave the CPU to another. Told twice of each switch, when it begins and when it
    /// is over.
    pub fn switched(&mut self, time: Ktime, from: u32, to: u32) {
        self.last_switch = time;
        match (from, to, self.state) {
            (_, 0, _) => self.state = State::Idle,
            (0, _, State::Unknown | State::Idle) => self.state = State::Busy(time),
            _ => {}
        }
    }

    /// Records were lost, or the timer was stopped for a while.
    pub fn forget(&mut self) {
        self.state = State::Unknown;
    }

    /// A tick on this thread: its lateness beyond one period; 0 below the threshold, and where it
    /// cannot be told.
    pub fn tick(&mut self, time: Ktime, tid: u32) -> Nanos {
        let last = std::mem::replace(&mut self.last_tick, time);
        let since = match self.state {
            _ if tid == 0 => return Nanos(0),
            State::Busy(since) => since,
            State::Unknown | State::Idle => {
                self.state = State::Busy(time);
                return Nanos(0);
            }
        };
        let mut base = last.max(since);
        if self.last_switch > base.after(self.period) {
            // A switch turns interrupts on: that no tick came until then had another reason, such
            // as a hypervisor that was late with it.
            base = self.last_switch;
        }
        let late = Nanos(time.since(base).0.saturating_sub(self.period.0));
        if late < self.gap { Nanos(0) } else { late }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn watch() -> Watch {
        Watch::new(Nanos(MS), Nanos(5 * MS))
    }

    fn at(ms: u64) -> Ktime {
        Ktime(ms * MS)
    }

    #[test]
    fn a_late_tick_is_late_by_what_exceeds_its_period() {
        let mut w = watch();
        assert_eq!(w.tick(at(100), 7), Nanos(0), "since when it is busy is not known");
        assert_eq!(w.tick(at(101), 7), Nanos(0));
        assert_eq!(w.tick(at(106), 7), Nanos(0));
        assert_eq!(w.tick(at(127), 7), Nanos(20 * MS));
        assert_eq!(w.tick(at(128), 7), Nanos(0));
    }

    #[test]
    fn the_timer_rests_on_an_idle_cpu() {
        let mut w = watch();
        w.tick(at(100), 7);
        w.switched(at(101), 7, 0);
        assert_eq!(w.tick(at(150), 0), Nanos(0));
        w.switched(at(200), 0, 7);
        w.switched(at(201), 0, 7);
        assert_eq!(w.tick(at(221), 7), Nanos(20 * MS), "from the begin of the switch on");
        w.switched(at(222), 7, 8);
        assert_eq!(w.tick(at(242), 8), Nanos(20 * MS), "from the last tick on");
    }

    #[test]
    fn a_switch_shows_that_interrupts_were_on() {
        let mut w = watch();
        w.tick(at(100), 7);
        w.tick(at(101), 7);
        w.switched(at(119), 7, 8);
        assert_eq!(w.tick(at(122), 8), Nanos(0));
        w.switched(at(130), 8, 7);
        assert_eq!(w.tick(at(151), 7), Nanos(20 * MS), "from that switch on");
    }

    #[test]
    fn nothing_is_claimed_across_a_loss() {
        let mut w = watch();
        w.tick(at(100), 7);
        w.tick(at(101), 7);
        w.forget();
        assert_eq!(w.tick(at(200), 7), Nanos(0));
        assert_eq!(w.tick(at(221), 7), Nanos(20 * MS));
        // A switch to idle was lost without notice.
        w.switched(at(222), 7, 0);
        assert_eq!(w.tick(at(300), 9), Nanos(0));
    }
}
