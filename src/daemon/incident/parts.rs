//! Parts of the flight recorder, read as one recording.

use crate::analysis::analyse;
use crate::daemon::flight::Part;
use crate::model::findings::{Findings, Stall};
use crate::model::{Meta, Recording};
use crate::recording::{join, read_bytes};
use crate::units::Ktime;

/// The stalls that ended after a moment, and by another.
pub fn ended(parts: &[Part], after: Ktime, until: Ktime) -> Vec<Stall> {
    if parts.iter().all(|part| !part.late) {
        return Vec::new();
    }
    let Some((_, findings)) = whole(parts, Ktime(0), until) else { return Vec::new() };
    let mut stalls = findings.stalls;
    stalls.retain(|stall| {
        let end = stall.start.after(stall.duration);
        after < end && end <= until
    });
    stalls
}

/// Parts as one recording, and what the analysis makes of it.
pub fn whole(parts: &[Part], from: Ktime, to: Ktime) -> Option<(Recording, Findings)> {
    let parts: Vec<Recording> =
        parts.iter().map(|part| read_bytes(&part.bytes).ok()).collect::<Option<_>>()?;
    let (first, last) = (&parts.first()?.meta, &parts.last()?.meta);
    let start = first.start.max(from);
    let start_realtime = first.start_realtime + start.since(first.start).0;
    let meta = Meta { start, start_realtime, ..last.clone() };
    let recording = join(&parts, meta, start, to);
    let findings = analyse(&recording);
    Some((recording, findings))
}
