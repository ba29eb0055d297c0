//! Copies of incidents in object storage.

use std::fmt;
use std::sync::Mutex;

use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::{Family, lock, series};

/// What became of an incident.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    /// All of it was copied.
    Copied,
    /// An attempt to copy it failed.
    Failed,
    /// It left the store before it was copied.
    Gone,
}

const FATES: [(Fate, &str); 3] =
    [(Fate::Copied, "copied"), (Fate::Failed, "failed"), (Fate::Gone, "gone")];

#[derive(Debug, Default)]
struct State {
    fates: [u64; 3],
    bytes: u64,
    waiting: Option<u64>,
    up: Option<bool>,
}

/// Copies of incidents in object storage.
#[derive(Debug, Default)]
pub struct Upload(Mutex<State>);

impl Upload {
    /// Counts what became of incidents.
    pub fn count(&self, fate: Fate, count: u64) {
        lock(&self.0).fates[fate as usize] += count;
    }

    /// Counts bytes that were sent.
    pub fn sent(&self, bytes: u64) {
        lock(&self.0).bytes += bytes;
    }

    /// How many incidents of the store are not copied yet.
    pub fn waiting(&self, count: usize) {
        lock(&self.0).waiting = Some(count as u64);
    }

    /// Whether the last request was answered as it should be.
    pub fn up(&self, up: bool) {
        lock(&self.0).up = Some(up);
    }
}

impl Family for Upload {
    /// Without a bucket there are no gauges.
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let state = lock(&self.0);
        let rows = FATES.map(|(fate, name)| ([("result", name)], state.fates[fate as usize]));
        let help = "Attempts to copy incidents to object storage by what became of them";
        series!(to, "upload_incidents", help, None, counter, rows);
        let unit = Some(&Unit::Bytes);
        let help = "Length of what was copied to object storage";
        series!(to, "upload", help, unit, one counter, state.bytes);
        let help = "Incidents of the store that are not in object storage yet";
        series!(to, "upload_waiting_incidents", help, None, one gauge, state.waiting);
        let help = "Whether the last request to object storage worked";
        series!(to, "upload_up", help, None, one gauge, state.up.map(u64::from));
        Ok(())
    }
}
