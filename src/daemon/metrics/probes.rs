//! Which probes run, and by which method.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::DescriptorEncoder;

use super::{Family, lock, series};
use crate::model::ProbeStatus;

/// Which probes run.
#[derive(Debug, Default)]
pub struct Probes {
    now: Mutex<Vec<ProbeStatus>>,
    restarts: AtomicU64,
}

impl Probes {
    /// Takes over how it went.
    pub fn set(&self, probes: &[ProbeStatus]) {
        *lock(&self.now) = probes.to_vec();
    }

    /// They were started anew.
    pub fn restarted(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }
}

impl Family for Probes {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let probes = lock(&self.now);
        let rows = probes.iter().map(|p| {
            let method = p.method.clone().unwrap_or_else(|| "none".to_owned());
            let up = u64::from(p.method.is_some());
            (vec![("probe", p.name.clone()), ("method", method)], up)
        });
        series!(to, "probe_up", "Whether a probe runs, and by which method", None, gauge, rows);
        let help = "Times that the probes were started anew";
        let restarts = self.restarts.load(Ordering::Relaxed);
        series!(to, "probe_restarts", help, None, one counter, restarts);
        Ok(())
    }
}
