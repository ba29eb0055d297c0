//! `stallprof doctor`: what can be measured here, by which method, and why not more.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;

use crate::host::caps::{Cap, Caps};
use crate::host::kernel::{Lockdown, Sysctls, has_btf};
use crate::host::{HostFacts, HostRoot};
use crate::model::ProbeStatus;
use crate::probe::{self, Config, Shared};
use crate::render::escape;
use crate::units::Nanos;

/// Tell what can be measured on this kernel, by which method, and why not more
#[derive(clap::Args)]
pub struct Args {
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Show what the kernel's verifier said of each probe that it refused
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// The whole examination. Its JSON has these names.
#[derive(Serialize)]
struct Examination {
    version: &'static str,
    host: String,
    kernel: String,
    preemption: Option<&'static str>,
    hz: Option<u32>,
    checks: Vec<Check>,
    probes: Vec<ProbeStatus>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logs: Vec<(&'static str, Vec<String>)>,
}

/// Something that measuring depends on.
#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    found: String,
    /// What a person can do about it, where it is not as needed.
    advice: Option<String>,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let root = HostRoot::default();
    let facts = HostFacts::read(&root)?;
    let (probes, logs) = try_probes(&facts);
    let works = probes.iter().any(|p| p.method.is_some());
    let examination = Examination {
        version: env!("CARGO_PKG_VERSION"),
        host: facts.uname.hostname.clone(),
        kernel: facts.uname.release.clone(),
        preemption: facts.preemption.map(|p| p.name()),
        hz: facts.hz,
        checks: checks(&root),
        probes,
        logs: if args.verbose { logs } else { Vec::new() },
    };
    let mut out = std::io::stdout().lock();
    match args.format {
        Format::Text => print(&mut out, &examination)?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, &examination).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(if works { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Attaches every probe for a moment, counting nothing: only trying tells what a kernel allows.
fn try_probes(facts: &HostFacts) -> (Vec<ProbeStatus>, Vec<(&'static str, Vec<String>)>) {
    let freq = 999;
    let stall = Nanos::from_millis(5);
    let config = Config {
        cpus: facts.cpus_online.cpus().to_vec(),
        stall,
        gap: Config::gap_for(stall, freq),
        freq,
        syscall_min: stall,
        sleeping_calls: false,
        pid: None,
        softirq_runs: true,
        methods: Vec::new(),
    };
    let (shared, log) = probe::log::during(|| Shared::new(&config));
    let why = shared.as_ref().err().map(|e| format!("{e:#}")).unwrap_or_default();
    let mut outcome = probe::attach_all(&config, shared.as_ref().map_err(|_| why.as_str()));
    if shared.is_err() {
        outcome.logs.insert(0, ("maps", log));
    }
    (outcome.statuses, outcome.logs)
}

fn checks(root: &HostRoot) -> Vec<Check> {
    let sysctls = Sysctls::read(root);
    vec![
        check_btf(root),
        check_lockdown(root),
        check_capabilities(root),
        check_symbols(root, &sysctls),
        check_sampling(&sysctls),
    ]
}

fn check_btf(root: &HostRoot) -> Check {
    let ok = has_btf(root);
    Check {
        name: "kernel types (BTF)",
        ok,
        found: if ok { "/sys/kernel/btf/vmlinux" } else { "none" }.to_owned(),
        advice: (!ok).then(|| {
            "the probes need a kernel built with CONFIG_DEBUG_INFO_BTF=y, as distributions have \
             since about 5.8"
                .to_owned()
        }),
    }
}

fn check_lockdown(root: &HostRoot) -> Check {
    let mode = Lockdown::read(root);
    let strict = mode == Some(Lockdown::Confidentiality);
    Check {
        name: "lockdown",
        ok: !strict,
        found: mode.map_or("not in this kernel".to_owned(), |m| format!("{m:?}").to_lowercase()),
        advice: strict.then(|| {
            "confidentiality keeps BPF from reading kernel memory: boot with lockdown=integrity"
                .to_owned()
        }),
    }
}

fn check_capabilities(root: &HostRoot) -> Check {
    let needed = [Cap::Bpf, Cap::Perfmon, Cap::Syslog, Cap::SysPtrace, Cap::DacReadSearch];
    let caps = Caps::effective(root).unwrap_or_default();
    let missing: Vec<_> = needed.into_iter().filter(|c| !caps.has(*c)).map(Cap::name).collect();
    let ok = missing.is_empty();
    Check {
        name: "capabilities",
        ok,
        found: if ok { "all it needs".to_owned() } else { format!("no {}", missing.join(", ")) },
        advice: (!ok).then(|| "run it as root, with sudo for instance".to_owned()),
    }
}

fn check_symbols(root: &HostRoot, sysctls: &Sysctls) -> Check {
    let caps = Caps::effective(root).unwrap_or_default();
    let hidden = sysctls.kptr_restrict == Some(2);
    let ok = !hidden && caps.has(Cap::Syslog);
    let advice = if hidden {
        Some("stacks will have no function names: sysctl kernel.kptr_restrict=1".to_owned())
    } else {
        (!ok).then(|| "stacks will have no function names without CAP_SYSLOG".to_owned())
    };
    let found = match sysctls.kptr_restrict {
        Some(n) => format!("/proc/kallsyms, kptr_restrict {n}"),
        None => "/proc/kallsyms".to_owned(),
    };
    Check { name: "kernel symbols", ok, found, advice }
}

fn check_sampling(sysctls: &Sysctls) -> Check {
    let most = sysctls.perf_event_max_sample_rate;
    let ok = most.is_none_or(|m| m >= 999);
    Check {
        name: "sampling",
        ok,
        found: most.map_or("unknown".to_owned(), |m| format!("up to {m} Hz on each CPU")),
        advice: (!ok).then(|| {
            "record samples at 999 Hz: sysctl kernel.perf_event_max_sample_rate=100000, or \
             record -F with less"
                .to_owned()
        }),
    }
}

fn print(out: &mut impl Write, e: &Examination) -> std::io::Result<()> {
    let model = e.preemption.map_or(String::new(), |p| format!(", preempt {p}"));
    let hz = e.hz.map_or(String::new(), |hz| format!(", HZ {hz}"));
    let (host, kernel) = (escape::visible(&e.host), escape::visible(&e.kernel));
    writeln!(out, "stallprof {} on {host}, kernel {kernel}{model}{hz}\n", e.version)?;
    for check in &e.checks {
        let mark = if check.ok { "ok " } else { "NO " };
        writeln!(out, "  {mark} {:20} {}", check.name, check.found)?;
        if let Some(advice) = &check.advice {
            writeln!(out, "      {advice}")?;
        }
    }
    writeln!(out, "\nMeasures")?;
    for probe in &e.probes {
        let mark = if probe.method.is_some() { "ok " } else { "NO " };
        let method = probe.method.as_deref().unwrap_or("-");
        writeln!(out, "  {mark} {:10} {method:10} {}", probe.name, probe.measures)?;
        if let Some(reason) = &probe.reason {
            writeln!(out, "      {}", escape::visible(reason))?;
        }
        for (_, lines) in e.logs.iter().filter(|(name, _)| *name == probe.name) {
            for line in lines {
                writeln!(out, "        {}", escape::visible(line))?;
            }
        }
    }
    let running = e.probes.iter().filter(|p| p.method.is_some()).count();
    let all = e.probes.len();
    match running {
        0 => writeln!(out, "\nNothing can be measured here; `doctor -v` shows what was refused."),
        n if n < all => writeln!(out, "\n{n} of {all} measures work; reports say which do not."),
        _ if e.checks.iter().any(|c| !c.ok) => {
            writeln!(out, "\nEvery measure attaches; mind the lines marked NO.")
        }
        _ => writeln!(out, "\nEverything can be measured here."),
    }
}
