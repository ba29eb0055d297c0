//! Why the daemon kept a recording: told by it, not concluded here.

use crate::model::Recording;
use crate::model::findings::{KeptIncident, SnapshotPart};

/// The incident that a recording is of; none if it was asked for.
pub fn incident(recording: &Recording) -> Option<KeptIncident> {
    let kept = recording.meta.incident.as_ref()?;
    let parts = recording.snapshots.iter().map(|s| SnapshotPart {
        name: recording.str(s.name).to_owned(),
        bytes: recording.str(s.text).len(),
    });
    Some(KeptIncident {
        id: kept.id.clone(),
        trigger: kept.trigger.clone(),
        time: kept.time,
        cause: kept.cause.clone(),
        culprit: kept.culprit.clone(),
        past: kept.past.clone(),
        snapshot: parts.collect(),
    })
}
