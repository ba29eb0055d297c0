//! Where, when and how a recording was made.

use serde::{Deserialize, Serialize};

use crate::rxpath::RxHost;
use crate::units::{Ktime, Nanos};

/// Facts about the host and the recording, taken at its start. Stored as JSON inside the
/// recording; fields that an older or newer stallprof does not know are left out or ignored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Meta {
    /// Version of the stallprof that recorded.
    pub version: String,
    /// Commit that it was built from, as in [`crate::BUILD`]; none if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// Its command line.
    pub command: Vec<String>,
    /// Host name.
    pub host: String,
    /// `uname -r`.
    pub kernel: String,
    /// `uname -v`.
    pub kernel_version: String,
    /// `uname -m`.
    pub arch: String,
    /// CPUs online at the start.
    pub cpus_online: Vec<u32>,
    /// CPUs recorded.
    pub cpus: Vec<u32>,
    /// Moment of the start, CLOCK_MONOTONIC.
    pub start: Ktime,
    /// The same moment, nanoseconds since 1970 UTC (CLOCK_REALTIME).
    pub start_realtime: u64,
    /// Softirq delays, handoffs, runs and gaps from this length on are stalls (`--stall`).
    pub stall_threshold: Nanos,
    /// Interrupt gaps count from this length on: the stall threshold, or three sampling periods
    /// where that is longer.
    pub gap_threshold: Nanos,
    /// Period of the sampling timer; 0 if it did not run.
    pub sample_period: Nanos,
    /// System calls are recorded from this length on.
    pub syscall_min: Nanos,
    /// Only this process's calls and profile (`-p`), where asked.
    pub pid: Option<u32>,
    /// Dying memory cgroups at the start, where they could be counted.
    pub dying_memcgs: Option<u64>,
    /// Kernel HZ, where known.
    pub hz: Option<u32>,
    /// The kernel's preemption model, where known (`none`, `voluntary`, `full`, `lazy`, `rt`).
    pub preemption: Option<String>,
    /// The host is a virtual machine, where known.
    pub virtual_machine: Option<bool>,
    /// Network devices that poll in threads of their own (threaded NAPI).
    pub threaded_napi: Vec<String>,
    /// How packets reach CPUs: the receive path of its devices, where it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rx_path: Option<RxHost>,
    /// The kernel's boot id (/proc/sys/kernel/random/boot_id): tells logs by the same clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// Inode number of the network namespace that this was read in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netns: Option<u32>,
    /// What was measured, by which method, and what was not and why.
    pub probes: Vec<ProbeStatus>,
    /// Why the daemon kept this recording; none of one that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<Incident>,
}

/// An incident of the daemon: what made it keep the last minute, and what the analysis made of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Incident {
    /// Its name: time in UTC, to the millisecond; a number follows where several have it.
    pub id: String,
    /// What was past its threshold, or who asked.
    pub trigger: String,
    /// When, nanoseconds since 1970 UTC.
    pub time: u64,
    /// Cause of the stall it is kept for (`Cause` as in the findings), or the name of what was past
    /// its limit; empty if there was none.
    pub cause: String,
    /// Who is blamed for it, in short.
    pub culprit: String,
    /// The CPU that stalled.
    pub cpu: Option<u32>,
    /// Length of that stall.
    pub worst: Nanos,
    /// How many stalls in which somebody waited there are in the recording.
    pub stalls: usize,
    /// What was past its limit, where it was kept for something other than a stall.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub past: Option<PastLimit>,
}

/// A count or a share past its limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PastLimit {
    /// What was measured.
    pub value: u64,
    /// From where on it makes an incident.
    pub limit: u64,
    /// Unit of both: `packets`, `cgroups`, `per cent`, `ns`.
    pub unit: String,
}

/// Whether a measure ran, and how.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProbeStatus {
    /// Name of the probe: `softirq`, `ksoftirqd`, `sampler`, ...
    pub name: String,
    /// What it measures, in words.
    pub measures: String,
    /// The method in use (`tp_btf`, `raw_tp`, `perf_event`, ...); none if it does not run.
    pub method: Option<String>,
    /// Why it does not run, or what its method does not see.
    pub reason: Option<String>,
    /// Better methods that were tried, and why they were refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refusal>,
}

/// A method that did not work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Refusal {
    /// Its name.
    pub method: String,
    /// Why not.
    pub reason: String,
}
