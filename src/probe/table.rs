//! The table of probes: what each measures, and the rungs of its ladder.

use super::wire::types::sp_probe;
use super::{
    Attached, Config, Method, Shared, conntrack, ct_stats, hardirq, ksoftirqd, memcg, perf, rstat,
    rxpath, sampler, schedstat, softirq, syscall,
};

/// An entry of the table.
pub struct Probe {
    /// Short name, as in `bpf/NAME.bpf.c`.
    pub name: &'static str,
    /// What it measures.
    pub measures: &'static str,
    /// Its row of losses.
    pub(super) row: sp_probe,
    /// The daemon and `top` run it unless told otherwise.
    pub always_on: bool,
    /// The ways to do it, best first.
    pub rungs: &'static [Rung],
}

/// One way for a probe to measure.
pub struct Rung {
    /// Its kind.
    pub method: Method,
    /// Loads and attaches it.
    pub(super) attach: Attach,
    /// What it does not see, or not exactly, that the first rung does.
    pub less: Option<&'static str>,
}

/// How to attach: with the shared maps, or without BPF.
#[derive(Clone, Copy)]
pub(super) enum Attach {
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

/// Every probe, in the order they attach.
pub const PROBES: &[Probe] = &[
    Probe {
        name: "softirq",
        measures: "softirq delay: raise to entry, all vectors",
        row: sp_probe::SP_P_SOFTIRQ,
        always_on: true,
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
        row: sp_probe::SP_P_KSOFTIRQD,
        always_on: true,
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
        row: sp_probe::SP_P_SAMPLER,
        always_on: true,
        rungs: &[
            bpf(Method::PerfEvent, sampler::attach, None),
            plain(Method::Perf, perf::attach, perf::BY_PERF),
        ],
    },
    Probe {
        name: "hardirq",
        measures: "hard interrupt handlers that run long",
        row: sp_probe::SP_P_HARDIRQ,
        always_on: true,
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
        row: sp_probe::SP_P_SYSCALL,
        always_on: false,
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
        row: sp_probe::SP_P_MEMCG,
        always_on: false,
        rungs: &[
            bpf(Method::Fentry, memcg::attach, None),
            bpf(Method::Kprobe, memcg::attach, None),
            bpf(Method::Syscall, memcg::attach_to_calls, Some(memcg::BY_CALL)),
        ],
    },
    Probe {
        name: "rstat",
        measures: "waits for the locks of cgroup statistics, in slow reads",
        row: sp_probe::SP_P_RSTAT,
        always_on: false,
        rungs: &[
            bpf(Method::TpBtf, rstat::attach, None),
            bpf(Method::RawTp, rstat::attach, None),
            bpf(Method::Tracepoint, rstat::attach, None),
        ],
    },
    Probe {
        name: "rxpath",
        measures: "which CPU receives which packets",
        row: sp_probe::SP_P_RXPATH,
        always_on: false,
        rungs: &[
            bpf(Method::TpBtf, rxpath::attach, None),
            bpf(Method::RawTp, rxpath::attach, None),
            bpf(Method::Tracepoint, rxpath::attach, None),
            plain(Method::Procfs, rxpath::attach_counters, rxpath::BY_COUNTERS),
        ],
    },
    // Before conntrack: its first reading must be older than the first drop that is seen.
    Probe {
        name: "ct_stats",
        measures: "connection tracking of each network namespace: losses, fill",
        row: sp_probe::SP_P_CT_STATS,
        always_on: false,
        rungs: &[
            Rung { method: Method::Netlink, attach: Attach::Plain(ct_stats::attach), less: None },
            plain(Method::Procfs, ct_stats::attach_files, ct_stats::BY_FILES),
        ],
    },
    Probe {
        name: "conntrack",
        measures: "connections whose first packet was dropped; SYNs sent again",
        row: sp_probe::SP_P_CONNTRACK,
        always_on: false,
        rungs: &[
            bpf(Method::TpBtf, conntrack::attach, None),
            bpf(Method::RawTp, conntrack::attach, None),
            bpf(Method::Tracepoint, conntrack::attach, None),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn page(name: &str) -> String {
        std::fs::read_to_string(format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    #[test]
    fn the_docs_tell_of_each_probe_and_its_methods() {
        let page = page("how-it-works.md");
        let rows = page.lines().skip_while(|line| *line != "| probe | methods |");
        let rows: Vec<&str> = rows.take_while(|line| line.starts_with('|')).collect();
        for probe in PROBES {
            let of = |row: &&&str| {
                let names = row.split('|').nth(1).unwrap_or_default();
                names.split(',').any(|name| name.trim() == probe.name)
            };
            let told: String = rows.iter().filter(of).copied().collect();
            for rung in probe.rungs {
                let method = format!("`{}`", rung.method);
                assert!(told.contains(&method), "{}: {method} is not in {told:?}", probe.name);
            }
        }
    }

    #[test]
    fn the_docs_tell_which_are_always_on() {
        let on = PROBES.iter().filter(|probe| probe.always_on).map(|probe| probe.name);
        let row = format!("| `probes.on` | {} |", on.collect::<Vec<_>>().join(", "));
        assert!(page("daemon.md").contains(&row), "{row}");
    }
}
