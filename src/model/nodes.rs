//! Several recordings of one incident. Serialized by `stallprof report A B ... --format json`.

use serde::Serialize;

use super::difference::Kin;
use super::findings::{Cause, Culprit, Host};
use super::health::Severity;
use super::vector::Vector;
use crate::units::{Cpu, Nanos};

/// Number of the JSON schema; grows when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// The whole answer.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Nodes {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The recordings, in the order they were given. Elsewhere they are named by their number,
    /// from 1.
    pub nodes: Vec<Node>,
    /// Stalls by cause and node, most frequent causes first.
    pub causes: Vec<CauseRow>,
    /// Culprits of all nodes, the one that held CPUs longest first.
    pub culprits: Vec<KinGroup>,
    /// The worst stalls of all.
    pub worst: Vec<WorstStall>,
    /// What the checks of node health found that hurts or will, the worst and most frequent first.
    pub health: Vec<NodesHealth>,
    /// Latencies of all events of all nodes.
    pub latencies: Vec<MergedLatency>,
    /// What a reader must know: clocks, thresholds that differ, losses.
    pub notes: Vec<String>,
}

/// One recording.
#[derive(Clone, Debug, Serialize)]
pub struct Node {
    /// Its file, where it may be told.
    pub file: Option<String>,
    /// Which host, which kernel.
    pub host: Host,
    /// Nanoseconds since 1970 UTC at its start, by that host's clock; 0 if unknown.
    pub start_realtime: u64,
    /// How long it was.
    pub duration: Nanos,
    /// It was ended in order.
    pub complete: bool,
    /// What counted as a stall.
    pub stall_threshold: Nanos,
    /// What counted as an interrupt gap.
    pub gap_threshold: Nanos,
    /// CPUs recorded.
    pub cpus: usize,
    /// Stalls.
    pub stalls: usize,
    /// In how many of them nobody waited but ksoftirqd.
    pub served_meanwhile: usize,
    /// The longest of the others; of these where there are no others.
    pub worst: Nanos,
    /// The others together.
    pub total: Nanos,
    /// Records that did not arrive.
    pub lost: u64,
    /// Measures that did not run, by name.
    pub not_measured: Vec<String>,
    /// The worst that the checks of its health found; none where they were not asked.
    pub health: Option<Severity>,
}

impl Node {
    /// Its stalls in which somebody waited.
    #[must_use]
    pub fn harmed(&self) -> usize {
        self.stalls.saturating_sub(self.served_meanwhile)
    }
}

/// What one check found, on whichever nodes.
#[derive(Clone, Debug, Serialize)]
pub struct NodesHealth {
    /// Name of the check.
    pub check: String,
    /// The worst it found.
    pub severity: Severity,
    /// Nodes on which it found something.
    pub nodes: Vec<usize>,
    /// What it found: of the first node with the worst of it.
    pub value: String,
    /// Why it matters.
    pub why: String,
    /// What helps.
    pub help: String,
}

/// How often a cause came on each node.
#[derive(Clone, Debug, Serialize)]
pub struct CauseRow {
    /// Which.
    pub cause: Cause,
    /// Stalls on each node, in order.
    pub stalls: Vec<usize>,
}

/// Stalls of one culprit for one cause, on whichever nodes.
#[derive(Clone, Debug, Serialize)]
pub struct KinGroup {
    /// Who, without numbers of processes.
    pub who: Kin,
    /// How many stalls.
    pub stalls: usize,
    /// Nodes it happened on.
    pub nodes: Vec<usize>,
    /// Sum of their lengths.
    pub total: Nanos,
    /// Median of their lengths.
    pub median: Nanos,
    /// The longest.
    pub worst: Nanos,
}

/// A stall of a node.
#[derive(Clone, Debug, Serialize)]
pub struct WorstStall {
    /// Number of the node.
    pub node: usize,
    /// Number of the stall in that recording.
    pub stall: usize,
    /// The CPU.
    pub cpu: Cpu,
    /// When it began, by that host's clock: nanoseconds since 1970 UTC, where known.
    pub start_realtime: Option<u64>,
    /// How long.
    pub duration: Nanos,
    /// Why.
    pub cause: Cause,
    /// Who.
    pub culprit: Culprit,
}

/// A latency of all nodes and CPUs.
#[derive(Clone, Debug, Serialize)]
pub struct MergedLatency {
    /// `softirq_delay`, `softirq_run` or `ksoftirqd_wait`.
    pub what: &'static str,
    /// The vector, for softirqs.
    pub vector: Option<Vector>,
    /// How many nodes counted it.
    pub nodes: usize,
    /// How many were counted.
    pub count: u64,
    /// Half were at most this.
    pub p50: Nanos,
    /// 99 % were at most this.
    pub p99: Nanos,
    /// 99.9 % were at most this.
    pub p999: Nanos,
    /// The longest.
    pub max: Nanos,
    /// Upper end of each bucket that is not empty, in order, and how many fell into it: for curves.
    #[serde(skip)]
    pub buckets: Vec<(Nanos, u64)>,
}
