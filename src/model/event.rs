//! What the probes saw. Each event carries the moment it became known, on one CPU.

use super::calls::{FileCall, FileReads, SyscallSlow};
use super::conntrack::{CtDrop, CtGrown, CtLeftOut, CtReading, NatRules, SynRetransmit};
use super::health::{HealthNumber, HealthRow};
use super::names::{FrameId, StackId, StrId, TaskId};
use super::rx::{RxCpu, RxFlow, RxRow};
use super::sample::Sample;
use super::vector::Vector;
use crate::units::{Cpu, Ktime, Nanos};

/// One thing that a probe saw, or a count it kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A tick of the per-CPU sampling timer.
    Sample(Sample),
    /// A softirq that waited past the threshold.
    SoftirqDelay(SoftirqDelay),
    /// A softirq handler that ran past the threshold.
    SoftirqRun(SoftirqRun),
    /// A handoff to ksoftirqd past the threshold.
    Handoff(Handoff),
    /// Who ran while ksoftirqd waited.
    Runner(Runner),
    /// A hard interrupt handler that ran past the threshold.
    HardIrq(HardIrq),
    /// A system call that took longer than the threshold.
    SyscallSlow(SyscallSlow),
    /// More of a slow system call: what it did with a file of cgroupfs or procfs.
    FileCall(FileCall),
    /// How often somebody read a file of cgroupfs or procfs.
    FileReads(FileReads),
    /// Steal time of a CPU.
    Steal(Steal),
    /// How many dying memory cgroups there are.
    DyingMemcgs(DyingMemcgs),
    /// What a file of the host said.
    Snapshot(Snapshot),
    /// Counts of a histogram bucket.
    Hist(HistCount),
    /// Records that a probe could not deliver.
    Lost(Lost),
    /// What a CPU received.
    RxCpu(RxCpu),
    /// What came in by a device, a queue and a CPU.
    RxRow(RxRow),
    /// What came in of a flow.
    RxFlow(RxFlow),
    /// A packet that netfilter dropped before its connection was known.
    CtDrop(CtDrop),
    /// A SYN that was sent again.
    SynRetransmit(SynRetransmit),
    /// A reading of the connection tracking of a network namespace.
    CtReading(CtReading),
    /// What a counter of it grew by.
    CtGrown(CtGrown),
    /// What was not read of connection tracking.
    CtLeftOut(CtLeftOut),
    /// Rules that translate source addresses.
    NatRules(NatRules),
    /// What a check of the node's health concluded.
    Health(HealthRow),
    /// A number in that.
    HealthNumber(HealthNumber),
}

/// `softirq_raise(v)` to the next `softirq_entry(v)` on this CPU, past the threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SoftirqDelay {
    /// When it was entered: the end of the delay.
    pub time: Ktime,
    /// The CPU.
    pub cpu: Cpu,
    /// Which softirq.
    pub vector: Vector,
    /// How long it was pending, from its oldest raise.
    pub delay: Nanos,
    /// The task on the CPU when it was entered. Not the culprit: it only tells the context.
    pub task: TaskId,
    /// Kernel stack at entry: tells the context it ran in (irq, task, ksoftirqd, napi, idle).
    pub entry_stack: StackId,
}

/// `softirq_entry(v)` to `softirq_exit(v)`, past the threshold; on an idle CPU to what came next
/// there, less the hard interrupts past the threshold meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SoftirqRun {
    /// When it returned; on an idle CPU, when what came next was seen.
    pub time: Ktime,
    /// The CPU.
    pub cpu: Cpu,
    /// Which softirq.
    pub vector: Vector,
    /// How long the handler ran.
    pub run: Nanos,
    /// The task it ran on top of.
    pub task: TaskId,
}

/// Pending softirqs left to `ksoftirqd/N`, and how long it took to get to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handoff {
    /// When it ended: the first `softirq_entry` in ksoftirqd, or its switch out without one.
    pub time: Ktime,
    /// The CPU.
    pub cpu: Cpu,
    /// Oldest raise pending when ksoftirqd was woken, to the wake. 0 where none was known.
    pub raise_to_wake: Nanos,
    /// Wake to switched in: the ksoftirqd wait, in the run queue.
    pub wake_to_in: Nanos,
    /// Switched in to the first `softirq_entry`; where there was none, to switched out.
    pub in_to_entry: Nanos,
    /// A softirq was entered in ksoftirqd; else all had been served meanwhile.
    pub entered: bool,
    /// Wake to the first `softirq_entry` on this CPU by someone else (an interrupt's exit) while
    /// ksoftirqd waited; 0 if there was none.
    pub served_after: Nanos,
    /// Vectors pending at the wake.
    pub pending: u16,
    /// ksoftirqd was preempted with work left, not woken.
    pub preempted: bool,
    /// How many turns other tasks had meanwhile than those told one by one as [`Runner`]s.
    pub other_runners: u32,
    /// Their time.
    pub other_ran: Nanos,
}

/// A task that ran on the CPU between ksoftirqd's wake and its switch in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Runner {
    /// Equals the `time` of the [`Handoff`] it belongs to (same CPU).
    pub time: Ktime,
    /// The CPU.
    pub cpu: Cpu,
    /// Who ran.
    pub task: TaskId,
    /// The scheduling policy (`SCHED_*`) of most of its time, each turn taken for what it was at
    /// its end. With a real-time priority that was lent to it: FIFO.
    pub policy: u8,
    /// For how long, all its turns together.
    pub ran: Nanos,
    /// The longest of its turns; 0 in recordings before minor version 3, which do not tell.
    pub longest: Nanos,
    /// In how many turns: one means that it was never switched out.
    pub turns: u32,
}

/// What kind of hard interrupt ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IrqKind {
    /// A device's interrupt: `irq:irq_handler_entry`.
    #[default]
    Device,
    /// The local APIC timer: hrtimers and the scheduler's tick.
    Timer,
    /// A function call from another CPU.
    CallFunction,
    /// Deferred irq work.
    IrqWork,
    /// Another vector of the CPU's own, such as that of a sensor of heat.
    System,
}

/// A hard interrupt handler that ran past the threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HardIrq {
    /// When it returned.
    pub time: Ktime,
    /// The CPU.
    pub cpu: Cpu,
    /// What it was.
    pub kind: IrqKind,
    /// Interrupt line, for a device; else the vector number.
    pub irq: u32,
    /// `irqaction->name` of a device's interrupt; of [`IrqKind::System`] the vector's; or none.
    pub name: StrId,
    /// The handler, or the timer function that took most of the time, by symbol; or none.
    pub handler: FrameId,
    /// How long it ran.
    pub run: Nanos,
}

/// Steal time that the hypervisor reports for a CPU (`/proc/stat`, field 8), as a running total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steal {
    /// When it was read.
    pub time: Ktime,
    /// The CPU.
    pub cpu: Cpu,
    /// Total since boot; granularity 1/USER_HZ = 10 ms.
    pub total: Nanos,
}

/// A count of dying memory cgroups: removed, but still holding memory. Counted now and then, and
/// at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DyingMemcgs {
    /// When they were counted.
    pub time: Ktime,
    /// How many.
    pub count: u64,
}

/// What a file of /proc said at a moment: state that is gone when somebody comes to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// When it was read.
    pub time: Ktime,
    /// Which file, or what was read.
    pub name: StrId,
    /// Its text, as far as it was kept.
    pub text: StrId,
}

/// Which latency a histogram holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HistKind {
    /// Softirq delay, one histogram a vector.
    #[default]
    SoftirqDelay,
    /// Softirq run time, one histogram a vector.
    SoftirqRun,
    /// The ksoftirqd wait: its wake to its switch in, the middle part of a handoff.
    KsoftirqdWait,
}

/// Events counted in one bucket of an in-kernel histogram since the last such record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistCount {
    /// When it was read.
    pub time: Ktime,
    /// The CPU.
    pub cpu: Cpu,
    /// Which latency.
    pub kind: HistKind,
    /// The vector, where there is one a vector.
    pub vector: Vector,
    /// Bucket number: see [`super::hist`].
    pub bucket: u32,
    /// How many fell into it.
    pub count: u64,
}

/// Records that a probe made and could not deliver since the last such record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// When it was counted.
    pub time: Ktime,
    /// The CPU.
    pub cpu: Cpu,
    /// Which probe, by name.
    pub probe: StrId,
    /// The ring buffer was full.
    pub ring_full: u64,
    /// Held back by the per-CPU rate limit.
    pub rate_limited: u64,
    /// Another task had been preempted while it made one on that CPU.
    pub preempted: u64,
    /// No records: softirqs that the kernel entered, and switches to ksoftirqd, without running our
    /// program for it.
    pub unseen: u64,
}

impl Lost {
    /// Records, for whatever reason.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.ring_full.saturating_add(self.rate_limited).saturating_add(self.preempted)
    }
}
