//! Memory that is left, and what is not done for want of it.

use std::fmt;
use std::sync::Mutex;

use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::{Family, lock, series};

#[derive(Debug, Default)]
struct State {
    left: Option<u64>,
    refused: u64,
}

/// Memory that is left.
#[derive(Debug, Default)]
pub struct Memory(Mutex<State>);

impl Memory {
    /// How much that is now.
    pub fn set(&self, left: u64) {
        lock(&self.0).left = Some(left);
    }

    /// Whether so much can be taken; if not, that is counted.
    pub fn has(&self, bytes: u64) -> bool {
        let state = &mut *lock(&self.0);
        let has = state.left.is_none_or(|left| bytes <= left);
        state.refused += u64::from(!has);
        has
    }
}

impl Family for Memory {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let state = lock(&self.0);
        let help = "Memory that the daemon can take, by its cgroup and by what the host has";
        series!(to, "memory_left", help, Some(&Unit::Bytes), one gauge, state.left);
        let help = "Pages and tables of recordings that were not made for want of memory";
        series!(to, "memory_refusals", help, None, one counter, state.refused);
        Ok(())
    }
}
