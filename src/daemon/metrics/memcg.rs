//! Dying memory cgroups: removed, but still holding memory.

use std::fmt;
use std::sync::{Arc, Mutex};

use prometheus_client::encoding::DescriptorEncoder;

use super::{Detail, Family, lock, series};
use crate::model::Event;

#[derive(Debug, Default)]
struct Memcg(Mutex<Option<u64>>);

pub fn new(_: &Arc<Detail>) -> Arc<dyn Family> {
    Arc::new(Memcg::default())
}

impl Family for Memcg {
    fn event(&self, event: &Event) {
        if let Event::DyingMemcgs(d) = event {
            *lock(&self.0) = Some(d.count);
        }
    }

    /// Where they cannot be counted there is no series: none is not zero.
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let count = *lock(&self.0);
        series!(
            to,
            "dying_memory_cgroups",
            "Memory cgroups that were removed and still hold memory",
            None,
            one gauge,
            count
        );
        Ok(())
    }
}
