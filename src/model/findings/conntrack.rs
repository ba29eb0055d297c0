//! What was lost in connection tracking, and what that cost.

use serde::Serialize;

use super::{TaskCulprit, Workload};
use crate::units::{Cpu, Ktime, Nanos};

/// Connection tracking while recording.
#[derive(Clone, Debug, Serialize)]
pub struct Conntrack {
    /// Network namespaces that track connections, those that lost most first.
    pub namespaces: Vec<CtNamespace>,
    /// Connections whose first packet was dropped, in order of time.
    pub failed: Vec<FailedFlow>,
    /// Packets dropped that connection tracking has nothing to do with: rules did it. Those that
    /// were not recorded count with the next one that was; the last of them may be missing.
    pub by_rules: u64,
    /// Entries that could not be confirmed (insert_failed) beyond the dropped packets above: which
    /// connections they were is not known.
    pub unseen: u64,
    /// SYNs that TCP sent again, for whatever reason.
    pub syn_retransmits: usize,
    /// Rules that translate source addresses, where packets were lost.
    pub rules: Vec<SnatRules>,
    /// What helps.
    pub advice: Vec<String>,
    /// What was not read.
    pub left_out: Vec<String>,
}

/// Connection tracking of one network namespace.
#[derive(Clone, Debug, Serialize)]
pub struct CtNamespace {
    /// Inode of the namespace.
    pub netns: u64,
    /// `host`, the name that ip-netns(8) gave it, or one with a process in it.
    pub name: String,
    /// Path of the cgroup of a process in it, where known.
    pub cgroup: Option<String>,
    /// Container, pod or unit that the cgroup path tells.
    pub workload: Option<Workload>,
    /// Where the counters are from.
    pub source: String,
    /// From when on its counters are compared: the first reading, or one before the recording.
    pub start: Ktime,
    /// Last reading.
    pub end: Ktime,
    /// How many readings.
    pub readings: usize,
    /// The most entries that were seen in the table; none where that is not known.
    pub entries: Option<u64>,
    /// How many there can be, 0 no limit; none where that is not known.
    pub max: Option<u64>,
    /// What each counter of the kernel grew by, by the kernel's names.
    pub counters: Vec<CtCounter>,
    /// Why growth is not known of some of the time.
    pub problem: Option<String>,
}

/// A counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CtCounter {
    /// The kernel's name.
    pub counter: String,
    /// What it grew by.
    pub count: u64,
    /// On which CPUs; those on which it did not are left out.
    pub cpus: Vec<CtShare>,
}

/// The part of a CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CtShare {
    /// The CPU.
    pub cpu: Cpu,
    /// Its part.
    pub count: u64,
}

impl CtNamespace {
    /// What a counter grew by; none if this kernel does not have it.
    #[must_use]
    pub fn count(&self, counter: &str) -> Option<u64> {
        self.counters.iter().find(|c| c.counter == counter).map(|c| c.count)
    }

    /// Races that the kernel put right by itself: no losses. None if it does not tell.
    #[must_use]
    pub fn resolved(&self) -> Option<u64> {
        // The file in /proc has another name for it than ctnetlink.
        self.count("clash_resolve").or_else(|| self.count("clashres"))
    }
}

/// Why a first packet was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CtVerdict {
    /// Its entry could not be confirmed (insert_failed): another connection had taken its place.
    InsertFailed,
    /// There was no place for an entry in the full table.
    TableFull,
    /// No entry could be made, though the table was not full.
    NoEntry,
    /// No entry could be made; how full the table was is not known.
    FullOrNoEntry,
    /// Fewer losses were counted than such packets dropped: a rule may have dropped it.
    Unclear,
    /// The counters were not read around it.
    NotCounted,
}

/// Which addresses were translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Translation {
    /// None of them.
    None,
    /// The sender's.
    Snat,
    /// The receiver's: a service, for instance.
    Dnat,
    /// Both.
    SnatDnat,
    /// Not known: it has no entry.
    Unknown,
}

/// A connection whose first packet was dropped.
#[derive(Clone, Debug, Serialize)]
pub struct FailedFlow {
    /// When.
    pub time: Ktime,
    /// On which CPU.
    pub cpu: Cpu,
    /// In which network namespace, by inode; 0 unknown.
    pub netns: u64,
    /// Why.
    pub verdict: CtVerdict,
    /// `IPv4` or `IPv6`; none where its addresses could not be read.
    pub family: Option<&'static str>,
    /// `TCP`, `UDP`, `ICMP`, `ICMPv6`, or the number.
    pub protocol: String,
    /// Address and port of the sender, as the packet came; of ICMP without a port.
    pub from: String,
    /// Address and port that it was sent to.
    pub to: String,
    /// What was translated.
    pub translation: Translation,
    /// Sender after translation, where there is an entry.
    pub translated_from: Option<String>,
    /// Receiver after translation, where there is an entry.
    pub translated_to: Option<String>,
    /// Where in netfilter: `prerouting`, `input`, `forward`, `output`, `postrouting`.
    pub hook: Option<&'static str>,
    /// The kernel's reason, where it tells one.
    pub reason: Option<String>,
    /// The function that dropped it.
    pub function: Option<String>,
    /// Who sent it, where that was seen: in its own system call, or by the SYN sent again.
    pub task: Option<TaskCulprit>,
    /// It was dropped in a softirq.
    pub in_softirq: bool,
    /// How long it took until TCP sent the SYN again: the connection took at least so much longer.
    pub sent_again_after: Option<Nanos>,
    /// Why it is not known to have been sent again, where it is not.
    pub not_joined: Option<&'static str>,
}

/// Rules that translate source addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SnatRules {
    /// Inode of the network namespace.
    pub netns: u64,
    /// Which program listed them; none if it gave no list.
    pub program: Option<String>,
    /// `IPv4` or `IPv6`: they are for its packets; none: for both, or that is not told.
    pub family: Option<&'static str>,
    /// How many.
    pub rules: u64,
    /// How many of them do not choose ports fully at random.
    pub not_random: u64,
    /// One of those.
    pub example: Option<String>,
    /// Why there is no list.
    pub problem: Option<String>,
}
