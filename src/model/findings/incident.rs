//! Why the daemon kept a recording, and what it copied of the host at that moment.

use serde::Serialize;

use crate::model::meta::PastLimit;

/// An incident of the daemon. What stalled is told like in any other recording.
#[derive(Clone, Debug, Serialize)]
pub struct KeptIncident {
    /// Its name in the daemon's store.
    pub id: String,
    /// What was past its threshold, or who asked, in the daemon's words.
    pub trigger: String,
    /// When, nanoseconds since 1970 UTC.
    pub time: u64,
    /// Cause of the stall that it was kept for, or the name of what was past its limit; empty if
    /// there was none.
    pub cause: String,
    /// Who is blamed for it, in the daemon's words; may be empty.
    pub culprit: String,
    /// What was past its limit, where it was kept for something other than a stall.
    pub past: Option<PastLimit>,
    /// What was copied of the host at once, in the order of reading.
    pub snapshot: Vec<SnapshotPart>,
}

/// A copied text: `report --snapshot=NAME` prints it.
#[derive(Clone, Debug, Serialize)]
pub struct SnapshotPart {
    /// Path of the file, or what else it is.
    pub name: String,
    /// Its length.
    pub bytes: usize,
}
