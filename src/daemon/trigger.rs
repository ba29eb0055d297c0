//! What makes an incident.

use std::fmt;

use super::condition::Condition;
use super::config::Triggers;
use crate::model::Event;
use crate::units::{Cpu, Ktime, Nanos};

/// Why an incident is cut.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// Something was late.
    Late {
        /// What: a name of `docs/findings.md`.
        what: &'static str,
        /// Where.
        cpu: Cpu,
        /// When it ended.
        time: Ktime,
        /// How late.
        late: Nanos,
    },
    /// Somebody asked, by signal or HTTP.
    Asked(&'static str),
    /// A count or a share was past its limit.
    Past(Condition),
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trigger::Late { what, cpu, late, .. } => write!(f, "{what} of {late} on CPU {cpu}"),
            Trigger::Asked(how) => write!(f, "asked for by {how}"),
            Trigger::Past(condition) => condition.fmt(f),
        }
    }
}

/// How late something was: what, where, when it ended, for how long.
#[must_use]
pub fn lateness(event: &Event) -> Option<(&'static str, Cpu, Ktime, Nanos)> {
    Some(match event {
        Event::Sample(s) if s.gap.0 > 0 => ("interrupt_gap", s.cpu, s.time, s.gap),
        Event::SoftirqDelay(d) => ("softirq_delay", d.cpu, d.time, d.delay),
        Event::SoftirqRun(r) => ("softirq_run", r.cpu, r.time, r.run),
        // Nobody waited where interrupts served its softirqs.
        Event::Handoff(h) if h.served_after.0 == 0 && h.entered => {
            let late = h.raise_to_wake + h.wake_to_in + h.in_to_entry;
            ("handoff", h.cpu, h.time, late)
        }
        Event::HardIrq(h) => ("interrupt_gap", h.cpu, h.time, h.run),
        _ => return None,
    })
}

impl Triggers {
    /// From where on a kind of lateness makes an incident.
    #[must_use]
    pub fn threshold(&self, what: &str) -> Option<Nanos> {
        let period = match what {
            "softirq_delay" => self.softirq_delay,
            "softirq_run" => self.softirq_run,
            "handoff" => self.handoff,
            "interrupt_gap" => self.interrupt_gap,
            _ => return None,
        };
        (period.0.0 > 0).then_some(period.0)
    }

    /// Whether an event makes an incident.
    #[must_use]
    pub fn by_event(&self, event: &Event) -> Option<Trigger> {
        let (what, cpu, time, late) = lateness(event)?;
        let past = late >= self.threshold(what)?;
        past.then_some(Trigger::Late { what, cpu, time, late })
    }
}
