//! What the analysis concludes from a recording. Renderers know this and nothing of kernels.
//!
//! Serialized as JSON by `stallprof report --format json`; `docs/findings.md` is its schema.
//! Durations and moments are integers in nanoseconds.

use serde::Serialize;

use super::meta::ProbeStatus;
use super::vector::Vector;
use crate::units::{Cpu, Ktime, Nanos, Tgid, Tid};

/// Number of the JSON schema; grows when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// The whole answer.
#[derive(Clone, Debug, Serialize)]
pub struct Findings {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Version of the stallprof that recorded.
    pub recorded_by: String,
    /// The command that recorded.
    pub command: Vec<String>,
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
    /// Records that did not arrive, by probe.
    pub lost: Vec<LostRecords>,
    /// Measures and methods; those that did not run say why.
    pub probes: Vec<ProbeStatus>,
    /// What a reader must know to judge the numbers: the sampler's own influence, damage of the
    /// file, limits.
    pub notes: Vec<String>,
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

/// How one CPU fared.
#[derive(Clone, Debug, Serialize)]
pub struct CpuSummary {
    /// The CPU.
    pub cpu: Cpu,
    /// How many stalls.
    pub stalls: usize,
    /// The longest.
    pub worst: Nanos,
    /// All together.
    pub total: Nanos,
    /// Ticks of the sampler on this CPU.
    pub samples: usize,
}

/// What was late, and by how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StallKind {
    /// A softirq waited.
    SoftirqDelay,
    /// ksoftirqd waited.
    Handoff,
    /// A softirq handler ran long.
    SoftirqRun,
    /// The CPU took no timer interrupt.
    InterruptGap,
}

impl StallKind {
    /// The term of the field for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            StallKind::SoftirqDelay => "softirq delay",
            StallKind::Handoff => "ksoftirqd handoff",
            StallKind::SoftirqRun => "softirq run",
            StallKind::InterruptGap => "interrupt gap",
        }
    }
}

/// One measured lateness. A stall has one or more: they overlap in time on one CPU.
#[derive(Clone, Debug, Serialize)]
pub struct Measure {
    /// What was late.
    pub kind: StallKind,
    /// When the lateness began.
    pub start: Ktime,
    /// How long it was.
    pub duration: Nanos,
    /// The true duration lies within plus or minus this; 0 where both ends were seen.
    pub uncertainty: Nanos,
    /// The vectors that waited or ran, as the measure has them.
    pub vectors: Vec<Vector>,
    /// The three parts of a handoff.
    pub handoff: Option<HandoffParts>,
    /// Where the softirq ran in the end.
    pub context: Option<Context>,
}

/// The parts of a handoff.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct HandoffParts {
    /// Oldest pending raise to the wake of ksoftirqd.
    pub raise_to_wake: Nanos,
    /// Wake to switched in.
    pub wake_to_in: Nanos,
    /// Switched in to the first softirq entered.
    pub in_to_entry: Nanos,
    /// Wake to the first softirq served by an interrupt's exit instead; 0 if none was.
    pub served_after: Nanos,
    /// Softirqs were left for ksoftirqd when it came; else all had been served.
    pub entered: bool,
}

impl HandoffParts {
    /// Whether its softirqs were run by others before ksoftirqd got to them: nobody waited.
    #[must_use]
    pub fn served_meanwhile(&self) -> bool {
        self.served_after.0 > 0 || !self.entered
    }
}

impl Stall {
    /// Only ksoftirqd waited, and the exits of interrupts ran its softirqs meanwhile.
    #[must_use]
    pub fn served_meanwhile(&self) -> bool {
        self.measures.iter().all(|m| m.handoff.is_some_and(|h| h.served_meanwhile()))
    }
}

/// Where a softirq ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Context {
    /// At the tail of an interrupt.
    Irq,
    /// At the end of a BH-disabled section of a task.
    Task,
    /// In `ksoftirqd/N`.
    Ksoftirqd,
    /// In a threaded NAPI poller.
    Napi,
    /// On an idle CPU.
    Idle,
}

/// A stall: overlapping latenesses of one CPU, with who did it.
#[derive(Clone, Debug, Serialize)]
pub struct Stall {
    /// Number within the recording, in order of time, from 1.
    pub id: usize,
    /// The CPU that stalled.
    pub cpu: Cpu,
    /// When it began.
    pub start: Ktime,
    /// Length of its longest measure.
    pub duration: Nanos,
    /// What was late, longest first; never empty.
    pub measures: Vec<Measure>,
    /// Why.
    pub cause: Cause,
    /// Who.
    pub culprit: Culprit,
    /// On what that rests.
    pub evidence: Evidence,
}

/// Why a CPU stalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A section with interrupts off.
    IrqsOff,
    /// A section with bottom halves off.
    BhOff,
    /// A kernel section that could not be preempted kept ksoftirqd from running.
    NonPreemptible,
    /// A real-time task kept ksoftirqd from running.
    StarvedByRt,
    /// Ordinary tasks kept ksoftirqd from running.
    StarvedByTasks,
    /// A softirq handler ran long.
    SoftirqHog,
    /// A hard interrupt handler ran long, or many came.
    HardIrq,
    /// The hypervisor took the CPU away.
    Stolen,
    /// Not known.
    Unexplained,
}

impl Cause {
    /// What it did to the CPU, in words: "... held CPU 11 `with interrupts off`".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Cause::IrqsOff => "with interrupts off",
            Cause::BhOff => "with bottom halves off",
            Cause::NonPreemptible => "in kernel code that could not be preempted",
            Cause::StarvedByRt => "at a real-time priority above ksoftirqd",
            Cause::StarvedByTasks => "while ksoftirqd waited its turn",
            Cause::SoftirqHog => "in a softirq handler",
            Cause::HardIrq => "in a hard interrupt",
            Cause::Stolen => "while the hypervisor had taken it away",
            Cause::Unexplained => "for a reason that was not seen",
        }
    }
}

/// Who held the CPU.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Culprit {
    /// One task.
    Task(TaskCulprit),
    /// A softirq handler.
    Softirq {
        /// Which vector.
        vector: Vector,
        /// The function it spent the time in, where a sample says.
        function: Option<String>,
    },
    /// A hard interrupt.
    HardIrq {
        /// `timer`, `device`, `call_function`, `irq_work`.
        kind: &'static str,
        /// Interrupt line of a device.
        irq: Option<u32>,
        /// The name its driver gave it.
        name: Option<String>,
        /// The function that took the time, where known.
        handler: Option<String>,
    },
    /// The hypervisor: this virtual CPU was not running.
    Hypervisor,
    /// No single one: several tasks shared the time.
    Several {
        /// The tasks, who ran longest first, as `comm[tid]`.
        tasks: Vec<String>,
    },
    /// Not known.
    Unknown {
        /// What was seen and what was not.
        why: String,
    },
}

/// A task that held a CPU, and what it was doing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct TaskCulprit {
    /// Thread id.
    pub tid: Tid,
    /// Process id.
    pub tgid: Tgid,
    /// Thread name.
    pub comm: String,
    /// Name of its process, where that is another one and known.
    pub process: Option<String>,
    /// Start of the thread, nanoseconds since boot: tells a reused tid from this one.
    pub start: Ktime,
    /// Path of its cgroup, where known.
    pub cgroup: Option<String>,
    /// Container id, pod or unit that the cgroup path tells.
    pub workload: Option<Workload>,
    /// The system call it was in; none in user mode or a kernel thread.
    pub syscall: Option<String>,
    /// The file of that call.
    pub file: Option<String>,
    /// The work function of a kernel worker.
    pub work: Option<String>,
    /// It ran in user mode.
    pub user_mode: bool,
}

/// What a cgroup path says about whose task it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Workload {
    /// Container runtime: `docker`, `containerd`, `cri-o`, `podman`.
    pub runtime: Option<String>,
    /// Container id, in full.
    pub container: Option<String>,
    /// Pod UID of Kubernetes.
    pub pod_uid: Option<String>,
    /// systemd unit (`ssh.service`, `session-3.scope`).
    pub unit: Option<String>,
}

/// On what a verdict rests.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Evidence {
    /// Ticks of the sampler inside the stall.
    pub samples: usize,
    /// How many of them, or of the scheduler's records, point to the culprit.
    pub agree: usize,
    /// Time that the scheduler's records give to the culprit; 0 where there are none.
    pub ran: Nanos,
    /// Function blamed: the one at which interrupts came back, or the innermost of most samples.
    pub function: Option<String>,
    /// The most telling kernel stack, innermost first, what lay on top of it left out.
    pub stack: Vec<String>,
    /// What was concluded from what, in a sentence.
    pub words: String,
}

/// Stalls by the same culprit for the same cause.
#[derive(Clone, Debug, Serialize)]
pub struct CulpritGroup {
    /// Who.
    pub culprit: Culprit,
    /// Why.
    pub cause: Cause,
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
    pub stack: Vec<String>,
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
}

/// Records that did not arrive.
#[derive(Clone, Debug, Serialize)]
pub struct LostRecords {
    /// Which probe.
    pub probe: String,
    /// The ring buffer was full.
    pub ring_full: u64,
    /// Held back by the rate limit.
    pub rate_limited: u64,
}
