//! What the analysis concludes from a recording. Renderers know this and nothing of kernels.
//!
//! Serialized as JSON by `stallprof report --format json`; `docs/findings.md` is its schema.
//! Durations and moments are integers in nanoseconds.

use serde::Serialize;

use super::meta::ProbeStatus;
use super::vector::Vector;
use crate::units::{Cpu, Ktime, Nanos};

mod cause;
mod conntrack;
mod cpu;
mod culprit;
mod files;
mod health;
mod incident;
mod pings;
mod received;
mod stall;

pub use cause::Cause;
pub use conntrack::{
    Conntrack, CtCounter, CtNamespace, CtShare, CtVerdict, FailedFlow, SnatRules, Translation,
};
pub use cpu::{CauseCount, CpuCulprit, CpuSummary, KindCount, VectorCount};
pub use culprit::{Culprit, Evidence, Functions, TaskCulprit, Workload};
pub use files::{CpuShare, DyingTrend, FileReadGroup, RstatTimes, SlowFileCall, SlowFileGroup};
pub use health::{Health, HealthFinding};
pub use incident::{KeptIncident, SnapshotPart};
pub use pings::{Handled, JoinedPings, PingGroup, PingRun};
pub use received::{
    Balance, Examined, Place, Protocols, Received, ReceivedCpu, ReceivedDevice, ReceivedFlow,
};
pub use stall::{Context, HandoffParts, Measure, Stall, StallKind};

/// Number of the JSON schema; grows when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// The whole answer.
#[derive(Clone, Debug, Serialize)]
pub struct Findings {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Version of the stallprof that recorded.
    pub recorded_by: String,
    /// Commit that it was built from; none if unknown.
    pub build: Option<String>,
    /// The command that recorded.
    pub command: Vec<String>,
    /// Why the daemon kept this recording; none of one that was asked for, or redacted.
    pub incident: Option<KeptIncident>,
    /// Which host, which kernel.
    pub host: Host,
    /// When.
    pub window: Window,
    /// Thresholds and rates it was recorded with.
    pub options: Options,
    /// One entry for each recorded CPU, in order.
    pub cpus: Vec<CpuSummary>,
    /// Culprits, the one that held CPUs longest first.
    pub culprits: Vec<CulpritGroup>,
    /// Every stall, in order of time.
    pub stalls: Vec<Stall>,
    /// Latencies from the in-kernel histograms: every event counts, not only stalls.
    pub latencies: Vec<Latency>,
    /// Slow system calls by task, call and file, longest total first.
    pub slow_calls: Vec<SlowCallGroup>,
    /// Those of files on cgroupfs and procfs, by process and kind of file, longest total first.
    pub slow_files: Vec<SlowFileGroup>,
    /// Each of these calls, in order of time.
    pub slow_file_calls: Vec<SlowFileCall>,
    /// All reads of such files, by process and file, longest total first.
    pub file_reads: Vec<FileReadGroup>,
    /// How the number of dying memory cgroups went; none if they were not counted.
    pub dying_trend: Option<DyingTrend>,
    /// What helps against slow files.
    pub advice: Vec<String>,
    /// Where packets came in; none where that was not recorded.
    pub received: Option<Received>,
    /// Connection tracking; none if it was not recorded.
    pub conntrack: Option<Conntrack>,
    /// Health of the node; none if it was not recorded.
    pub health: Option<Health>,
    /// Records that did not arrive, by probe.
    pub lost: Vec<LostRecords>,
    /// Measures and methods; those that did not run say why.
    pub probes: Vec<ProbeStatus>,
    /// What a reader must know to judge the numbers: the sampler's own influence, damage of the
    /// file, limits.
    pub notes: Vec<String>,
}

impl Findings {
    /// The stall of a number; none if there is none of it.
    #[must_use]
    pub fn stall(&self, id: usize) -> Option<&Stall> {
        let at = self.stalls.binary_search_by_key(&id, |s| s.id).ok()?;
        self.stalls.get(at)
    }

    /// The worst stall by [`Stall::rank`], the first of equals; none if there is none.
    #[must_use]
    pub fn worst(&self) -> Option<&Stall> {
        self.stalls.iter().min_by_key(|s| (std::cmp::Reverse(s.rank()), s.id))
    }
}

/// The recorded host.
#[derive(Clone, Debug, Serialize)]
pub struct Host {
    /// Host name.
    pub name: String,
    /// `uname -r`.
    pub kernel: String,
    /// Preemption model, where known.
    pub preemption: Option<String>,
    /// Dying memory cgroups, the most that were counted at any time; none if they were not.
    pub dying_memcgs: Option<u64>,
    /// A virtual machine that counts no steal time: a CPU that the hypervisor took away looks as if
    /// a task had interrupts off.
    pub no_steal_time: bool,
}

/// The time that a recording covers.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Window {
    /// CLOCK_MONOTONIC.
    pub start: Ktime,
    /// CLOCK_MONOTONIC.
    pub end: Ktime,
    /// Nanoseconds since 1970 UTC at `start`.
    pub start_realtime: u64,
    /// The recording was ended in order; else it was cut short.
    pub complete: bool,
}

/// Thresholds and rates.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Options {
    /// What counts as a stall.
    pub stall_threshold: Nanos,
    /// What counts as an interrupt gap.
    pub gap_threshold: Nanos,
    /// Period of the sampler; 0 if it did not run.
    pub sample_period: Nanos,
    /// What counts as a slow system call.
    pub syscall_min: Nanos,
}

/// Stalls by the same culprit for the same cause; those in which only ksoftirqd waited apart.
#[derive(Clone, Debug, Serialize)]
pub struct CulpritGroup {
    /// Who.
    pub culprit: Culprit,
    /// Why.
    pub cause: Cause,
    /// In these nobody waited but ksoftirqd: [`Stall::served_meanwhile`].
    pub served_meanwhile: bool,
    /// CPUs it happened on.
    pub cpus: Vec<Cpu>,
    /// Numbers of its stalls.
    pub stalls: Vec<usize>,
    /// Sum of their durations.
    pub total: Nanos,
    /// Median of their durations.
    pub median: Nanos,
    /// The longest.
    pub worst: Nanos,
    /// Stack of the longest one, innermost first.
    #[serde(serialize_with = "culprit::names")]
    pub stack: Functions,
}

/// A latency of one CPU, from a histogram with buckets of at most 6.25 %.
#[derive(Clone, Debug, Serialize)]
pub struct Latency {
    /// `softirq_delay`, `softirq_run` or `ksoftirqd_wait`.
    pub what: &'static str,
    /// The CPU.
    pub cpu: Cpu,
    /// The vector, for softirqs.
    pub vector: Option<Vector>,
    /// How many were counted.
    pub count: u64,
    /// Half were at most this.
    pub p50: Nanos,
    /// 99 % were at most this.
    pub p99: Nanos,
    /// 99.9 % were at most this.
    pub p999: Nanos,
    /// The longest: exact where it was a stall, else the upper end of its bucket.
    pub max: Nanos,
}

/// Slow system calls of one task on one file.
#[derive(Clone, Debug, Serialize)]
pub struct SlowCallGroup {
    /// Who called, and what: `syscall` and `file` are those of the call.
    pub task: TaskCulprit,
    /// How often.
    pub calls: usize,
    /// The longest.
    pub worst: Nanos,
    /// Median.
    pub median: Nanos,
    /// All together.
    pub total: Nanos,
    /// CPU time of all together.
    pub on_cpu: Nanos,
    /// How many of them slept.
    pub slept: usize,
    /// CPUs they returned on.
    pub cpus: Vec<Cpu>,
    /// `cgroup` or `proc` for those in `slow_files`; none for others.
    pub filesystem: Option<&'static str>,
}

/// Records that did not arrive.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LostRecords {
    /// Which probe.
    pub probe: String,
    /// The ring buffer was full.
    pub ring_full: u64,
    /// Held back by the rate limit.
    pub rate_limited: u64,
    /// Another task had been preempted while it made one on that CPU.
    pub preempted: u64,
    /// No records: softirqs that the kernel entered without running our program for it.
    pub unseen: u64,
}

impl LostRecords {
    /// Records, for whatever reason.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.ring_full.saturating_add(self.rate_limited).saturating_add(self.preempted)
    }
}
