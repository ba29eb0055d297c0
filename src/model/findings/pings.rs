//! Late probes of a prober, joined with the stalls of a recording.

use serde::Serialize;

use super::{Cause, Context, Culprit};
use crate::units::{Cpu, Ktime, Nanos};

/// Which late probes waited in which stalls.
#[derive(Clone, Debug, Serialize)]
pub struct JoinedPings {
    /// What was probed, in words.
    pub probed: String,
    /// The clock that both have: `monotonic` on one host, `realtime` of two.
    pub clock: &'static str,
    /// How far the clocks may be apart.
    pub offset: Nanos,
    /// From when on a probe is late.
    pub late_threshold: Nanos,
    /// Probes sent while it was recorded.
    pub probes: usize,
    /// Probes sent at other times, which are left out.
    pub outside: usize,
    /// Probes that were not answered.
    pub lost: usize,
    /// Of these, sent during a stall.
    pub lost_in_stalls: usize,
    /// Late probes.
    pub late: usize,
    /// Of these, waited in recorded stalls: at least half of their time.
    pub in_stalls: usize,
    /// CPUs that receive the probes; null where that is not known, and stalls of any CPU count.
    pub received_on: Option<Vec<Cpu>>,
    /// How that is known.
    pub known_by: String,
    /// Culprits that made probes wait, the one with most probes first.
    pub waited: Vec<PingGroup>,
    /// Late probes in no recorded stall, in order, the first 100 runs of them.
    pub not_in_stalls: Vec<PingRun>,
    /// What limits the join.
    pub limits: Vec<String>,
}

/// Late probes that waited in the stalls of one culprit.
#[derive(Clone, Debug, Serialize)]
pub struct PingGroup {
    /// Who.
    pub culprit: Culprit,
    /// Why.
    pub cause: Cause,
    /// CPUs that stalled.
    pub cpus: Vec<Cpu>,
    /// Numbers of the stalls.
    pub stalls: Vec<usize>,
    /// How many probes.
    pub probes: usize,
    /// The longest round trip.
    pub worst: Nanos,
    /// Runs of them, in order, the first 100.
    pub runs: Vec<PingRun>,
    /// Where the softirqs that waited ran in the end, and how many probes that goes for; null where
    /// the recording does not tell.
    pub handled: Vec<Handled>,
}

/// Probes handled in one context.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Handled {
    /// Where.
    pub context: Option<Context>,
    /// How many.
    pub probes: usize,
}

/// Late probes with numbers next to each other.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PingRun {
    /// Number of the first.
    pub first: u64,
    /// Number of the last.
    pub last: u64,
    /// When the first was sent, by the recording's CLOCK_MONOTONIC.
    pub sent: Ktime,
    /// The longest round trip.
    pub worst: Nanos,
}
