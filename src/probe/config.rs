//! What a session is asked to measure.

use super::{Method, Tracking};
use crate::host::HostRoot;
use crate::units::{Cpu, Nanos, Tgid};

/// What to measure, and from which thresholds on.
#[derive(Clone, Debug)]
pub struct Config {
    /// CPUs to record.
    pub cpus: Vec<Cpu>,
    /// A softirq delay, softirq run, handoff or hard interrupt is a stall from this length on.
    pub stall: Nanos,
    /// An interrupt gap is one from this length on: at least three periods of the sampler.
    pub gap: Nanos,
    /// Rate of the sampler on each CPU, Hz.
    pub freq: u32,
    /// System calls count as slow from this length on.
    pub syscall_min: Nanos,
    /// Slow calls that only slept count too.
    pub sleeping_calls: bool,
    /// Slow calls and the profile are of this process only.
    pub pid: Option<Tgid>,
    /// Measure softirq run times.
    pub softirq_runs: bool,
    /// Rungs to take, by probe, in place of the first that works.
    pub methods: Vec<(&'static str, Wanted)>,
    /// What one probe tells the other while they run.
    pub tracking: Tracking,
    /// Where the host's files are read.
    pub root: HostRoot,
}

/// Which rungs of a probe may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// This one.
    Only(Method),
    /// Those without BPF.
    WithoutBpf,
    /// None: the probe is switched off.
    Off,
}

impl Wanted {
    pub(super) fn allows(self, method: Method) -> bool {
        match self {
            Wanted::Only(only) => method == only,
            Wanted::WithoutBpf => !method.is_bpf(),
            Wanted::Off => false,
        }
    }
}

impl Config {
    /// Period of the sampler.
    #[must_use]
    pub fn period(&self) -> Nanos {
        Nanos(1_000_000_000 / u64::from(self.freq.max(1)))
    }

    /// The gap threshold that fits a stall threshold and a rate: a late tick is only told from a
    /// punctual one by some periods of lateness.
    #[must_use]
    pub fn gap_for(stall: Nanos, freq: u32) -> Nanos {
        stall.max(Nanos(3_000_000_000 / u64::from(freq.max(1))))
    }
}
