//! Which incidents are kept: those whose cause and culprit were not stored lately.

use std::time::{Duration, Instant};

use super::{Cut, Maker};
use crate::daemon::blame;
use crate::daemon::config::Triggers;
use crate::daemon::trigger::Trigger;
use crate::model::findings::{Cause, Findings, Stall};
use crate::model::late::reaches;

/// Causes that are remembered for their cool-down.
const REMEMBERED: usize = 1000;

impl Maker {
    /// What an incident is kept for; none if all of it is in its cool-down.
    pub(super) fn choose<'f>(
        &self,
        cut: &Cut,
        findings: &'f Findings,
    ) -> Option<((String, String), Option<&'f Stall>)> {
        let new = |s: &&Stall| s.start.after(s.duration) > self.seen;
        let own = |s: &Stall| match &cut.trigger {
            Trigger::Late(late) => {
                let end = s.start.after(s.duration);
                s.cpu == late.cpu && s.start <= late.end && late.end <= end
            }
            _ => false,
        };
        let key = |s: &Stall| (blame::cause(s), blame::culprit(s));
        let mut stalls: Vec<&Stall> = findings.stalls.iter().filter(new).collect();
        stalls.sort_by_key(|s| std::cmp::Reverse((own(s), s.rank())));
        let worst = stalls.first().copied();
        match &cut.trigger {
            Trigger::Asked(_) => {
                Some((worst.map_or_else(|| ("asked".to_owned(), String::new()), key), worst))
            }
            // It has had its cool-down where it was noticed. No stall is blamed for it.
            Trigger::Past(condition) => {
                Some(((condition.cause.to_owned(), condition.culprit.clone()), None))
            }
            Trigger::Late(late) if stalls.is_empty() => {
                let cause = Cause::Unexplained.name().to_owned();
                let key = (cause, late.kind.name().to_owned());
                self.is_new(&key).then_some((key, None))
            }
            Trigger::Late(_) => {
                let past = |s: &&&Stall| own(s) || past(&self.config.triggers, s);
                stalls.iter().filter(past).find_map(|s| {
                    let key = key(s);
                    self.is_new(&key).then_some((key, Some(*s)))
                })
            }
        }
    }

    fn is_new(&self, key: &(String, String)) -> bool {
        let cooldown = Duration::from_nanos(self.config.triggers.cooldown.0.0);
        self.stored.get(key).is_none_or(|at| at.elapsed() >= cooldown)
    }

    pub(super) fn remember(&mut self, key: (String, String)) {
        let cooldown = Duration::from_nanos(self.config.triggers.cooldown.0.0);
        self.stored.retain(|_, at| at.elapsed() < cooldown);
        if self.stored.len() < REMEMBERED {
            self.stored.insert(key, Instant::now());
        }
    }
}

/// Whether a stall alone would make an incident.
fn past(triggers: &Triggers, stall: &Stall) -> bool {
    !stall.served_meanwhile()
        && stall.measures.iter().any(|m| {
            triggers.threshold(m.kind).is_some_and(|threshold| reaches(m.duration, threshold))
        })
}
