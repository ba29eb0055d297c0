//! What may change under a daemon: CPUs that go and come, and the wall clock.

use crate::host::{CpuList, HostRoot};
use crate::session;
use crate::units::Cpu;

/// Where the wall clock is before or after this, it was stepped; slewing moves it by 5 ms in 10 s.
const STEP: i64 = 1_000_000_000;

/// What the host was like the last time.
#[derive(Debug)]
pub struct Rounds {
    online: Option<CpuList>,
    /// The wall clock less the monotonic one, nanoseconds.
    ahead: i64,
}

/// What changed since.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// CPUs that went offline.
    pub gone: Vec<Cpu>,
    /// CPUs that came online.
    pub come: Vec<Cpu>,
    /// By how much the wall clock was stepped, nanoseconds.
    pub step: Option<i64>,
}

impl Rounds {
    /// As the host is now.
    #[must_use]
    pub fn begin(root: &HostRoot) -> Rounds {
        Rounds { online: CpuList::online(root).ok(), ahead: ahead() }
    }

    /// Looks again: one file and two clocks.
    pub fn look(&mut self, root: &HostRoot) -> Changes {
        let mut changes = Changes { step: step(&mut self.ahead, ahead()), ..Changes::default() };
        // Where it cannot be read nothing is known to have changed.
        if let Ok(now) = CpuList::online(root) {
            if let Some(before) = self.online.as_ref().filter(|before| **before != now) {
                changes.gone = without(before, &now);
                changes.come = without(&now, before);
            }
            self.online = Some(now);
        }
        changes
    }
}

fn without(these: &CpuList, those: &CpuList) -> Vec<Cpu> {
    these.cpus().iter().copied().filter(|cpu| !those.contains(*cpu)).collect()
}

fn ahead() -> i64 {
    session::realtime().wrapping_sub(session::now().0).cast_signed()
}

/// The step, if it is one. Slewing is followed, so that it does not add up to one.
fn step(before: &mut i64, now: i64) -> Option<i64> {
    let by = now.wrapping_sub(std::mem::replace(before, now));
    (by.unsigned_abs() >= STEP.unsigned_abs()).then_some(by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_told_from_slewing() {
        let mut ahead = 1_700_000_000_000_000_000;
        for _ in 0..10_000 {
            let slewed = ahead + 5_000_000;
            assert_eq!(step(&mut ahead, slewed), None);
        }
        for by in [STEP, -STEP, 3_600 * STEP, -40 * 365 * 86_400 * STEP] {
            let stepped = ahead + by;
            assert_eq!(step(&mut ahead, stepped), Some(by));
            let same = ahead;
            assert_eq!(step(&mut ahead, same), None);
        }
    }
}
