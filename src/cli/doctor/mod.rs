//! `stallprof doctor`: what can be measured here, by which method, and why not more.

mod checks;
mod print;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;

use crate::cli::host_root;
use crate::host::{HostFacts, HostRoot};
use crate::model::ProbeStatus;
use crate::probe::{self, Config, Shared, Tracking};
use crate::units::Nanos;
use checks::{Check, checks};

/// Tell what can be measured on this kernel, by which method, and why not more
///
/// Attaches every probe for a moment and counts nothing. Exits with 1 only if nothing at all can be
/// measured.
#[derive(clap::Args)]
pub struct Args {
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Show what the kernel's verifier said of each probe that it refused
    #[arg(short, long)]
    verbose: bool,

    /// Where the host's / is mounted, such as /host in a container; docs/daemon.md tells what for
    #[arg(long, value_name = "DIR", default_value = "/", value_parser = host_root::running())]
    host_root: HostRoot,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs: docs/doctor.md tells the schema
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

pub fn run(args: &Args) -> Result<ExitCode> {
    let root = &args.host_root;
    let facts = HostFacts::read(root)?;
    let Trial { no_bpf, probes, logs } = try_probes(&facts, root);
    let works = probes.iter().any(|p| p.method.is_some());
    let examination = Examination {
        version: env!("CARGO_PKG_VERSION"),
        host: facts.uname.hostname.clone(),
        kernel: facts.uname.release.clone(),
        preemption: facts.preemption.map(|p| p.name()),
        hz: facts.hz,
        checks: checks(root, no_bpf.as_deref()),
        probes,
        logs: if args.verbose { logs } else { Vec::new() },
    };
    let mut out = std::io::stdout().lock();
    match args.format {
        Format::Text => print::print(&mut out, &examination)?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, &examination).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(if works { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What trying showed.
struct Trial {
    /// Why no BPF program can run at all.
    no_bpf: Option<String>,
    probes: Vec<ProbeStatus>,
    /// What libbpf and the verifier said, by probe.
    logs: Vec<(&'static str, Vec<String>)>,
}

/// Attaches every probe for a moment, counting nothing: only trying tells what a kernel allows.
fn try_probes(facts: &HostFacts, root: &HostRoot) -> Trial {
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
        tracking: Tracking::default(),
        root: root.clone(),
    };
    let (shared, log) = probe::log::during(|| Shared::new(&config));
    let no_bpf = shared.as_ref().err().map(|e| format!("{e:#}"));
    let why = no_bpf.as_deref().unwrap_or_default();
    let mut outcome = probe::attach_all(&config, shared.as_ref().map_err(|_| why));
    if shared.is_err() {
        outcome.logs.insert(0, ("maps", log));
    }
    Trial { no_bpf, probes: outcome.statuses, logs: outcome.logs }
}
