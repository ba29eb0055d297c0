//! Records that a probe made and could not deliver.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use prometheus_client::encoding::DescriptorEncoder;

use super::{Detail, Family, lock, series};
use crate::model::Lost;
use crate::probe::PROBES;

#[derive(Debug, Default)]
struct Losses(Mutex<BTreeMap<(&'static str, &'static str), u64>>);

pub fn new(_: &Arc<Detail>) -> Arc<dyn Family> {
    Arc::new(Losses::default())
}

impl Family for Losses {
    fn lost(&self, probe: &'static str, lost: &Lost) {
        let mut losses = lock(&self.0);
        *losses.entry((probe, "ring_full")).or_default() += lost.ring_full;
        *losses.entry((probe, "rate_limited")).or_default() += lost.rate_limited;
        *losses.entry((probe, "preempted")).or_default() += lost.preempted;
        *losses.entry((probe, "unseen")).or_default() += lost.unseen;
    }

    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let losses = lock(&self.0);
        let rows = PROBES.iter().flat_map(|probe| {
            let count = |why| losses.get(&(probe.name, why)).copied().unwrap_or_default();
            ["ring_full", "rate_limited", "preempted", "unseen"]
                .map(|why| ([("probe", probe.name), ("reason", why)], count(why)))
        });
        series!(
            to,
            "lost_records",
            "Records that a probe could not deliver, and softirqs it did not see",
            None,
            counter,
            rows
        );
        Ok(())
    }
}
