//! What was seen of connection tracking and of the SYNs that were sent again.

use super::names::{FrameId, StackId, StrId, TaskId};
use crate::units::{Cpu, Ktime};

/// Who sends to whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Flow {
    /// Address of the sender; none if it could not be read.
    pub source: StrId,
    /// Its port; of ICMP the id.
    pub source_port: u16,
    /// Address of the receiver.
    pub target: StrId,
    /// Its port; of ICMP the type.
    pub target_port: u16,
}

/// A packet that netfilter dropped before its connection was known: it lost a race for its
/// translated port, found the table full, or a rule forbids it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CtDrop {
    /// When it was dropped.
    pub time: Ktime,
    /// On which CPU.
    pub cpu: Cpu,
    /// The network namespace, by inode; 0 unknown.
    pub netns: u64,
    /// IP protocol: 1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6.
    pub protocol: u8,
    /// As it came: before any translation.
    pub sent: Flow,
    /// As it would have gone on: after translation. Without an entry the same addresses are none.
    pub translated: Flow,
    /// It has an entry of its own, which is not in the table yet.
    pub tracked: bool,
    /// Bits of that entry: `IPS_*` of `enum ip_conntrack_status`.
    pub status: u32,
    /// Why, by the kernel's name without `SKB_DROP_REASON_`; none before 5.17.
    pub reason: StrId,
    /// The function that dropped it.
    pub location: FrameId,
    /// Who sent it, where it was dropped in the sender's own system call; else none.
    pub task: TaskId,
    /// It was dropped in a softirq or an interrupt: whoever had the CPU has nothing to do with it.
    pub in_softirq: bool,
    /// Kernel stack, innermost first: the caller of the function tells the hook.
    pub stack: StackId,
    /// Drops like it on this CPU since the row before that were not recorded: those that a rule
    /// may have made are samples.
    pub held_back: u64,
}

/// A SYN that TCP sent again, as nobody answered in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SynRetransmit {
    /// When.
    pub time: Ktime,
    /// On which CPU.
    pub cpu: Cpu,
    /// The network namespace of the socket, by inode.
    pub netns: u64,
    /// The connection, as its socket has it.
    pub flow: Flow,
    /// Who called connect(2); none if that was before the recording.
    pub task: TaskId,
}

/// A reading of the counters of one network namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CtReading {
    /// When.
    pub time: Ktime,
    /// The network namespace, by inode.
    pub netns: u64,
    /// The reading before; 0 for the first, which only says from where on growth is counted.
    pub since: Ktime,
    /// `host`, or the name that ip-netns(8) gave it; else none.
    pub name: StrId,
    /// A process in it.
    pub pid: u32,
    /// The cgroup of that process, which tells pod and container.
    pub cgroup: StrId,
    /// Where the counters are from.
    pub source: StrId,
    /// The kernel's names of the counters it has, with blanks between them.
    pub counters: StrId,
    /// Entries in the table, if that is known: see [`CtReading::entries`].
    pub entries: u64,
    /// How many there can be (`nf_conntrack_max`), if that is known: see [`CtReading::max`].
    pub max: u64,
    /// Why growth since the reading before is not known: the counters were reset.
    pub problem: StrId,
    /// `entries` is what was read.
    pub entries_known: bool,
    /// `max` is what was read.
    pub max_known: bool,
}

/// Recordings before version 1.4 do not tell what is known: it is both or neither of the two, and a
/// limit tells that it is both.
impl CtReading {
    /// Entries in the table; none where that is not known.
    #[must_use]
    pub fn entries(&self) -> Option<u64> {
        (self.entries_known || self.max > 0).then_some(self.entries)
    }

    /// How many there can be, 0 no limit; none where that is not known.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        (self.max_known || self.max > 0).then_some(self.max)
    }
}

/// What one counter of one CPU of a network namespace grew by since the reading before. A counter
/// that did not grow has no row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CtGrown {
    /// When it was read: the time of a [`CtReading`].
    pub time: Ktime,
    /// The network namespace, by inode.
    pub netns: u64,
    /// The CPU.
    pub cpu: Cpu,
    /// The kernel's name of the counter.
    pub counter: StrId,
    /// By how much.
    pub count: u64,
}

/// What was not read of connection tracking, in words for a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CtLeftOut {
    /// When it was found.
    pub time: Ktime,
    /// What and why.
    pub what: StrId,
}

/// Rules that translate source addresses, in a network namespace that lost packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NatRules {
    /// When they were listed.
    pub time: Ktime,
    /// The network namespace, by inode.
    pub netns: u64,
    /// Which program listed them; none if no program could.
    pub program: StrId,
    /// 4 or 6: they are for packets of this version of IP; 0: for both, or that is not told.
    pub family: u8,
    /// How many there are.
    pub rules: u64,
    /// How many of them do not choose ports fully at random.
    pub not_random: u64,
    /// One of those.
    pub example: StrId,
    /// Why there is no list.
    pub problem: StrId,
}
