//! What changed between two recordings. Serialized by `stallprof diff --format json`.

use serde::Serialize;

use super::findings::{Cause, Host, Options};
use super::vector::Vector;
use crate::units::{Cpu, Nanos};

/// Number of the JSON schema; grows when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 2;

/// The whole answer.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The first recording.
    pub before: Side,
    /// The second one.
    pub after: Side,
    /// CPUs that both recorded, which are compared; empty if there are none: then all of each are.
    pub cpus: Vec<Cpu>,
    /// What counts as a stall on both sides: the higher of the two thresholds.
    pub stall_threshold: Nanos,
    /// The same for interrupt gaps.
    pub gap_threshold: Nanos,
    /// All stalls.
    pub stalls: Change,
    /// Stalls by cause and culprit, those that changed first.
    pub culprits: Vec<CulpritChange>,
    /// Latencies of all events.
    pub latencies: Vec<LatencyChange>,
    /// What makes the two hard to compare, and what was done about it.
    pub caveats: Vec<String>,
}

/// One of the two recordings.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// Which host, which kernel.
    pub host: Host,
    /// Nanoseconds since 1970 UTC at its start; 0 if unknown.
    pub start_realtime: u64,
    /// How long it was.
    pub duration: Nanos,
    /// All its CPUs, compared or not.
    pub cpus: Vec<Cpu>,
    /// Thresholds and rates it was recorded with.
    pub options: Options,
    /// All its stalls, compared or not.
    pub stalls: usize,
    /// In how many of them nobody waited but ksoftirqd: they are not compared.
    pub served_meanwhile: usize,
    /// Records that did not arrive.
    pub lost: u64,
}

/// What can be said of two counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// There were some, there are none.
    Gone,
    /// There are some, there were none.
    New,
    /// There are fewer.
    Fewer,
    /// There are more.
    More,
    /// Chance could have made this difference, or there is none.
    NotShown,
    /// Records were lost on the side that has fewer: nothing can be said.
    Lost,
}

/// Stalls before and after.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Change {
    /// How many there were.
    pub before: usize,
    /// How many there are.
    pub after: usize,
    /// The same for each minute of a recording (where no CPU is in both: of each CPU).
    pub before_per_minute: f64,
    /// As above.
    pub after_per_minute: f64,
    /// By what chance rates that are equal would differ so much or more.
    pub p: f64,
    /// What can be said.
    pub verdict: Verdict,
}

/// Stalls of one culprit for one cause before and after.
#[derive(Clone, Debug, Serialize)]
pub struct CulpritChange {
    /// Who.
    pub who: Kin,
    /// How often.
    pub stalls: Change,
    /// The longest before.
    pub worst_before: Nanos,
    /// The longest after.
    pub worst_after: Nanos,
}

/// A culprit without what differs from one recording to the next: numbers of processes, of
/// containers and of kernel workers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Kin {
    /// Why.
    pub cause: Cause,
    /// Name of the process, of the softirq or of the interrupt; `N` stands for any number.
    pub name: String,
    /// The system call, or the work of a kernel worker.
    pub doing: Option<String>,
    /// The file of that call; `N` stands for any number.
    pub file: Option<String>,
}

/// A latency before and after, all compared CPUs together.
#[derive(Clone, Debug, Serialize)]
pub struct LatencyChange {
    /// `softirq_delay`, `softirq_run` or `ksoftirqd_wait`.
    pub what: &'static str,
    /// The vector, for softirqs.
    pub vector: Option<Vector>,
    /// How many were counted before.
    pub before: u64,
    /// How many after.
    pub after: u64,
    /// The 50th, 99th and 99.9th percentile.
    pub percentiles: Vec<PercentileChange>,
}

/// A percentile before and after: within which bounds it lies, as surely as 999 of 1000.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PercentileChange {
    /// Which: 0.5, 0.99, 0.999.
    pub share: f64,
    /// Before; none where the events are too few to tell.
    pub before: Option<Bounds>,
    /// After.
    pub after: Option<Bounds>,
    /// Whether it became longer or shorter: only where the bounds lie apart.
    pub verdict: Moved,
}

/// Bounds of a percentile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bounds {
    /// It is at least this.
    pub low: Nanos,
    /// It is at most this.
    pub high: Nanos,
}

/// What can be said of a percentile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Moved {
    /// It is longer.
    Longer,
    /// It is shorter.
    Shorter,
    /// The bounds overlap.
    NotShown,
    /// Too few events on one side.
    TooFew,
}
