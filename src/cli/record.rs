//! `stallprof record`: what stalls this host, now?

use std::ffi::OsString;
use std::fs::File;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::host_root;
use crate::host::{CpuList, HostFacts, HostRoot};
use crate::model::{Meta, measured};
use crate::probe::{Config, Method, PROBES, Probe, Tracking, Wanted};
use crate::recording;
use crate::session::{Counts, Pace, Session, add_health};
use crate::units::{Nanos, Tgid};

/// Record what stalls the CPUs of this host, and say who did it
///
/// Ends after --duration, with the COMMAND, or at Ctrl-C; then reads the node's health as `check`
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
    #[arg(long, value_name = "PROBE=METHOD", value_parser = method)]
    method: Vec<Methods>,

    /// Where the host's / is mounted, such as /host in a container; docs/daemon.md tells what for
    #[arg(long, value_name = "DIR", default_value = "/", value_parser = host_root::running())]
    host_root: HostRoot,

    /// Record for as long as this command runs, as the user who records; at the end of --duration or
    /// with Ctrl-C it gets SIGTERM. What it returns is not passed on
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// How long a command may take to end.
const PATIENCE: Duration = Duration::from_secs(1);

/// What one `--method` asks for.
type Methods = Vec<(&'static str, Wanted)>;

pub fn run(args: Args) -> Result<ExitCode> {
    let facts = HostFacts::read(&args.host_root)?;
    let config = config(&args, &facts)?;
    let path = args.output.clone().unwrap_or_else(|| default_name(&facts.uname.hostname));

    let signal = Arc::new(AtomicUsize::new(0));
    // A file that grows past the limit of the shell is a write that fails, not a death.
    signal_hook::flag::register(libc::SIGXFSZ, Arc::default())?;
    for number in [SIGINT, SIGTERM] {
        signal_hook::flag::register_usize(number, Arc::clone(&signal), number as usize)?;
    }

    let session = Session::start(&config, Pace::RECORD).map_err(explain)?;
    warn(&session);
    let meta = session.meta(&config, &facts);
    // The command first: where it cannot be run, no file is replaced.
    let mut child = spawn(&args.command)?;
    let began = Instant::now();
    let writer = match begin(&path, args.force, &meta) {
        Ok(writer) => writer,
        Err(error) => {
            child.as_mut().map(finish_child);
            return Err(error);
        }
    };

    let limit = args.duration.map(|d| Duration::from_nanos(d.0));
    let stop = || {
        signal.load(Ordering::Relaxed) != 0
            || limit.is_some_and(|l| began.elapsed() >= l)
            || child.as_mut().is_some_and(|c| !matches!(c.try_wait(), Ok(None)))
    };
    let bar = progress_bar(limit);
    let progress = |counts: &Counts| show_progress(&bar, counts, began);
    let (end, counts) = session.record(writer, &meta, stop, progress, |writer| {
        bar.finish_and_clear();
        add_health(writer, &config.root);
    });
    bar.finish_and_clear();
    if let Some(child) = &mut child {
        finish_child(child);
    }
    super::conclude::conclude(&path, args.force, &end, &counts)
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

/// `softirq=raw_tp`, `all=raw_tp` or `all=no_bpf`.
fn method(text: &str) -> Result<Methods, String> {
    let (name, method) = text.split_once('=').ok_or("give PROBE=METHOD, such as softirq=raw_tp")?;
    if (name, method) == ("all", "no_bpf") {
        return Ok(PROBES.iter().map(|p| (p.name, Wanted::WithoutBpf)).collect());
    }
    let method: Method = method.parse()?;
    let able = |p: &&Probe| p.rungs.iter().any(|r| r.method == method);
    if name == "all" {
        let able = PROBES.iter().filter(able);
        return Ok(able.map(|p| (p.name, Wanted::Only(method))).collect());
    }
    let probe = PROBES.iter().find(|p| p.name == name).ok_or_else(|| {
        let names: Vec<_> = PROBES.iter().map(|p| p.name).collect();
        format!("no such probe: {name}; there are {}, and all", names.join(", "))
    })?;
    if !able(&probe) {
        let names: Vec<_> = probe.rungs.iter().map(|r| r.method.name()).collect();
        return Err(format!("{name} cannot be measured by {method}, but by {}", names.join(", ")));
    }
    Ok(vec![(probe.name, Wanted::Only(method))])
}

/// Says at once what will be missing: a person may wait long for the verdict.
fn warn(session: &Session) {
    for (probes, reason) in measured::missing(&session.probes) {
        let names: Vec<&str> = probes.iter().map(|p| p.name.as_str()).collect();
        super::output::tell(&format_args!("not measured: {} ({reason})", names.join(", ")));
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

fn spawn(command: &[OsString]) -> Result<Option<Child>> {
    let Some((program, args)) = command.split_first() else { return Ok(None) };
    Command::new(program)
        .args(args)
        .spawn()
        .map(Some)
        .with_context(|| format!("cannot run {}", Path::new(program).display()))
}

/// The command outlived the recording: it is asked to end, as the recording's reason to be. One
/// that does not is left alone, and told of.
fn finish_child(child: &mut Child) {
    let runs = |child: &mut Child| matches!(child.try_wait(), Ok(None));
    if !runs(child) {
        return;
    }
    // SAFETY: our own child, not yet waited for, so the pid is still its.
    unsafe { libc::kill(child.id() as libc::pid_t, SIGTERM) };
    let asked = Instant::now();
    while runs(child) {
        if asked.elapsed() > PATIENCE {
            let pid = child.id();
            return super::output::tell(&format_args!(
                "the command has not ended {PATIENCE:?} after SIGTERM, and goes on: kill {pid}"
            ));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
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

fn progress_bar(limit: Option<Duration>) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = match limit {
        Some(limit) => ProgressBar::new(limit.as_millis() as u64),
        None => ProgressBar::new_spinner(),
    };
    let template = match limit {
        Some(_) => "{spinner} {bar:20} {msg}",
        None => "{spinner} {msg}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
    bar
}

fn show_progress(bar: &ProgressBar, counts: &Counts, began: Instant) {
    let elapsed = began.elapsed();
    bar.set_position(elapsed.as_millis() as u64);
    let worst = match counts.stalls {
        0 => String::new(),
        _ => format!(", worst {}", counts.worst),
    };
    bar.set_message(format!(
        "{:.0} s  {} stall{}{worst}  {} lost  (Ctrl-C ends)",
        elapsed.as_secs_f64(),
        counts.stalls,
        if counts.stalls == 1 { "" } else { "s" },
        counts.lost,
    ));
    bar.tick();
}
