//! Files that the kernel makes up while they are read (cgroupfs, procfs): slow calls of them, and
//! what all reads of them cost.

use serde::Serialize;

use super::TaskCulprit;
use crate::units::{Cpu, Ktime, Nanos};

/// Slow system calls of one process on one kind of file.
#[derive(Clone, Debug, Serialize)]
pub struct SlowFileGroup {
    /// Number within the recording, from 1.
    pub id: usize,
    /// Who called, and what. `file` is the file itself, or a pattern if it were several.
    pub task: TaskCulprit,
    /// `cgroup` or `proc`.
    pub filesystem: &'static str,
    /// How many files.
    pub files: usize,
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
    /// What reads returned, or writes took, in bytes.
    pub bytes: u64,
    /// In how many of them interrupts were off for as long as an interrupt gap; none if gaps were
    /// not measured.
    pub irqs_off: Option<usize>,
    /// The most that they were off in one of them, all its gaps together.
    pub irqs_off_worst: Option<Nanos>,
    /// At the locks of the cgroup statistics, all together; none where the kernel does not tell.
    pub rstat: Option<RstatTimes>,
    /// Where they ended, the CPU with most of the time first.
    pub by_cpu: Vec<CpuShare>,
    /// Whose files: cgroups by the time of their calls, longest first, a few of them.
    pub cgroups: Vec<String>,
}

/// One slow system call on such a file.
#[derive(Clone, Debug, Serialize)]
pub struct SlowFileCall {
    /// Number of its [`SlowFileGroup`].
    pub group: usize,
    /// When it began.
    pub start: Ktime,
    /// How long it took.
    pub duration: Nanos,
    /// The CPU it ended on.
    pub cpu: Cpu,
    /// The file.
    pub file: String,
    /// Path of the cgroup whose file it is, where its mount point is a usual one.
    pub of_cgroup: Option<String>,
    /// What it returned: bytes, or minus an errno.
    pub returned: i64,
    /// CPU time of the task meanwhile.
    pub on_cpu: Nanos,
    /// It slept.
    pub slept: bool,
    /// For how long the task had interrupts off in it, gaps only; none if they were not measured.
    pub irqs_off: Option<Nanos>,
    /// At the locks of the cgroup statistics; none where the kernel does not tell.
    pub rstat: Option<RstatTimes>,
    /// Numbers of the stalls that this call made.
    pub stalls: Vec<usize>,
}

/// What a reader did with the locks of the cgroup statistics (rstat).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RstatTimes {
    /// It waited for them.
    pub waited: Nanos,
    /// It held the one that all share: it flushed the statistics.
    pub held: Nanos,
    /// How often it took that lock.
    pub locks: u64,
}

/// What one CPU had to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CpuShare {
    /// The CPU.
    pub cpu: Cpu,
    /// How many calls ended there.
    pub calls: u64,
    /// Their time.
    pub total: Nanos,
}

/// All reads of a file by a process, from a length on.
#[derive(Clone, Debug, Serialize)]
pub struct FileReadGroup {
    /// Who: the first thread of the process; `file` is a name or a pattern. None for all for whom
    /// there was no room.
    pub task: Option<TaskCulprit>,
    /// `cgroup` or `proc`.
    pub filesystem: &'static str,
    /// Shorter reads were not counted.
    pub at_least: Nanos,
    /// How many.
    pub calls: u64,
    /// All together.
    pub total: Nanos,
    /// CPU time of all together.
    pub on_cpu: Nanos,
    /// How many of them slept.
    pub slept: u64,
    /// What they returned, in bytes.
    pub bytes: u64,
    /// How many a minute.
    pub per_minute: u64,
    /// Their time a minute.
    pub total_per_minute: Nanos,
    /// Where they ended, the CPU with most of the time first.
    pub by_cpu: Vec<CpuShare>,
}

/// How the number of dying memory cgroups went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DyingTrend {
    /// How often they were counted.
    pub counts: usize,
    /// The first count.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// The highest.
    pub max: u64,
    /// By how many they grow a minute; none where the counts show no trend.
    pub growth_per_minute: Option<i64>,
}
