//! How much the flight recorder holds.

use std::fmt;
use std::sync::Mutex;

use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::{Family, lock, series};
use crate::daemon::flight::Flight;

#[derive(Debug, Default)]
struct State {
    seconds: f64,
    bytes: u64,
    limit: u64,
    dropped: u64,
}

/// How much the flight recorder holds.
#[derive(Debug, Default)]
pub struct Gauges(Mutex<State>);

impl Gauges {
    /// Takes it over.
    pub fn set(&self, flight: &Flight) {
        let seconds = flight.reach().as_secs_f64();
        let (bytes, limit) = (flight.bytes(), flight.limits.bytes);
        *lock(&self.0) = State { seconds, bytes, limit, dropped: flight.dropped };
    }
}

impl Family for Gauges {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let state = lock(&self.0);
        let seconds = Some(state.seconds);
        let unit = Some(&Unit::Seconds);
        series!(to, "flight_reach", "How far back an incident can reach", unit, one gauge, seconds);
        let bytes = Some(state.bytes);
        let unit = Some(&Unit::Bytes);
        series!(to, "flight", "Memory that holds the past", unit, one gauge, bytes);
        let limit = Some(state.limit);
        let help = "Memory that the past may take, as there is";
        series!(to, "flight_limit", help, unit, one gauge, limit);
        series!(
            to,
            "flight_dropped_events",
            "Events that fell out of the flight recorder before their time, for want of memory",
            None,
            one counter,
            state.dropped
        );
        Ok(())
    }
}
