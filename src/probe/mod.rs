//! The probes: what each measures, how it attaches, what its records mean.
//!
//! A probe is one `bpf/NAME.bpf.c`, one file here with `attach()` and `decode()`, and one line in
//! [`PROBES`]. Each has its own BPF object, so that the failure of one costs only that one; they
//! meet in the [`shared`] maps.

mod hardirq;
mod ksoftirqd;
pub mod log;
mod sampler;
pub mod shared;
mod skel;
mod softirq;
mod syscall;
mod wire;

use std::any::Any;

use crate::analysis::syscalls;
use crate::model::{Event, FrameId, ProbeStatus, StackId, StrId, TaskId};
use crate::units::{Cpu, Nanos, Tgid};
pub use shared::Shared;
pub use wire::{text, types::sp_task};

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

/// Where a record's names go: whoever writes the recording numbers them.
pub trait Names {
    /// Number of a task, looked up in /proc at first sight.
    fn task(&mut self, task: &sp_task) -> TaskId;
    /// Number of a kernel stack.
    fn kernel_stack(&mut self, addresses: &[u64]) -> StackId;
    /// Number of a user stack of a task.
    fn user_stack(&mut self, task: &sp_task, addresses: &[u64]) -> StackId;
    /// Number of the symbol at a kernel address.
    fn kernel_symbol(&mut self, address: u64) -> FrameId;
    /// Number of a string.
    fn string(&mut self, text: &str) -> StrId;
}

/// Keeps a probe attached for as long as it lives.
pub type Attachment = Box<dyn Any>;

/// A probe that is attached, and how.
pub struct Attached {
    /// Links and descriptors; dropping them detaches.
    pub keep: Attachment,
    /// The rung of the ladder it stands on.
    pub method: &'static str,
    /// What a person should know of it: a part that could not be attached, for instance.
    pub note: Option<String>,
}

/// A line of the table of probes.
pub struct Probe {
    /// Short name, as in `bpf/NAME.bpf.c`.
    pub name: &'static str,
    /// What it measures.
    pub measures: &'static str,
    /// Loads and attaches it.
    pub attach: fn(&Config, &Shared) -> anyhow::Result<Attached>,
}

/// Every probe, in the order they attach. Row numbers are `enum sp_probe` of `bpf/stallprof.h`.
pub const PROBES: [Probe; 5] = [
    Probe {
        name: "softirq",
        measures: "softirq delay: raise to entry, all vectors",
        attach: softirq::attach,
    },
    Probe {
        name: "ksoftirqd",
        measures: "handoff to ksoftirqd in its parts, and who ran meanwhile",
        attach: ksoftirqd::attach,
    },
    Probe {
        name: "sampler",
        measures: "what each CPU does at every tick; interrupt gaps",
        attach: sampler::attach,
    },
    Probe {
        name: "hardirq",
        measures: "hard interrupt handlers that run long",
        attach: hardirq::attach,
    },
    Probe {
        name: "syscall",
        measures: "slow system calls and their files",
        attach: syscall::attach,
    },
];

/// Probes after an attempt to attach them all.
#[derive(Default)]
pub struct Outcome {
    /// Keeps them attached.
    pub attached: Vec<Attachment>,
    /// How it went with each, in the order of [`PROBES`].
    pub statuses: Vec<ProbeStatus>,
    /// What libbpf and the kernel's verifier said of those that failed, by probe.
    pub logs: Vec<(&'static str, Vec<String>)>,
}

/// Attaches every probe that can be; tells of each how it went.
#[must_use]
pub fn attach_all(config: &Config, shared: &Shared) -> Outcome {
    let mut outcome = Outcome::default();
    for probe in &PROBES {
        let mut status = ProbeStatus {
            name: probe.name.to_owned(),
            measures: probe.measures.to_owned(),
            ..ProbeStatus::default()
        };
        let (result, log) = log::during(|| (probe.attach)(config, shared));
        match result {
            Ok(attached) => {
                outcome.attached.push(attached.keep);
                status.method = Some(attached.method.to_owned());
                status.reason = attached.note;
            }
            Err(error) => {
                status.reason = Some(format!("{error:#}"));
                outcome.logs.push((probe.name, log));
            }
        }
        outcome.statuses.push(status);
    }
    outcome
}

/// One bit for each system call whose first argument is a descriptor.
fn fd_calls() -> [u64; 8] {
    let mut mask = [0; 8];
    for nr in (0..512).filter(|nr| syscalls::takes_fd(std::env::consts::ARCH, *nr)) {
        mask[nr as usize / 64] |= 1 << (nr % 64);
    }
    mask
}

/// Turns one record of the ring into events. Records that are too short or of no known kind give
/// none: they cannot come from our own programs.
pub fn decode(record: &[u8], names: &mut dyn Names, push: &mut dyn FnMut(Event)) {
    use wire::kind;
    let Some(head) = wire::read::<wire::types::sp_head>(record) else { return };
    match head.kind {
        kind::SAMPLE => sampler::decode(record, names).into_iter().for_each(push),
        kind::DELAY => softirq::decode_delay(record, names).into_iter().for_each(push),
        kind::RUN => softirq::decode_run(record, names).into_iter().for_each(push),
        kind::HANDOFF => ksoftirqd::decode(record, names, push),
        kind::HARDIRQ => hardirq::decode(record, names).into_iter().for_each(push),
        kind::SYSCALL => syscall::decode(record, names).into_iter().for_each(push),
        _ => {}
    }
}
