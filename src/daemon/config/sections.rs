//! The sections of the file, and what holds where it says nothing.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::units::{self, Bytes, Cpus, Listen, Period};
use crate::probe::PROBES;
use crate::units::Nanos;

/// What is measured, from which thresholds on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Probes {
    /// CPUs: `all` that are online, or a list such as `0,2-5`.
    pub cpus: Cpus,
    /// Which probes, by name. What is left out is not attached.
    pub on: Vec<String>,
    /// Samples a second on each CPU.
    #[serde(deserialize_with = "units::frequency")]
    pub freq: u32,
    /// A lateness counts as a stall from this length on.
    pub stall: Period,
    /// System calls count as slow from this length on, where the probe `syscall` is on.
    pub syscall_min: Period,
    /// Softirq run times of all softirqs: exact, but dear on a busy network.
    pub softirq_runs: bool,
}

/// How much of the past is kept, and how much of what follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Flight {
    /// How far back an incident reaches.
    pub before: Period,
    /// For how long an incident goes on after its trigger.
    pub after: Period,
    /// At most this much memory holds the past; where it is full the oldest goes first.
    pub memory: Bytes,
}

/// From where on something makes an incident; 0 is never.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Triggers {
    /// A softirq waited this long.
    pub softirq_delay: Period,
    /// A softirq handler ran this long.
    pub softirq_run: Period,
    /// ksoftirqd waited this long, and nobody else served its softirqs.
    pub handoff: Period,
    /// A CPU took no interrupt for this long.
    pub interrupt_gap: Period,
    /// So many packets lost to `insert_failed` within a minute, in any one network namespace; takes
    /// the probe `ct_stats`.
    pub insert_failed: u64,
    /// A read of a cgroup file took this long; takes the probe `syscall` or `memcg`.
    pub slow_cgroup_read: Period,
    /// So many dying memory cgroups.
    pub dying_memcgs: u64,
    /// So many dying memory cgroups more within a minute.
    pub dying_memcgs_growth: u64,
    /// Share of the last 10 s in which some task waited for a CPU (PSI), per cent.
    #[serde(deserialize_with = "units::percent")]
    pub cpu_pressure: u32,
    /// The same for memory.
    #[serde(deserialize_with = "units::percent")]
    pub memory_pressure: u32,
    /// The same for block devices.
    #[serde(deserialize_with = "units::percent")]
    pub io_pressure: u32,
    /// After an incident further triggers wait for so long: what they mean is in the flight
    /// recorder still.
    pub quiet: Period,
    /// For this long an incident of a cause and culprit that was stored is only counted again.
    pub cooldown: Period,
}

/// Where incidents are kept, and how many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// The directory. It is made if need be, for its owner alone.
    pub directory: PathBuf,
    /// At most this many bytes.
    pub bytes: Bytes,
    /// At most this many incidents.
    pub count: usize,
}

/// Who may ask, and for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// `ADDRESS:PORT`, `unix:/PATH` or `off`.
    pub listen: Listen,
    /// File with the token that requests must carry; empty for none.
    pub token_file: PathBuf,
    /// Serve without a token where others than this host can connect.
    pub insecure: bool,
    /// `POST /incidents` cuts an incident.
    pub allow_cut: bool,
    /// At most this many connections at a time; others wait.
    #[serde(deserialize_with = "units::connections")]
    pub connections: usize,
}

/// What the daemon gives up besides the capabilities that it does not need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rights {
    /// Limit the files of the threads that talk to clients and that write incidents (Landlock),
    /// where the kernel can.
    pub landlock: bool,
    /// Refuse system calls that are never needed (seccomp), where the kernel can.
    pub seccomp: bool,
}

/// How much detail metrics have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Latencies by CPU, and not only of the whole node.
    pub per_cpu: bool,
    /// So many culprits have a time series of their own; stalls of the rest count as `other`.
    #[serde(deserialize_with = "units::culprits")]
    pub culprits: usize,
}

impl Default for Probes {
    fn default() -> Probes {
        let always_on = PROBES.iter().filter(|probe| probe.always_on);
        Probes {
            cpus: Cpus(None),
            on: always_on.map(|probe| probe.name.to_owned()).collect(),
            freq: 99,
            stall: Period(Nanos::from_millis(10)),
            syscall_min: Period(Nanos::from_millis(10)),
            softirq_runs: false,
        }
    }
}

impl Default for Flight {
    fn default() -> Flight {
        Flight {
            before: Period(Nanos::from_millis(60_000)),
            after: Period(Nanos::from_millis(5_000)),
            memory: Bytes(8 << 20),
        }
    }
}

impl Default for Triggers {
    fn default() -> Triggers {
        Triggers {
            softirq_delay: Period(Nanos::from_millis(50)),
            softirq_run: Period(Nanos::from_millis(50)),
            handoff: Period(Nanos::from_millis(100)),
            interrupt_gap: Period(Nanos::from_millis(50)),
            insert_failed: 0,
            slow_cgroup_read: Period(Nanos(0)),
            dying_memcgs: 0,
            dying_memcgs_growth: 0,
            cpu_pressure: 0,
            memory_pressure: 0,
            io_pressure: 0,
            quiet: Period(Nanos::from_millis(30_000)),
            cooldown: Period(Nanos::from_millis(600_000)),
        }
    }
}

impl Default for Store {
    fn default() -> Store {
        Store { directory: "/var/lib/stallprof".into(), bytes: Bytes(1 << 30), count: 200 }
    }
}

impl Default for Http {
    fn default() -> Http {
        Http {
            listen: Listen::default(),
            token_file: PathBuf::new(),
            insecure: false,
            allow_cut: false,
            connections: 64,
        }
    }
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics { per_cpu: false, culprits: 20 }
    }
}

impl Default for Rights {
    fn default() -> Rights {
        Rights { landlock: true, seccomp: true }
    }
}
