//! The probes: what each measures, how it attaches, what its records mean.
//!
//! A probe is one `bpf/NAME.bpf.c`, one file here with `attach()` and `decode()`, and one line in
//! [`PROBES`]. Each has its own BPF object, so that the failure of one costs only that one; they
//! meet in the [`shared`] maps. Each attaches by the first rung of its [`Method`]s that works.

pub mod affinity;
mod conntrack;
mod ct_stats;
mod hardirq;
mod hook;
mod ksoftirqd;
mod ladder;
pub mod log;
mod memcg;
mod method;
mod perf;
pub mod reads;
mod rstat;
mod rxpath;
mod sampler;
mod schedstat;
pub mod shared;
mod skel;
mod softirq;
mod syscall;
mod tracking;
mod wire;

use std::any::Any;

use crate::host::HostRoot;
use crate::host::kernel::{Lockdown, has_btf};
use crate::model::{Event, FrameId, ProbeStatus, Refusal, StackId, StrId, TaskId};
use crate::units::{Cpu, Nanos, Tgid};
pub use method::Method;
pub use shared::Shared;
pub use tracking::Tracking;
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
    fn allows(self, method: Method) -> bool {
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

/// Where a record's names go: whoever writes the recording numbers them.
pub trait Names {
    /// Number of a task, looked up in /proc at first sight.
    fn task(&mut self, task: &sp_task) -> TaskId;
    /// Number of a kernel stack.
    fn kernel_stack(&mut self, addresses: &[u64]) -> StackId;
    /// Number of a user stack of a task.
    fn user_stack(&mut self, task: &sp_task, addresses: &[u64]) -> StackId;
    /// Whether an interrupt or a softirq lies on a kernel stack, over what it interrupted; no where
    /// its functions have no names.
    fn interrupted(&mut self, addresses: &[u64]) -> bool;
    /// Number of the symbol at a kernel address.
    fn kernel_symbol(&mut self, address: u64) -> FrameId;
    /// Number of a string.
    fn string(&mut self, text: &str) -> StrId;
}

/// Keeps a probe attached for as long as it lives.
pub type Attachment = Box<dyn Any>;

/// A measure without BPF: it has no ring, and is asked for its events instead.
pub trait Source {
    /// Hands over what has happened since the last time.
    fn drain(&mut self, names: &mut dyn Names, push: &mut dyn FnMut(Event));

    /// The same for the last time, after the end.
    fn rest(&mut self, names: &mut dyn Names, push: &mut dyn FnMut(Event)) {
        self.drain(names, push);
    }
}

/// A probe that is attached.
pub struct Attached {
    /// Links and descriptors; dropping them detaches.
    pub keep: Attachment,
    /// Where its events come from, if not from the ring.
    pub source: Option<Box<dyn Source>>,
    /// What a person should know of it: a part that could not be attached, for instance.
    pub note: Option<String>,
}

impl Attached {
    /// Programs of a rung, some of whose targets may be missing on this kernel.
    fn programs(links: Vec<libbpf_rs::Link>, missing: &str) -> Attached {
        let note = (!missing.is_empty())
            .then(|| format!("this kernel has not, or does not let be traced: {missing}"));
        Attached { keep: Box::new(links), source: None, note }
    }
}

/// A line of the table of probes.
pub struct Probe {
    /// Short name, as in `bpf/NAME.bpf.c`.
    pub name: &'static str,
    /// What it measures.
    pub measures: &'static str,
    /// The ways to do it, best first.
    pub rungs: &'static [Rung],
}

/// One way for a probe to measure.
pub struct Rung {
    /// Its kind.
    pub method: Method,
    /// Loads and attaches it.
    attach: Attach,
    /// What it does not see, or not exactly, that the first rung does.
    pub less: Option<&'static str>,
}

/// How to attach: with the shared maps, or without BPF.
#[derive(Clone, Copy)]
enum Attach {
    Bpf(fn(&Config, &Shared, Method) -> anyhow::Result<Attached>),
    Plain(fn(&Config) -> anyhow::Result<Attached>),
}

const fn bpf(
    method: Method,
    attach: fn(&Config, &Shared, Method) -> anyhow::Result<Attached>,
    less: Option<&'static str>,
) -> Rung {
    Rung { method, attach: Attach::Bpf(attach), less }
}

const fn plain(
    method: Method,
    attach: fn(&Config) -> anyhow::Result<Attached>,
    less: &'static str,
) -> Rung {
    Rung { method, attach: Attach::Plain(attach), less: Some(less) }
}

/// Every probe, in the order they attach. Row numbers are `enum sp_probe` of `bpf/stallprof.h`.
pub const PROBES: [Probe; 10] = [
    Probe {
        name: "softirq",
        measures: "softirq delay: raise to entry, all vectors",
        rungs: &[
            bpf(Method::TpBtf, softirq::attach, None),
            bpf(Method::RawTp, softirq::attach, None),
            bpf(Method::Tracepoint, softirq::attach, None),
            bpf(Method::Fentry, softirq::attach, Some(softirq::BY_FUNCTION)),
            bpf(Method::Kprobe, softirq::attach, Some(softirq::BY_FUNCTION)),
        ],
    },
    Probe {
        name: "ksoftirqd",
        measures: "handoff to ksoftirqd in its parts, and who ran meanwhile",
        rungs: &[
            bpf(Method::TpBtf, ksoftirqd::attach, None),
            bpf(Method::RawTp, ksoftirqd::attach, None),
            bpf(Method::Tracepoint, ksoftirqd::attach, None),
            bpf(Method::Fentry, ksoftirqd::attach, Some(ksoftirqd::BY_FUNCTION)),
            bpf(Method::Kprobe, ksoftirqd::attach, Some(ksoftirqd::BY_FUNCTION)),
            plain(Method::Procfs, schedstat::attach, schedstat::BY_COUNTERS),
        ],
    },
    Probe {
        name: "sampler",
        measures: "what each CPU does at every tick; interrupt gaps",
        rungs: &[
            bpf(Method::PerfEvent, sampler::attach, None),
            plain(Method::Perf, perf::attach, perf::BY_PERF),
        ],
    },
    Probe {
        name: "hardirq",
        measures: "hard interrupt handlers that run long",
        rungs: &[
            bpf(Method::TpBtf, hardirq::attach, None),
            bpf(Method::RawTp, hardirq::attach, None),
            bpf(Method::Tracepoint, hardirq::attach, Some(hardirq::BY_RECORD)),
            bpf(Method::Fentry, hardirq::attach, Some(hardirq::BY_FUNCTION)),
            bpf(Method::Kprobe, hardirq::attach, Some(hardirq::BY_FUNCTION)),
        ],
    },
    Probe {
        name: "syscall",
        measures: "slow system calls and their files",
        rungs: &[
            bpf(Method::TpBtf, syscall::attach, None),
            bpf(Method::RawTp, syscall::attach, Some(syscall::BY_TID)),
            bpf(Method::Tracepoint, syscall::attach, Some(syscall::BY_TID)),
            bpf(Method::Fentry, syscall::attach, Some(syscall::BY_FUNCTION)),
            bpf(Method::Kprobe, syscall::attach, Some(syscall::BY_FUNCTION)),
        ],
    },
    Probe {
        name: "memcg",
        measures: "reads of cgroup files: how many, and their time",
        rungs: &[
            bpf(Method::Fentry, memcg::attach, None),
            bpf(Method::Kprobe, memcg::attach, None),
            bpf(Method::Syscall, memcg::attach_to_calls, Some(memcg::BY_CALL)),
        ],
    },
    Probe {
        name: "rstat",
        measures: "waits for the locks of cgroup statistics, in slow reads",
        rungs: &[
            bpf(Method::TpBtf, rstat::attach, None),
            bpf(Method::RawTp, rstat::attach, None),
            bpf(Method::Tracepoint, rstat::attach, None),
        ],
    },
    Probe {
        name: "rxpath",
        measures: "which CPU receives which packets",
        rungs: &[
            bpf(Method::TpBtf, rxpath::attach, None),
            bpf(Method::RawTp, rxpath::attach, None),
            bpf(Method::Tracepoint, rxpath::attach, None),
            plain(Method::Procfs, rxpath::attach_counters, rxpath::BY_COUNTERS),
        ],
    },
    // Before the next, so that what that sees is counted here.
    Probe {
        name: "ct_stats",
        measures: "connection tracking of each network namespace: losses, fill",
        rungs: &[
            Rung { method: Method::Netlink, attach: Attach::Plain(ct_stats::attach), less: None },
            plain(Method::Procfs, ct_stats::attach_files, ct_stats::BY_FILES),
        ],
    },
    Probe {
        name: "conntrack",
        measures: "connections whose first packet was dropped; SYNs sent again",
        rungs: &[
            bpf(Method::TpBtf, conntrack::attach, None),
            bpf(Method::RawTp, conntrack::attach, None),
            bpf(Method::Tracepoint, conntrack::attach, None),
        ],
    },
];

/// Probes after an attempt to attach them all.
#[derive(Default)]
pub struct Outcome {
    /// Keeps them attached.
    pub attached: Vec<Attachment>,
    /// Those that have to be asked for their events.
    pub sources: Vec<Box<dyn Source>>,
    /// How it went with each, in the order of [`PROBES`].
    pub statuses: Vec<ProbeStatus>,
    /// What libbpf and the kernel's verifier said of what failed, by probe.
    pub logs: Vec<(&'static str, Vec<String>)>,
}

/// Attaches every probe by the best rung that works; tells of each how it went. `shared` says why
/// if there can be no BPF at all.
#[must_use]
pub fn attach_all(config: &Config, shared: Result<&Shared, &str>) -> Outcome {
    let mut outcome = Outcome::default();
    for probe in &PROBES {
        let mut status = ProbeStatus {
            name: probe.name.to_owned(),
            measures: probe.measures.to_owned(),
            ..ProbeStatus::default()
        };
        let mut rungs: Vec<&Rung> = rungs(probe, config).collect();
        // Only ksoftirqd.bpf.c tells sampler.bpf.c since when a CPU is busy.
        let no_gaps = probe.name == "sampler" && shared.is_ok() && !in_bpf(&outcome, "ksoftirqd");
        if no_gaps {
            rungs.reverse();
        }
        for rung in rungs {
            let (result, log) = log::during(|| attach(rung, config, shared));
            match result {
                Ok(attached) => {
                    outcome.attached.push(attached.keep);
                    outcome.sources.extend(attached.source);
                    status.method = Some(rung.method.name().to_owned());
                    let gaps = (no_gaps && rung.method.is_bpf()).then(|| NO_GAPS.to_owned());
                    let less = rung.less.map(str::to_owned);
                    let notes = less.into_iter().chain(attached.note).chain(gaps);
                    status.reason = notes.reduce(|a, b| format!("{a}; {b}"));
                    break;
                }
                Err(error) => {
                    let reason = in_words(rung, &config.root, &error);
                    let method = rung.method.name().to_owned();
                    status.refused.push(Refusal { method, reason });
                    outcome.logs.push((probe.name, log));
                }
            }
        }
        if status.method.is_none() {
            let first = status.refused.first().map(|first| first.reason.clone());
            let unwanted = match wanted(probe, config) {
                Some(Wanted::Off) => "it is switched off",
                _ => "it needs BPF, which was not wanted",
            };
            status.reason = first.or_else(|| Some(unwanted.to_owned()));
        }
        outcome.statuses.push(status);
    }
    outcome
}

/// How the reason begins where no BPF program at all can run.
pub const NO_BPF: &str = "no BPF";

/// What the sampler lacks where no BPF program follows the switches of tasks.
const NO_GAPS: &str = "no interrupt gaps are seen, as ksoftirqd is not measured by BPF";

/// Whether a probe attached by a BPF method.
fn in_bpf(outcome: &Outcome, name: &str) -> bool {
    let method = outcome.statuses.iter().find(|s| s.name == name).and_then(|s| s.method.as_deref());
    method.is_some_and(|m| m.parse::<Method>().is_ok_and(Method::is_bpf))
}

/// What was asked for in place of the best rung that works.
fn wanted(probe: &Probe, config: &Config) -> Option<Wanted> {
    config.methods.iter().rfind(|(name, _)| *name == probe.name).map(|(_, m)| *m)
}

/// The rungs to try.
fn rungs<'a>(probe: &'a Probe, config: &Config) -> impl Iterator<Item = &'a Rung> {
    let forced = wanted(probe, config);
    probe.rungs.iter().filter(move |rung| forced.is_none_or(|wanted| wanted.allows(rung.method)))
}

/// Why a rung was refused, in words a person can act on where the kernel's number is none.
fn in_words(rung: &Rung, root: &HostRoot, error: &anyhow::Error) -> String {
    let (text, bpf) = (format!("{error:#}"), rung.method.is_bpf());
    // libbpf looks for it in our own /sys.
    if bpf && !text.starts_with(NO_BPF) && !has_btf(&HostRoot::default()) {
        return "this kernel has no BTF, the types of its structures".to_owned();
    }
    // What the verifier says of a helper that is forbidden.
    let invalid = text.contains("os error 22");
    if bpf && invalid && Lockdown::read(root) == Some(Lockdown::Confidentiality) {
        return format!("kernel lockdown keeps BPF from reading kernel memory: {text}");
    }
    text
}

fn attach(rung: &Rung, config: &Config, shared: Result<&Shared, &str>) -> anyhow::Result<Attached> {
    match (rung.attach, shared) {
        (Attach::Bpf(attach), Ok(shared)) => attach(config, shared, rung.method),
        (Attach::Plain(attach), Ok(_)) if rung.method == Method::Perf && config.pid.is_some() => {
            // What BPF programs find late is judged by the samples of all tasks, and this method
            // cannot tell which of them will be needed.
            let attached = attach(&Config { pid: None, ..config.clone() })?;
            Ok(Attached { note: Some("the profile is of all processes".to_owned()), ..attached })
        }
        (Attach::Plain(attach), _) => attach(config),
        (Attach::Bpf(_), Err(why)) => anyhow::bail!("{NO_BPF}: {why}"),
    }
}

/// One bit for each system call that is such a one.
fn calls(such: fn(&str, u32) -> bool) -> [u64; 8] {
    let mut mask = [0; 8];
    for nr in (0..512).filter(|nr| such(std::env::consts::ARCH, *nr)) {
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
        kind::FILE_CALL => rstat::decode(record).into_iter().for_each(push),
        kind::CT_DROP => conntrack::decode_drop(record, names).into_iter().for_each(push),
        kind::SYN_AGAIN => conntrack::decode_syn(record, names).into_iter().for_each(push),
        _ => {}
    }
}
