//! Everything that ends a run: signals, the deadline, a failed thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::clock::{kill_after, now_ns, sleep_until};

/// Longest sleep between two looks at whether to stop.
const LOOK_NS: u64 = 20_000_000;
/// Time for an orderly end before the kernel kills the process.
const GRACE: Duration = Duration::from_secs(15);

/// Asked by every loop whether to go on.
#[derive(Debug)]
pub struct Stop {
    signal: Arc<AtomicUsize>,
    done: AtomicBool,
    deadline_ns: u64,
}

impl Stop {
    /// Takes over the signals that end a run and sets its deadline.
    pub fn install(limit: Duration) -> Result<Self> {
        let signal = Arc::new(AtomicUsize::new(0));
        for number in [SIGHUP, SIGINT, SIGTERM] {
            signal_hook::flag::register_usize(number, Arc::clone(&signal), number as usize)
                .context("cannot take over signals")?;
        }
        kill_after(limit + GRACE);
        let deadline_ns = now_ns() + limit.as_nanos() as u64;
        Ok(Self { signal, done: AtomicBool::new(false), deadline_ns })
    }

    /// Ends the run.
    pub fn finish(&self) {
        self.done.store(true, Ordering::Relaxed);
    }

    /// Ends the run on an error: without one of its threads the truth would
    /// not be whole.
    pub fn on_error<T>(&self, result: Result<T>) -> Result<T> {
        result.inspect_err(|_| self.finish())
    }

    /// Whether the run is to end.
    pub fn is_set(&self) -> bool {
        self.done.load(Ordering::Relaxed) || self.signal().is_some() || now_ns() > self.deadline_ns
    }

    /// Whether the run took too long.
    pub fn timed_out(&self) -> bool {
        now_ns() > self.deadline_ns
    }

    /// The signal that came, if one did.
    pub fn signal(&self) -> Option<u8> {
        match self.signal.load(Ordering::Relaxed) {
            0 => None,
            number => u8::try_from(number).ok(),
        }
    }

    /// Sleeps until `ns`; false if the run ended meanwhile.
    pub fn sleep_until(&self, ns: u64) -> bool {
        loop {
            if self.is_set() {
                return false;
            }
            let now = now_ns();
            if now >= ns {
                return true;
            }
            sleep_until(ns.min(now + LOOK_NS));
        }
    }
}
