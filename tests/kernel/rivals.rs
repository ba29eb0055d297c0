//! Threads that take turns on the CPU that is recorded, while ksoftirqd waits for it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::host::{cpu, stallgen, stallprof, succeeded};

const EVERY: Duration = Duration::from_millis(61);
/// Above what stallgen makes, which is there for the softirqs that ksoftirqd is woken for.
pub const FIFO: (i32, i32) = (libc::SCHED_FIFO, 3);
pub const OTHER: (i32, i32) = (libc::SCHED_OTHER, 0);

/// Policy and priority of the calling thread.
pub fn schedule((policy, priority): (i32, i32)) {
    let priority = libc::sched_param { sched_priority: priority };
    // SAFETY: plain data of the right size; it acts on the calling thread.
    assert_eq!(unsafe { libc::sched_setscheduler(0, policy, &raw const priority) }, 0);
}

/// Keeps the calling thread on the CPU that is recorded.
pub fn pin() {
    // SAFETY: plain data of the right size; it acts on the calling thread.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu() as usize, &mut set);
        assert_eq!(libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set), 0);
    }
}

pub fn spin(length: Duration) {
    let clock = Instant::now();
    while clock.elapsed() < length {}
}

/// Turns that come round for as long as a recording lasts.
pub struct Rounds {
    began: Instant,
    stop: AtomicBool,
}

impl Rounds {
    pub fn new() -> Rounds {
        Rounds { began: Instant::now(), stop: AtomicBool::new(false) }
    }

    /// Takes a turn in each of them, so much after it began.
    pub fn each(&self, after: Duration, turn: impl Fn()) {
        for round in 1.. {
            let next = EVERY * round + after;
            std::thread::sleep(next.saturating_sub(self.began.elapsed()));
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            turn();
        }
    }

    /// Records stallgen, which has ksoftirqd woken, and ends them.
    pub fn record(&self, recording: &Path) {
        let output = stallprof()
            .args(["record", "-C", &cpu().to_string(), "-o"])
            .arg(recording)
            .arg("--")
            .arg(stallgen())
            .args(["fifo", "--cpu", &cpu().to_string(), "--count", "40", "--truth", "/dev/null"])
            .output();
        self.stop.store(true, Ordering::Relaxed);
        succeeded(&output.unwrap());
    }
}
