//! Whether connections are tracked on this host: the probe that reads the counters of each network
//! namespace knows, and the one that looks at every dropped packet need not where none are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shared by the probes of a session. Until it is known, connections may be tracked.
#[derive(Clone, Debug, Default)]
pub struct Tracking {
    nowhere: Arc<AtomicBool>,
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
}
