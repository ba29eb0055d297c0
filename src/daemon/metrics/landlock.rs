//! Which threads Landlock fences in.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use prometheus_client::encoding::DescriptorEncoder;

use super::{Family, series};
use crate::daemon::fence::Thread;

/// Which threads Landlock fences in.
#[derive(Debug, Default)]
pub struct Landlock([AtomicBool; 2]);

impl Landlock {
    /// Whether it does so with one.
    pub fn set(&self, thread: Thread, held: bool) {
        self.0[thread as usize].store(held, Ordering::Relaxed);
    }
}

impl Family for Landlock {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let rows = [Thread::Http, Thread::Store].map(|thread| {
            let held = self.0[thread as usize].load(Ordering::Relaxed);
            ([("thread", thread.name())], u64::from(held))
        });
        let help = "Whether Landlock limits the files of a thread";
        series!(to, "landlock_up", help, None, gauge, rows);
        Ok(())
    }
}
