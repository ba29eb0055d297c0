//! Whatever was past the stall threshold, by kind: known at once, before any analysis.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use prometheus_client::encoding::DescriptorEncoder;

use super::{Detail, Family, lock, series};
use crate::daemon::trigger::lateness;
use crate::model::Event;

#[derive(Debug, Default)]
struct Late(Mutex<BTreeMap<&'static str, u64>>);

pub fn new(_: &Arc<Detail>) -> Arc<dyn Family> {
    Arc::new(Late::default())
}

impl Family for Late {
    fn event(&self, event: &Event) {
        if let Some((what, ..)) = lateness(event) {
            *lock(&self.0).entry(what).or_default() += 1;
        }
    }

    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let counts = lock(&self.0);
        let rows = ["softirq_delay", "softirq_run", "handoff", "interrupt_gap"]
            .map(|kind| ([("kind", kind)], counts.get(kind).copied().unwrap_or_default()));
        series!(
            to,
            "latenesses",
            "Latenesses past the stall threshold, by kind; one stall may have several",
            None,
            counter,
            rows
        );
        Ok(())
    }
}
