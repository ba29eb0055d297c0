//! Steps of the wall clock: times of incidents before and after one do not compare.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::DescriptorEncoder;

use super::{Family, series};

/// Steps of the wall clock.
#[derive(Debug, Default)]
pub struct Clock(AtomicU64);

impl Clock {
    /// Counts one.
    pub fn stepped(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Family for Clock {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Steps of the wall clock by a second or more";
        series!(to, "clock_steps", help, None, one counter, self.0.load(Ordering::Relaxed));
        Ok(())
    }
}
