//! Which threads seccomp refuses system calls.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use prometheus_client::encoding::DescriptorEncoder;

use super::{Family, series};
use crate::daemon::fence::Thread;

/// Which threads seccomp refuses system calls.
#[derive(Debug, Default)]
pub struct Seccomp {
    all: AtomicBool,
    more: [AtomicBool; 2],
}

impl Seccomp {
    /// Whether it does so with all.
    pub fn set_all(&self, held: bool) {
        self.all.store(held, Ordering::Relaxed);
    }

    /// Whether it refuses one that does not measure what takes measuring.
    pub fn set(&self, thread: Thread, held: bool) {
        self.more[thread as usize].store(held, Ordering::Relaxed);
    }
}

impl Family for Seccomp {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let [http, store] = [Thread::Http, Thread::Store].map(|thread| {
            let held = self.more[thread as usize].load(Ordering::Relaxed);
            ([("thread", thread.name())], u64::from(held))
        });
        let all = ([("thread", "all")], u64::from(self.all.load(Ordering::Relaxed)));
        let help = "Whether seccomp refuses a thread the system calls that it does not need";
        series!(to, "seccomp_up", help, None, gauge, [all, http, store]);
        Ok(())
    }
}
