//! Which threads Landlock fences in.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

use prometheus_client::encoding::DescriptorEncoder;

use super::{Family, lock, series};
use crate::daemon::fence::Thread;

/// Which threads Landlock fences in.
#[derive(Debug)]
pub struct Landlock(Mutex<BTreeMap<&'static str, bool>>);

impl Default for Landlock {
    /// These two there are always.
    fn default() -> Landlock {
        Landlock(Mutex::new([Thread::Http, Thread::Store].map(|t| (t.name(), false)).into()))
    }
}

impl Landlock {
    /// Whether it does so with one.
    pub fn set(&self, thread: Thread, held: bool) {
        lock(&self.0).insert(thread.name(), held);
    }
}

impl Family for Landlock {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let held = lock(&self.0);
        let rows = held.iter().map(|(thread, held)| ([("thread", *thread)], u64::from(*held)));
        let help = "Whether Landlock limits the files of a thread";
        series!(to, "landlock_up", help, None, gauge, rows);
        Ok(())
    }
}
