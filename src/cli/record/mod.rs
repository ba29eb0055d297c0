//! `stallprof record`: what stalls this host, now?

mod child;
mod methods;
mod progress;
mod signals;

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::{conclude, host_root, output};
use crate::host::{CpuList, HostFacts, HostRoot};
use crate::model::{Meta, measured};
use crate::probe::{Config, Tracking};
use crate::recording;
use crate::session::{Counts, Pace, Session, add_health};
use crate::units::{Nanos, Tgid};

/// Record what stalls the CPUs of this host, and say who did it
///
/// Ends after --duration, with the COMMAND, at Ctrl-C, or when the terminal hangs up; then reads the node's health as `check`
/// does, for a second at most, and prints the verdict. The recording it keeps can be read anywhere
/// with `stallprof report`. Needs root, or CAP_BPF, CAP_PERFMON and CAP_SYSLOG; with less it
/// measures less, and says so.
#[derive(clap::Args)]
pub struct Args {
    /// CPUs to record, such as 11 or 0,2-5; all by default
    #[arg(short = 'C', long = "cpu", value_name = "LIST")]
    cpus: Option<CpuList>,

    /// How long to record: 10 (seconds), 500ms, 2m; until Ctrl-C by default
    #[arg(short, long, value_name = "TIME")]
    duration: Option<Nanos>,

    /// Samples a second on each CPU
    #[arg(short = 'F', long, default_value_t = 999, value_name = "HZ",
          value_parser = clap::value_parser!(u32).range(1..=20_000))]
    freq: u32,

    /// Where to write the recording; a name from host and time by default
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Replace the output file if it exists
    #[arg(long)]
    force: bool,

    /// What is late by so much is a stall; with its unit, such as 5ms or 500us
    #[arg(long, default_value = "5ms", value_name = "TIME", value_parser = Nanos::with_unit)]
    stall: Nanos,

    /// Slow system calls and the profile of this process only; stalls of the CPUs all the same
    #[arg(short, long, value_name = "PID")]
    pid: Option<u32>,

    /// Record system calls that take at least this long, those that sleep too; by default those
    /// as long as a stall that did not sleep, or used as much CPU time
    #[arg(long, value_name = "TIME", value_parser = Nanos::with_unit)]
    syscall_min: Option<Nanos>,

    /// Measure how long softirq handlers run, too: exact, but dear on a busy network
    #[arg(long)]
    softirq_runs: bool,

    /// For experts: measure PROBE (or all that can) by this METHOD instead of the best that works,
    /// such as softirq=raw_tp; all=no_bpf does without BPF
    #[arg(long, value_name = "PROBE=METHOD", value_parser = methods::method)]
    method: Vec<methods::Methods>,

    /// Where the host's / is mounted, such as /host in a container; docs/daemon.md tells what for
    #[arg(long, value_name = "DIR", default_value = "/", value_parser = host_root::running())]
    host_root: HostRoot,

    /// Record for as long as this command runs, as the user who records; at the end of --duration or
    /// with Ctrl-C it gets SIGTERM. What it returns is not passed on
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub fn run(args: Args) -> Result<ExitCode> {
    let facts = HostFacts::read(&args.host_root)?;
    let config = config(&args, &facts)?;
    let path = args.output.clone().unwrap_or_else(|| default_name(&facts.uname.hostname));

    let signal = Arc::new(AtomicUsize::new(0));
    // A file that grows past the limit of the shell is a write that fails, not a death.
    signal_hook::flag::register(libc::SIGXFSZ, Arc::default())?;
    // nohup(1) has hang-ups ignored.
    let hangup = (!signals::is_ignored(SIGHUP)).then_some(SIGHUP);
    for number in [SIGINT, SIGTERM].into_iter().chain(hangup) {
        signal_hook::flag::register_usize(number, Arc::clone(&signal), number as usize)?;
    }

    let session = Session::start(&config, Pace::RECORD).map_err(explain)?;
    warn(&session);
    let meta = session.meta(&config, &facts);
    // The command first: where it cannot be run, no file is replaced.
    let mut child = child::spawn(&args.command)?;
    let began = Instant::now();
    let writer = match begin(&path, args.force, &meta) {
        Ok(writer) => writer,
        Err(error) => {
            child.as_mut().map(child::finish);
            return Err(error);
        }
    };

    let limit = args.duration.map(|d| Duration::from_nanos(d.0));
    let stop = || {
        signal.load(Ordering::Relaxed) != 0
            || limit.is_some_and(|l| began.elapsed() >= l)
            || child.as_mut().is_some_and(|c| !matches!(c.try_wait(), Ok(None)))
    };
    let bar = progress::bar(limit);
    let progress = |counts: &Counts| progress::show(&bar, counts, began);
    let (end, counts) = session.record(writer, &meta, stop, progress, |writer| {
        bar.finish_and_clear();
        add_health(writer, &config.root);
    });
    bar.finish_and_clear();
    if let Some(child) = &mut child {
        child::finish(child);
    }
    conclude::conclude(&path, args.force, &end, &counts)
}

fn begin(path: &Path, force: bool, meta: &Meta) -> Result<recording::Writer<File>> {
    let file = recording::create(path, force)?;
    recording::Writer::to_file(file, meta).with_context(|| format!("writing {}", path.display()))
}

fn config(args: &Args, facts: &HostFacts) -> Result<Config> {
    for (option, value) in [("--stall", Some(args.stall)), ("--syscall-min", args.syscall_min)] {
        if value == Some(Nanos(0)) {
            bail!(
                "{option} 0: a threshold of zero would record everything; give a time, such as 5ms"
            );
        }
    }
    if args.duration == Some(Nanos(0)) {
        bail!("--duration 0 records nothing; give a time, such as 10s");
    }
    let online = &facts.cpus_online;
    let cpus = args.cpus.as_ref().unwrap_or(online);
    if let Some(missing) = cpus.cpus().iter().find(|c| !online.contains(**c)) {
        bail!("--cpu {cpus}: CPU {missing} is not online; this host has {online}");
    }
    if let Some(pid) = args.pid {
        check_pid(&args.host_root, pid)?;
    }
    Ok(Config {
        cpus: cpus.cpus().to_vec(),
        stall: args.stall,
        gap: Config::gap_for(args.stall, args.freq),
        freq: args.freq,
        syscall_min: args.syscall_min.unwrap_or(args.stall),
        sleeping_calls: args.syscall_min.is_some(),
        pid: args.pid.map(Tgid),
        softirq_runs: args.softirq_runs,
        methods: args.method.concat(),
        tracking: Tracking::default(),
        root: args.host_root.clone(),
    })
}

/// Whether a number is a process's, and the kernel's own number of it.
fn check_pid(root: &HostRoot, pid: u32) -> Result<()> {
    let Some(status) = root.value(format!("proc/{pid}/status")) else {
        bail!("--pid {pid}: there is no such process");
    };
    let tgid = status.lines().find_map(|l| l.strip_prefix("Tgid:")).map(str::trim);
    if let Some(tgid) = tgid.filter(|tgid| tgid.parse() != Ok(pid)) {
        bail!("--pid {pid} is a thread of process {tgid}: give --pid {tgid}");
    }
    if !root.has_kernel_tids() {
        bail!(
            "--pid {pid}: a pid namespace has other numbers than the kernel (use --pid=host, or \
             --host-root)"
        );
    }
    Ok(())
}

/// Says at once what will be missing: a person may wait long for the verdict.
fn warn(session: &Session) {
    for (probes, reason) in measured::missing(&session.probes) {
        let names: Vec<&str> = probes.iter().map(|p| p.name.as_str()).collect();
        output::tell(&format_args!("not measured: {} ({reason})", names.join(", ")));
    }
}

/// What a person can do about a refusal.
pub fn explain(error: anyhow::Error) -> anyhow::Error {
    // SAFETY: geteuid cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        return error.context(
            "measuring needs root, or the capabilities CAP_BPF, CAP_PERFMON and CAP_SYSLOG: \
             try sudo. `stallprof doctor` tells more",
        );
    }
    error.context("this kernel refuses to be measured; `stallprof doctor` tells more")
}

/// `stallprof-HOST-20261121-011830.stall`, in UTC.
fn default_name(host: &str) -> PathBuf {
    let safe: String = host
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' })
        .collect();
    let time = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
    PathBuf::from(format!("stallprof-{safe}-{time}.stall"))
}
