//! What makes an incident.

use std::fmt;

use super::condition::Condition;
use super::config::Triggers;
use crate::model::Lateness;
use crate::model::findings::StallKind;
use crate::units::Nanos;

/// Why an incident is cut.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// Something was late.
    Late(Lateness),
    /// Somebody asked, by signal or HTTP.
    Asked(&'static str),
    /// A count or a share was past its limit.
    Past(Condition),
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trigger::Late(Lateness { kind, cpu, length, .. }) => {
                write!(f, "{} of {length} on CPU {cpu}", kind.name())
            }
            Trigger::Asked(how) => write!(f, "asked for by {how}"),
            Trigger::Past(condition) => condition.fmt(f),
        }
    }
}

impl Triggers {
    /// From where on a kind of lateness makes an incident.
    #[must_use]
    pub fn threshold(&self, kind: StallKind) -> Option<Nanos> {
        let period = match kind {
            StallKind::SoftirqDelay => self.softirq_delay,
            StallKind::SoftirqRun => self.softirq_run,
            StallKind::Handoff => self.handoff,
            StallKind::InterruptGap => self.interrupt_gap,
        };
        (period.0.0 > 0).then_some(period.0)
    }

    /// Whether what was late makes an incident.
    #[must_use]
    pub fn by_lateness(&self, late: Lateness) -> Option<Trigger> {
        late.reaches(self.threshold(late.kind)?).then_some(Trigger::Late(late))
    }
}
