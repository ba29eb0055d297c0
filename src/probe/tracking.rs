//! What the probes of connection tracking know of one another. The one that reads the counters of
//! each network namespace knows whether connections are tracked at all, and the one that looks at
//! every dropped packet need not where none are. Where packets were dropped, counters are read first.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Namespaces that are noted at most, until somebody takes them.
const NOTED: usize = 1000;

/// Shared by the probes of a session. Until it is known, connections may be tracked.
#[derive(Clone, Debug, Default)]
pub struct Tracking {
    nowhere: Arc<AtomicBool>,
    dropped: Arc<Mutex<BTreeSet<u64>>>,
}

impl Tracking {
    /// No network namespace that can be seen tracks a connection, or one does.
    pub fn set(&self, nowhere: bool) {
        self.nowhere.store(nowhere, Ordering::Relaxed);
    }

    /// Whether it is known that no connection is tracked.
    #[must_use]
    pub fn is_nowhere(&self) -> bool {
        self.nowhere.load(Ordering::Relaxed)
    }

    /// Netfilter dropped a packet in this network namespace.
    pub fn dropped_in(&self, netns: u64) {
        let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        if dropped.len() < NOTED {
            dropped.insert(netns);
        }
    }

    /// Where packets were dropped since this was last asked.
    #[must_use]
    pub fn take_dropped(&self) -> BTreeSet<u64> {
        std::mem::take(&mut self.dropped.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
