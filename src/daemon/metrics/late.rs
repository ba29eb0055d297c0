//! Whatever was past the stall threshold, by kind: known at once, before any analysis.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use prometheus_client::encoding::DescriptorEncoder;

use super::{Detail, Family, lock, series};
use crate::model::Event;
use crate::model::findings::StallKind;

#[derive(Debug, Default)]
struct Late(Mutex<BTreeMap<StallKind, u64>>);

pub fn new(_: &Arc<Detail>) -> Arc<dyn Family> {
    Arc::new(Late::default())
}

impl Family for Late {
    fn event(&self, event: &Event) {
        if let Some(late) = event.late() {
            *lock(&self.0).entry(late.kind).or_default() += 1;
        }
    }

    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let counts = lock(&self.0);
        let count = |kind| counts.get(&kind).copied().unwrap_or_default();
        let rows = StallKind::ALL.map(|kind| ([("kind", kind.name())], count(kind)));
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
