//! Whether the probe `softirq` still sees what the kernel counts. A program that was detached under
//! us fails nowhere: it is silent, as on a host where nothing happens.

use std::time::{Duration, Instant};

use crate::host::{HostRoot, softirqs};
use crate::model::event::HistKind;
use crate::model::{Event, Meta};

/// How often it is looked at: what the probe counted is told every 2 s.
const EVERY: Duration = Duration::from_secs(5);
/// Fewer in that time prove nothing.
const ENOUGH: u64 = 200;

/// What was seen since the probes began.
#[derive(Debug)]
pub struct Pulse {
    due: Instant,
    /// What the kernel had counted at the last look.
    counted: Option<u64>,
    seen: bool,
    /// Something was seen before the last look. A probe that never saw any does not count them, or
    /// was started anew in vain.
    ever: bool,
    /// What the last look saw nothing of. One look may come before the telling of a probe that was
    /// held up.
    unseen: u64,
}

impl Pulse {
    /// From now on.
    pub fn begin() -> Pulse {
        let due = Instant::now() + EVERY;
        Pulse { due, counted: None, seen: false, ever: false, unseen: 0 }
    }

    /// An event of the probes.
    pub fn event(&mut self, event: &Event) {
        self.seen |= matches!(event, Event::Hist(h) if h.kind == HistKind::SoftirqDelay);
    }

    /// How many softirqs the probe's CPUs ran of which it saw none, where that proves that it is
    /// gone.
    pub fn look(&mut self, root: &HostRoot, meta: &Meta) -> Option<u64> {
        if Instant::now() < self.due {
            return None;
        }
        self.due = Instant::now() + EVERY;
        let counted = softirqs::count(root, &meta.cpus).ok();
        let before = std::mem::replace(&mut self.counted, counted);
        let seen = std::mem::take(&mut self.seen);
        self.judge(seen, counted.zip(before).map_or(0, |(now, before)| now.saturating_sub(before)))
    }

    /// By what the kernel counted since the last look.
    fn judge(&mut self, seen: bool, ran: u64) -> Option<u64> {
        let silent = self.ever && !seen && ran >= ENOUGH;
        self.ever |= seen;
        let before = std::mem::replace(&mut self.unseen, if silent { ran } else { 0 });
        (silent && before > 0).then_some(before + ran)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_has_to_last_and_the_kernel_to_count() {
        let mut pulse = Pulse::begin();
        // One that never saw any.
        assert_eq!([0; 3].map(|_| pulse.judge(false, 5_000)), [None; 3]);
        assert_eq!(pulse.judge(true, 5_000), None);
        // A quiet host, a telling that was late, and the end.
        assert_eq!([0; 3].map(|_| pulse.judge(false, 10)), [None; 3]);
        assert_eq!([false, true, false].map(|seen| pulse.judge(seen, 300)), [None; 3]);
        assert_eq!(pulse.judge(false, 400), Some(700));
    }
}
