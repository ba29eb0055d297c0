//! Incidents and the store that keeps them.

use std::fmt;
use std::sync::Mutex;

use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::{Family, lock, series};

/// What became of an incident.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    /// It is in the store.
    Stored,
    /// One of the same cause and culprit is, and its cool-down is not over.
    Repeated,
    /// It could not be kept.
    Failed,
}

#[derive(Debug, Default)]
struct State {
    fates: [u64; 3],
    up: bool,
    kept: u64,
    bytes: u64,
}

/// Incidents and the store that keeps them.
#[derive(Debug, Default)]
pub struct Incidents(Mutex<State>);

impl Incidents {
    /// Counts an incident.
    pub fn count(&self, fate: Fate) {
        lock(&self.0).fates[fate as usize] += 1;
    }

    /// How the store is, and the sizes of what is in it; an empty list leaves them as they were
    /// where the store is down.
    pub fn store(&self, up: bool, sizes: impl Iterator<Item = u64>) {
        let state = &mut *lock(&self.0);
        state.up = up;
        let (kept, bytes) = sizes.fold((0, 0), |(n, sum), size| (n + 1, sum + size));
        if up || kept > 0 {
            (state.kept, state.bytes) = (kept, bytes);
        }
    }
}

impl Family for Incidents {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let state = lock(&self.0);
        let names = [Fate::Stored, Fate::Repeated, Fate::Failed].into_iter();
        let names = names.zip(["stored", "repeated", "failed"]);
        let fates = names.map(|(fate, name)| ([("result", name)], state.fates[fate as usize]));
        let help = "Incidents by what became of them";
        series!(to, "incidents", help, None, counter, fates);
        let up = Some(u64::from(state.up));
        series!(to, "store_up", "Whether the last incident could be stored", None, one gauge, up);
        let kept = Some(state.kept);
        series!(to, "store_incidents", "Incidents in the store", None, one gauge, kept);
        let bytes = Some(state.bytes);
        let unit = Some(&Unit::Bytes);
        series!(to, "store", "Length of all incidents in the store", unit, one gauge, bytes);
        Ok(())
    }
}
