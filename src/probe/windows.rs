//! When a program that is passed by every packet is on its tracepoint: all the time, or where
//! packets come fast for a moment now and then. The moments are drawn by chance, so that bursts
//! cannot be in step with them.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::time::{Duration, Instant};

use super::hook::Hook;

/// How long a period is in which packets do not come fast.
const PERIOD: Duration = Duration::from_secs(1);
/// So much of it tells whether they do.
const TRIAL: Duration = Duration::from_millis(100);
/// How long a program looks at a flood before it rests for `REST` times as long in the mean: many
/// short looks tell more than few long ones.
const LOOK: Duration = Duration::from_millis(20);
const REST: f64 = 9.0;
/// Packets a second on one CPU that are fast: that they pass costs more than 0.2 % of it.
const FAST: f64 = 20_000.0;

/// What a program does just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Packets do not come fast: it sees them all.
    Watching,
    /// They do: it sees them for a moment.
    Looking,
    /// It is off its tracepoint.
    Resting,
}

/// Which phase follows which, and when.
pub struct Schedule {
    phase: Phase,
    /// When the phase began, or the period of one that goes on.
    began: Instant,
    due: Instant,
    random: u64,
}

impl Schedule {
    /// Begins to watch. No two seeds draw alike.
    pub fn new(now: Instant, seed: u64) -> Schedule {
        Schedule { phase: Phase::Watching, began: now, due: now + PERIOD, random: seed }
    }

    /// The phase that begins now, of any kind; none as long as the last one goes on. `most` tells
    /// how many packets passed on one CPU since the last began; where resting is not `allowed`, the
    /// program stays attached, or comes back.
    pub fn turn(&mut self, now: Instant, allowed: bool, most: impl Fn() -> u64) -> Option<Phase> {
        let took = now - self.began;
        let fast = || most() as f64 > FAST * took.as_secs_f64();
        let (next, length) = match self.phase {
            Phase::Watching if allowed && took >= TRIAL && fast() => (Phase::Looking, LOOK),
            Phase::Looking if now < self.due => return None,
            Phase::Looking if allowed && fast() => {
                (Phase::Resting, took.mul_f64(REST * (0.5 + self.chance())))
            }
            Phase::Resting if allowed && now < self.due => return None,
            Phase::Resting => (Phase::Looking, LOOK),
            Phase::Watching if now < self.due => return None,
            Phase::Watching | Phase::Looking => (Phase::Watching, PERIOD),
        };
        (self.phase, self.began, self.due) = (next, now, now + length);
        Some(next)
    }

    /// From 0 to 1, evenly: the upper bits of a linear congruential generator.
    fn chance(&mut self) -> f64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.random >> 33) as f64 / f64::from(1_u32 << 31)
    }
}

/// A program and when it is on its tracepoint.
pub struct Windows {
    /// None where the program stays attached all the time.
    hook: Option<Hook>,
    schedule: Schedule,
}

/// The end of a time for which a program was, or was not, on its tracepoint.
#[derive(Clone, Copy)]
pub struct Ended {
    /// It was off.
    pub paused: bool,
}

impl Windows {
    /// Attaches the program.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn begin(mut hook: Option<Hook>) -> io::Result<Windows> {
        hook.as_mut().map_or(Ok(()), Hook::attach)?;
        let seed = RandomState::new().build_hasher().finish();
        Ok(Windows { hook, schedule: Schedule::new(Instant::now(), seed) })
    }

    /// Whether the program is off its tracepoint.
    pub fn is_resting(&self) -> bool {
        self.schedule.phase == Phase::Resting
    }

    /// Goes on, and says if a time has ended. See [`Schedule::turn`].
    ///
    /// # Errors
    /// It cannot be attached again: it goes on resting.
    pub fn turn(
        &mut self,
        allowed: bool,
        most: impl Fn() -> u64,
    ) -> (Option<Ended>, io::Result<()>) {
        let (now, paused) = (Instant::now(), self.is_resting());
        let Some(next) = self.schedule.turn(now, allowed && self.hook.is_some(), most) else {
            return (None, Ok(()));
        };
        let mut attached = Ok(());
        if let Some(hook) = &mut self.hook {
            match next {
                Phase::Resting => hook.detach(),
                _ => attached = hook.attach(),
            }
        }
        if attached.is_err() {
            (self.schedule.phase, self.schedule.due) = (Phase::Resting, now + PERIOD);
        }
        (Some(Ended { paused }), attached)
    }
}

#[cfg(test)]
mod tests;
