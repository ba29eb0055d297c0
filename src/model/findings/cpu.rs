//! How one CPU fared, and who stalled it.

use serde::Serialize;

use super::cause::Cause;
use super::stall::StallKind;
use crate::model::Vector;
use crate::units::{Cpu, Nanos};

/// How one CPU fared.
#[derive(Clone, Debug, Serialize)]
pub struct CpuSummary {
    /// The CPU.
    pub cpu: Cpu,
    /// How many stalls.
    pub stalls: usize,
    /// In how many of them nobody waited but ksoftirqd: [`super::Stall::served_meanwhile`].
    pub served_meanwhile: usize,
    /// The longest of the others; of these where there are no others.
    pub worst: Nanos,
    /// The others together.
    pub total: Nanos,
    /// Ticks of the sampler on this CPU.
    pub samples: usize,
    /// The others by their first measure, most frequent first; these where there are no others.
    pub kinds: Vec<KindCount>,
    /// In how many stalls a softirq waited, NET_RX first: packets that wait are what users feel.
    pub waited: Vec<VectorCount>,
    /// In how many a softirq was pending at the end of an interrupt gap, NET_RX first.
    pub pending: Vec<VectorCount>,
    /// Who stalled it, the one that held it longest first; last those for whom only ksoftirqd waited.
    pub culprits: Vec<CpuCulprit>,
}

/// Stalls of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct KindCount {
    /// What was late.
    pub kind: StallKind,
    /// How many stalls.
    pub stalls: usize,
}

/// Stalls that a softirq had to do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct VectorCount {
    /// The softirq.
    pub vector: Vector,
    /// How many stalls.
    pub stalls: usize,
}

/// Stalls of a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CauseCount {
    /// Why.
    pub cause: Cause,
    /// How many stalls.
    pub stalls: usize,
}

/// The stalls of a culprit on one CPU, as a person counts: the threads of one process, the children of
/// one script, the files of one name and all lists of several tasks are one.
#[derive(Clone, Debug, Serialize)]
pub struct CpuCulprit {
    /// Whose they are: numbers of [`super::Findings::culprits`], from 1; never empty.
    pub groups: Vec<usize>,
    /// In these nobody waited but ksoftirqd.
    pub served_meanwhile: bool,
    /// Why, most frequent first.
    pub causes: Vec<CauseCount>,
    /// Numbers of its stalls, the longest first, which stands for all; never empty.
    pub stalls: Vec<usize>,
    /// Sum of their durations.
    pub total: Nanos,
    /// Median of their durations.
    pub median: Nanos,
    /// Processes that it stands for; 0 if it is no task.
    pub processes: usize,
    /// Threads.
    pub threads: usize,
    /// Files of their calls.
    pub files: usize,
    /// Where several tasks shared the longest stall: how many others shared the rest.
    pub others: usize,
    /// Dying memory cgroups of the node, where they are many and it was at their statistics.
    pub dying_memcgs: Option<u64>,
}
