//! Which probes run, and by which method.

use std::fmt;
use std::sync::Mutex;

use prometheus_client::encoding::DescriptorEncoder;

use super::{Family, lock, series};
use crate::model::ProbeStatus;

/// Which probes run.
#[derive(Debug, Default)]
pub struct Probes(Mutex<Vec<ProbeStatus>>);

impl Probes {
    /// Takes over how it went.
    pub fn set(&self, probes: &[ProbeStatus]) {
        *lock(&self.0) = probes.to_vec();
    }
}

impl Family for Probes {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let probes = lock(&self.0);
        let rows = probes.iter().map(|p| {
            let method = p.method.clone().unwrap_or_else(|| "none".to_owned());
            let up = u64::from(p.method.is_some());
            (vec![("probe", p.name.clone()), ("method", method)], up)
        });
        series!(to, "probe_up", "Whether a probe runs, and by which method", None, gauge, rows);
        Ok(())
    }
}
