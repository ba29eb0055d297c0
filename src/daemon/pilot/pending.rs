//! From a trigger to an incident: what happens after it belongs to it.

use std::time::{Duration, Instant};

use super::Pilot;
use crate::daemon::incident::{Cut, Job};
use crate::daemon::trigger::Trigger;
use crate::session::{self, Namer};
use crate::units::Ktime;

/// An incident whose end is not here yet.
pub struct Pending {
    trigger: Trigger,
    time: Ktime,
    realtime: u64,
    pub(super) due: Ktime,
    /// It is due, and the counters were read since.
    pub(super) counted: bool,
}

impl Pilot {
    /// An incident of the condition that waits longest, once there is none under way.
    pub(super) fn next_condition(&mut self) {
        if self.pending.is_none()
            && self.quiet.is_none()
            && let Some(condition) = self.conditions.next()
        {
            self.trigger(Trigger::Past(condition));
        }
    }

    pub(super) fn trigger(&mut self, trigger: Trigger) {
        let asked = matches!(trigger, Trigger::Asked(_));
        if self.quiet.is_some() && !asked {
            self.held.get_or_insert(trigger);
            return;
        }
        match &mut self.pending {
            // What was asked for is stored whatever was stored before.
            Some(pending) if asked => {
                if let Trigger::Past(condition) = std::mem::replace(&mut pending.trigger, trigger) {
                    self.conditions.again(condition);
                }
            }
            // That incident is of something else than a stall.
            Some(Pending { trigger: Trigger::Past(_), .. }) => {
                self.held.get_or_insert(trigger);
            }
            Some(_) => {}
            None => {
                let time = match trigger {
                    Trigger::Late(late) => late.end,
                    _ => session::now(),
                };
                let ago = session::now().since(time);
                self.pending = Some(Pending {
                    trigger,
                    time,
                    realtime: session::realtime().saturating_sub(ago.0),
                    due: time.after(self.config.flight.after.0),
                    counted: false,
                });
                self.send(Job::Look);
            }
        }
    }

    pub(super) fn cut(&mut self, out: &mut Namer<Vec<u8>>) {
        let Some(pending) = self.pending.take() else { return };
        self.part(out);
        let from = pending.time.before(self.config.flight.before.0);
        self.quiet =
            Instant::now().checked_add(Duration::from_nanos(self.config.triggers.quiet.0.0));
        self.send(Job::Cut(Cut {
            trigger: pending.trigger,
            realtime: pending.realtime,
            parts: self.flight.since(from),
            from,
            to: session::now(),
        }));
    }
}
