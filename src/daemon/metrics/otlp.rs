//! What is pushed to an OTLP receiver.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

use prometheus_client::encoding::DescriptorEncoder;

use super::{Family, lock, series};

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// The receiver took it.
    Taken,
    /// It did not.
    Failed,
}

#[derive(Debug, Default)]
struct State {
    pushes: BTreeMap<(&'static str, Fate), u64>,
    refused: BTreeMap<&'static str, u64>,
    dropped: u64,
}

/// What is pushed to an OTLP receiver. It has series once something was.
#[derive(Debug, Default)]
pub struct Otlp(Mutex<State>);

impl Otlp {
    /// Counts a message, and what of it the receiver refused.
    pub fn count(&self, signal: &'static str, fate: Fate, refused: u64) {
        let state = &mut *lock(&self.0);
        *state.pushes.entry((signal, fate)).or_default() += 1;
        *state.refused.entry(signal).or_default() += refused;
    }

    /// Counts incidents that the receiver will not get.
    pub fn dropped(&self, count: u64) {
        lock(&self.0).dropped += count;
    }
}

impl Family for Otlp {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let state = lock(&self.0);
        let rows = state.pushes.iter().map(|((signal, fate), count)| {
            let result = match fate {
                Fate::Taken => "taken",
                Fate::Failed => "failed",
            };
            ([("signal", *signal), ("result", result)], *count)
        });
        let help = "Messages to the OTLP receiver by what became of them";
        series!(to, "otlp_pushes", help, None, counter, rows);
        let rows = state.refused.iter().map(|(signal, count)| ([("signal", *signal)], *count));
        let help = "Points and records that the OTLP receiver refused of messages that it took";
        series!(to, "otlp_refused", help, None, counter, rows);
        let help = "Incidents that the OTLP receiver did not get";
        series!(to, "otlp_dropped_incidents", help, None, one counter, state.dropped);
        Ok(())
    }
}
