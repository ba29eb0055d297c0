//! What is going on now: the last seconds and minutes of a host, for those who watch. Made by the
//! daemon and by `stallprof top`; as JSON at the daemon's `/live` (`docs/daemon.md` tells its fields).

use serde::{Deserialize, Serialize};

use crate::units::Nanos;

/// Number of the JSON schema; grows when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;
/// Length of a step of the strips.
pub const STEP: Nanos = Nanos(2_000_000_000);
/// How many steps are kept: five minutes.
pub const STEPS: u64 = 150;
/// The intervals that latencies can be asked for, whole seconds.
pub const INTERVALS: std::ops::RangeInclusive<u64> = 2..=30;

/// A host, now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Live {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Version of the stallprof that measures.
    pub version: String,
    /// Host name.
    pub host: String,
    /// `uname -r`.
    pub kernel: String,
    /// When this was, nanoseconds since 1970 UTC.
    pub realtime: u64,
    /// For how long it has been measuring.
    pub running: Nanos,
    /// The latencies are of the last so long; none were counted where it is 0.
    pub interval: Nanos,
    /// What counts as late.
    pub stall_threshold: Nanos,
    /// What counts as an interrupt gap.
    pub gap_threshold: Nanos,
    /// Length of a step of the strips.
    pub step: Nanos,
    /// How many steps a strip has.
    pub steps: u64,
    /// The probes that run.
    pub probes: Vec<String>,
    /// What is not measured, and why.
    pub missing: Vec<Missing>,
    /// Records that were lost since the start.
    pub lost: u64,
    /// Records that were lost in the last five minutes.
    pub lost_lately: u64,
    /// What the measuring process takes.
    pub own: Own,
    /// The measured CPUs, in order.
    pub cpus: Vec<LiveCpu>,
    /// Stalls that ended up to so long ago are among the culprits' already; none if none was
    /// looked for yet.
    pub analysed: Option<Nanos>,
    /// Who stalled CPUs in the last five minutes, the longest time first.
    pub culprits: Vec<LiveCulprit>,
    /// Stalls of the last five minutes that found no room in the list.
    pub left_out: u64,
}

/// Probes that do not run, for one reason.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Missing {
    /// Their names.
    pub probes: Vec<String>,
    /// Why.
    pub reason: String,
}

/// What the measuring process takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Own {
    /// CPU time since the start.
    pub cpu: Nanos,
    /// Resident memory, bytes; 0 where unknown.
    pub memory: u64,
}

/// A CPU, now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LiveCpu {
    /// Its number.
    pub cpu: u32,
    /// Softirq delays of the interval, all vectors together; none if there were none.
    pub delay: Option<Spread>,
    /// The same for each vector that had any.
    pub vectors: Vec<(String, Spread)>,
    /// The ksoftirqd waits: its wake to its switch in.
    pub ksoftirqd: Option<Spread>,
    /// The longest latenesses of the interval past the threshold.
    pub late: Late,
    /// The steps in which anything was late, the latest first.
    pub strip: Vec<LiveStep>,
    /// Packets received in the interval; none where that is not counted.
    pub rx: Option<u64>,
}

/// How a latency is spread; buckets are up to 6.25 % wide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spread {
    /// How many were counted.
    pub count: u64,
    /// Half were at most this.
    pub p50: Nanos,
    /// 99 % were at most this.
    pub p99: Nanos,
    /// The longest: exact where it was past the threshold, else the upper end of its bucket.
    pub max: Nanos,
}

/// The longest of each kind of lateness; 0 for none past the threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Late {
    /// A softirq waited.
    pub softirq_delay: Nanos,
    /// A softirq handler ran.
    pub softirq_run: Nanos,
    /// Softirqs were left to ksoftirqd, which came late to them.
    pub handoff: Nanos,
    /// The CPU took no timer interrupt.
    pub interrupt_gap: Nanos,
}

impl Late {
    /// Each kind by its name in the findings.
    #[must_use]
    pub fn kinds(&self) -> [(&'static str, Nanos); 4] {
        [
            ("softirq_delay", self.softirq_delay),
            ("softirq_run", self.softirq_run),
            ("handoff", self.handoff),
            ("interrupt_gap", self.interrupt_gap),
        ]
    }

    /// Takes a lateness in, by the name of its kind.
    pub fn see(&mut self, kind: &str, late: Nanos) {
        let most = match kind {
            "softirq_delay" => &mut self.softirq_delay,
            "softirq_run" => &mut self.softirq_run,
            "handoff" => &mut self.handoff,
            "interrupt_gap" => &mut self.interrupt_gap,
            _ => return,
        };
        *most = late.max(*most);
    }

    /// The longest of all.
    #[must_use]
    pub fn worst(&self) -> Nanos {
        self.kinds().into_iter().map(|(_, late)| late).max().unwrap_or_default()
    }
}

/// A step of a strip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LiveStep {
    /// How many steps ago; 0 is the one under way.
    pub ago: u64,
    /// What was late in it, or through it.
    #[serde(flatten)]
    pub late: Late,
}

/// Somebody who stalled CPUs in the last five minutes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LiveCulprit {
    /// Who, as in the metrics: without what differs from one run of a program to the next.
    pub who: String,
    /// Why: a cause of the findings.
    pub cause: String,
    /// How many stalls.
    pub count: u64,
    /// The longest.
    pub worst: Nanos,
    /// All together.
    pub total: Nanos,
    /// How long ago the last one ended.
    pub ago: Nanos,
    /// CPUs it happened on.
    pub cpus: Vec<u32>,
    /// The longest one, in words.
    pub words: Brief,
}

/// A stall in words, as the report has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Brief {
    /// Who did what: `cadvisor[2840]  read(2) of /sys/fs/cgroup/memory/memory.stat`.
    pub who: String,
    /// What that did: `held CPU 1 with interrupts off`; empty if nobody is blamed.
    pub deed: String,
    /// Pod, container, unit or cgroup.
    pub workload: Vec<String>,
    /// What was late.
    pub measures: Vec<String>,
    /// What was concluded from what.
    pub evidence: String,
    /// How strong that is.
    pub witnesses: String,
    /// The most telling kernel stack, innermost first.
    pub stack: Vec<String>,
}
