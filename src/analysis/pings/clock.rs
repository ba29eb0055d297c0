//! The clocks of a prober and of a recording.

use crate::model::Recording;
use crate::model::findings::Findings;
use crate::ping::{PingLog, Probe};
use crate::units::{Ktime, Nanos};

/// From the prober's clock to the recording's.
pub struct Clock {
    pub name: &'static str,
    pub offset: Nanos,
    /// Nanoseconds since 1970 at the recording's CLOCK_MONOTONIC 0.
    shift: i128,
    pub same: bool,
}

impl Clock {
    pub fn of(r: &Recording, f: &Findings, log: &PingLog, offset: Nanos) -> Clock {
        let same = log.header.boot_id.is_some() && log.header.boot_id == r.meta.boot_id;
        let shift = i128::from(f.window.start_realtime) - i128::from(f.window.start.0);
        match same {
            true => Clock { name: "monotonic", offset: Nanos(0), shift, same },
            false => Clock { name: "realtime", offset, shift, same },
        }
    }

    /// When a probe was sent; none for a moment before all time.
    pub fn sent(&self, probe: &Probe) -> Option<Ktime> {
        let own = probe.sent.filter(|_| self.same);
        let by_wall = i128::from(probe.sent_realtime) - self.shift;
        own.or_else(|| u64::try_from(by_wall).ok().map(Ktime))
    }
}
