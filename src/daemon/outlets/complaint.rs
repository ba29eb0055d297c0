//! What is said of a receiver that fails: at once, then seldom, and when it is over.

use std::fmt::Display;
use std::time::{Duration, Instant};

use crate::daemon::log::say;

/// While it goes on it is said this often.
const AGAIN: Duration = Duration::from_secs(600);

/// A receiver that may fail.
pub struct Complaint {
    what: &'static str,
    failed: u64,
    said: Option<Instant>,
}

impl Complaint {
    /// No failure yet; `what` is done by it.
    pub fn new(what: &'static str) -> Complaint {
        Complaint { what, failed: 0, said: None }
    }

    /// It failed.
    pub fn failed(&mut self, why: &dyn Display) {
        self.failed += 1;
        if self.said.is_none_or(|said| said.elapsed() >= AGAIN) {
            self.said = Some(Instant::now());
            let (what, n) = (self.what, self.failed);
            say(&format_args!("{what} failed ({n} so far): {why}; it is tried again"));
        }
    }

    /// It worked.
    pub fn worked(&mut self) {
        if self.said.take().is_some() {
            say(&format_args!("{} works again, failures: {}", self.what, self.failed));
        }
        self.failed = 0;
    }
}
