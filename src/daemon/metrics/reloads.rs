//! Reloads of the configuration.

use std::fmt;
use std::sync::Mutex;

use prometheus_client::encoding::DescriptorEncoder;

use super::{Family, lock, series};

#[derive(Debug)]
struct State {
    done: u64,
    refused: u64,
    good: bool,
}

/// Reloads of the configuration.
#[derive(Debug)]
pub struct Reloads(Mutex<State>);

impl Default for Reloads {
    fn default() -> Reloads {
        Reloads(Mutex::new(State { done: 0, refused: 0, good: true }))
    }
}

impl Reloads {
    /// Counts one.
    pub fn count(&self, good: bool) {
        let state = &mut *lock(&self.0);
        state.good = good;
        *if good { &mut state.done } else { &mut state.refused } += 1;
    }
}

impl Family for Reloads {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let state = lock(&self.0);
        let rows = [([("result", "done")], state.done), ([("result", "refused")], state.refused)];
        series!(to, "config_reloads", "Reloads of the configuration", None, counter, rows);
        let good = Some(u64::from(state.good));
        let help = "Whether the configuration in the file is the one in force";
        series!(to, "config_up_to_date", help, None, one gauge, good);
        Ok(())
    }
}
