//! Which threads seccomp refuses system calls.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

use prometheus_client::encoding::DescriptorEncoder;

use super::{Family, lock, series};
use crate::daemon::fence::Thread;

/// What stands for all threads.
const ALL: &str = "all";

/// Which threads seccomp refuses system calls.
#[derive(Debug)]
pub struct Seccomp(Mutex<BTreeMap<&'static str, bool>>);

impl Default for Seccomp {
    /// These there are always.
    fn default() -> Seccomp {
        let threads = [ALL, Thread::Http.name(), Thread::Store.name()];
        Seccomp(Mutex::new(threads.map(|name| (name, false)).into()))
    }
}

impl Seccomp {
    /// Whether it does so with all.
    pub fn set_all(&self, held: bool) {
        lock(&self.0).insert(ALL, held);
    }

    /// Whether it refuses one that does not measure what takes measuring.
    pub fn set(&self, thread: Thread, held: bool) {
        lock(&self.0).insert(thread.name(), held);
    }
}

impl Family for Seccomp {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let held = lock(&self.0);
        let rows = held.iter().map(|(thread, held)| ([("thread", *thread)], u64::from(*held)));
        let help = "Whether seccomp refuses a thread the system calls that it does not need";
        series!(to, "seccomp_up", help, None, gauge, rows);
        Ok(())
    }
}
