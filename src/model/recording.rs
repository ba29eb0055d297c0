//! A recording in memory.

use super::*;
use crate::units::{Ktime, Nanos};

/// All that a recording file holds, each table in order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// Where, when and how it was made.
    pub meta: Meta,
    /// Strings by [`StrId`]; number 0 is empty.
    pub strings: Vec<String>,
    /// Tasks by [`TaskId`]; number 0 is unknown.
    pub tasks: Vec<Task>,
    /// Code locations by [`FrameId`]; number 0 is unknown.
    pub frames: Vec<Frame>,
    /// Stacks by [`StackId`]; number 0 is empty.
    pub stacks: Vec<Stack>,
    /// Ticks of the sampler.
    pub samples: Vec<Sample>,
    /// Softirqs that waited.
    pub delays: Vec<SoftirqDelay>,
    /// Softirq handlers that ran long.
    pub runs: Vec<SoftirqRun>,
    /// Handoffs to ksoftirqd.
    pub handoffs: Vec<Handoff>,
    /// Who ran while ksoftirqd waited.
    pub runners: Vec<Runner>,
    /// Hard interrupts that ran long.
    pub hardirqs: Vec<HardIrq>,
    /// Slow system calls.
    pub syscalls: Vec<SyscallSlow>,
    /// What slow system calls did with files of cgroupfs and procfs.
    pub file_calls: Vec<FileCall>,
    /// Who read such files how often.
    pub file_reads: Vec<FileReads>,
    /// Steal time readings.
    pub steal: Vec<Steal>,
    /// Counts of dying memory cgroups.
    pub dying_memcgs: Vec<DyingMemcgs>,
    /// What files of the host said.
    pub snapshots: Vec<Snapshot>,
    /// Histogram counts.
    pub hists: Vec<HistCount>,
    /// What was lost on the way.
    pub lost: Vec<Lost>,
    /// What each CPU received.
    pub rx_cpus: Vec<RxCpu>,
    /// What came in by each device, queue and CPU.
    pub rx_rows: Vec<RxRow>,
    /// The largest flows.
    pub rx_flows: Vec<RxFlow>,
    /// Packets that netfilter dropped before their connection was known.
    pub ct_drops: Vec<CtDrop>,
    /// SYNs that were sent again.
    pub syn_retransmits: Vec<SynRetransmit>,
    /// Readings of connection tracking, by network namespace.
    pub ct_readings: Vec<CtReading>,
    /// What its counters grew by.
    pub ct_grown: Vec<CtGrown>,
    /// What was not read of it.
    pub ct_left_out: Vec<CtLeftOut>,
    /// Rules that translate source addresses, where packets were lost.
    pub nat_rules: Vec<NatRules>,
    /// What checks of the node's health concluded.
    pub health: Vec<HealthRow>,
    /// Numbers in that.
    pub health_numbers: Vec<HealthNumber>,
    /// What of it was read, where that is not all.
    pub thinned: Option<Thinned>,
    /// When the recording ended in order; none if it was cut short.
    pub end: Option<Ktime>,
    /// What is wrong with the file it was read from, in words for a person; empty if nothing.
    pub damage: Vec<String>,
}

/// How a large recording was read: of the samples those in stalls all and of the others some, of
/// other tables the worst.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thinned {
    /// One in so many of those outside of stalls.
    pub one_in: u32,
    /// How many samples the file holds.
    pub samples: u64,
    /// Stretches of time with stalls, the shortest, for all of whose samples there was no room.
    pub stretches: usize,
    /// What was left out of other tables, where anything was.
    pub left_out: Vec<LeftOut>,
    /// Names, or mentions of them, for which there was no room: they show as unknown.
    pub names: u64,
}

/// Rows of a table that were not read: the least bad ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Name of the table in the file.
    pub table: &'static str,
    /// How many.
    pub rows: u64,
    /// Of how many.
    pub of: u64,
}

impl Recording {
    /// The string of an id; empty for none, or one that a damaged file does not hold.
    #[must_use]
    pub fn str(&self, id: StrId) -> &str {
        self.strings.get(id.0 as usize).map_or("", String::as_str)
    }

    /// The task of an id; the unknown task if there is none.
    #[must_use]
    pub fn task(&self, id: TaskId) -> Task {
        self.tasks.get(id.0 as usize).copied().unwrap_or_default()
    }

    /// The frame of an id; the unknown frame if there is none.
    #[must_use]
    pub fn frame(&self, id: FrameId) -> Frame {
        self.frames.get(id.0 as usize).copied().unwrap_or_default()
    }

    /// The frames of a stack, innermost first.
    #[must_use]
    pub fn stack(&self, id: StackId) -> &[FrameId] {
        self.stacks.get(id.0 as usize).map_or(&[], |s| &s.0)
    }

    /// The function name of a frame; `[unknown]` where there is no symbol.
    #[must_use]
    pub fn function(&self, id: FrameId) -> &str {
        match self.str(self.frame(id).function) {
            "" => "[unknown]",
            name => name,
        }
    }

    /// The function names of a stack, innermost first.
    pub fn functions(&self, id: StackId) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.stack(id).iter().map(|&f| self.function(f))
    }

    /// The last moment that belongs to the recording: its end, or where it was cut short, the last
    /// one that is known. What comes after the end was seen while the probes were taken off, one
    /// after the other, which a CPU without interrupts can hold up.
    #[must_use]
    pub fn last_time(&self) -> Ktime {
        let last = [
            self.samples.last().map(|e| e.time),
            self.delays.last().map(|e| e.time),
            self.handoffs.last().map(|e| e.time),
            self.syscalls.last().map(|e| e.time),
            self.steal.last().map(|e| e.time),
        ];
        let known = || last.into_iter().flatten().max();
        self.end.or_else(known).unwrap_or(self.meta.start)
    }

    /// How long it lasted.
    #[must_use]
    pub fn duration(&self) -> Nanos {
        self.last_time().since(self.meta.start)
    }
}
