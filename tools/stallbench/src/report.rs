//! How long `stallprof report` takes to read a large recording.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use stallgen::clock::now_ns;
use stallgen::stop::Stop;
use stallgen::task::online_cpus;

use crate::cli::{Common, Subject};
use crate::flood::rest;
use crate::peers::{self, Peer};
use crate::table::{Budget, Comparison, Table};
use crate::tool::Tool;
use crate::workdir::WorkDir;

/// The highest rate that `stallprof record` takes, Hz.
const RATE: u64 = 20_000;

/// What `report` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub common: Common,

    /// How many samples to record first
    #[arg(long, default_value_t = 1_000_000)]
    pub samples: u64,

    /// The folder of FlameGraph's stackcollapse-perf.pl and flamegraph.pl, if not in the PATH
    #[arg(long, value_name = "DIR")]
    pub flamegraph: Option<PathBuf>,
}

/// Makes a recording, then reads it as often as there are rounds.
pub fn run(args: &Args) -> Result<Vec<Table>> {
    let subjects = args.common.subjects()?;
    let cpus = online_cpus()?;
    let length = Duration::from_secs(args.samples.div_ceil(RATE * cpus.len() as u64));
    let stop = Stop::install(length * subjects.len() as u32 + Duration::from_secs(600))?;
    let dir = WorkDir::new()?;
    let mut table = Table::new("stallprof report, s", Comparison::Ratio, 3);
    for subject in &subjects {
        let options = ["--freq", &RATE.to_string()];
        eprintln!("recording {} s of {} at {RATE} Hz", length.as_secs(), subject.name);
        let running = Tool::record(subject, &options).start(dir.path(), &stop)?;
        busy(cpus.len(), length, &stop)?;
        let path = running.stop(&stop)?.context("no recording")?;

        let flame = dir.path().join("profile.svg");
        let text = |path: &Path| Some(path.to_str()?.to_owned());
        let (path, flame) = text(&path).zip(text(&flame)).context("the folder is not UTF-8")?;
        let page = format!("{path}.html");
        let mut ways = vec![
            (vec!["report", "--format", "json", &path], Vec::new()),
            (vec!["report", &path], Vec::new()),
            (vec!["report", &path, "--force", "--profile", &flame], Vec::new()),
            (vec!["report", &path, "--force", "--output", &page], Vec::new()),
        ];
        let mut samples = 0;
        for _ in 0..args.common.rounds {
            for (arguments, times) in &mut ways {
                ensure!(!stop.is_set(), "interrupted");
                let (seconds, output) = time(subject, arguments)?;
                times.push(seconds);
                if arguments.contains(&"json") {
                    samples = count(&output)?;
                }
            }
        }
        let size = std::fs::metadata(&path)?.len() as f64 / 1e6;
        table.notes.push(format!("{}: {samples} samples, {size:.1} MB", subject.name));
        // The budget is for a million; below, it is the start of the program that counts.
        let enough = samples >= 900_000;
        let budget = |s: f64| enough.then_some(Budget::Value(s * samples as f64 / 1e6));
        if !enough {
            let wanted = args.samples;
            let note = format!("fewer than the {wanted} asked for: a busy machine loses some");
            table.notes.extend((samples < wanted * 9 / 10).then_some(note));
        }
        let budgets = [None, budget(0.5), budget(0.5), budget(1.0)];
        let names = ["json", "text", "text and flame graph of all samples", "text and page"];
        for (((_, times), name), budget) in ways.into_iter().zip(names).zip(budgets) {
            table.row(format!("{}: {name}", subject.name), times, None, budget);
        }
    }
    // Its recording is the one that is there.
    let Some(subject) = subjects.last() else { return Ok(vec![table]) };
    let side_by_side = beside(args, subject, dir.path(), &stop)?;
    Ok([Some(table), side_by_side].into_iter().flatten().collect())
}

/// From a recording to a flame graph of all its samples: ours, and perf's of the same work.
fn beside(args: &Args, subject: &Subject, dir: &Path, stop: &Stop) -> Result<Option<Table>> {
    let (peers, lacking) = peers::peers(args.flamegraph.as_deref());
    if peers.is_empty() {
        lacking.iter().for_each(|words| eprintln!("{words}"));
        return Ok(None);
    }
    let cpus = online_cpus()?.len();
    // perf takes no more than the kernel's limit; what counts is the time for a sample.
    let limit = std::fs::read_to_string("/proc/sys/kernel/perf_event_max_sample_rate")?;
    let rate = limit.trim().parse().map_or(RATE, |limit: u64| limit.clamp(1, RATE)).to_string();
    let length = Duration::from_secs(args.samples.div_ceil(RATE * cpus as u64));
    eprintln!("recording {} s of perf record -a -g -F {rate}", length.as_secs());
    let options = ["-a", "-g", "-e", "cpu-clock", "-F", &rate];
    let running = Tool::perf("perf record", &options).start(dir, stop)?;
    busy(cpus, length, stop)?;
    running.stop(stop)?;
    let (ours, theirs) = (dir.join("record.stall"), peers::samples(dir)?);
    let text = |path: PathBuf| path.to_str().map(str::to_owned).context("the folder is not UTF-8");
    let (ours, flame) = (text(ours)?, text(dir.join("profile.svg"))?);
    let json = time(subject, &["report", "--format", "json", &ours])?.1;
    let own = count(&json)? as f64 / 1e6;

    let mut times = vec![Vec::new(); peers.len() + 1];
    for _ in 0..args.common.rounds {
        ensure!(!stop.is_set(), "interrupted");
        let (seconds, _) = time(subject, &["report", &ours, "--force", "--profile", &flame])?;
        times[0].push(seconds / own);
        for (peer, times) in peers.iter().zip(&mut times[1..]) {
            times.push(peer.time(dir)? / (theirs as f64 / 1e6));
        }
    }
    let title = "recording to flame graph, s for a million samples";
    let mut table = Table::new(title, Comparison::Ratio, 3);
    let first = times.remove(0);
    table.row(format!("{} report", subject.name), first.clone(), None, None);
    for (Peer { name, budget, .. }, times) in peers.iter().zip(times) {
        table.row(*name, times, Some(&first), Some(Budget::AtLeast(*budget)));
    }
    let size = std::fs::metadata(dir.join("perf.data"))?.len() as f64 / 1e6;
    table.notes.push(format!("perf.data: {theirs} samples, {size:.1} MB"));
    table.notes.extend(lacking);
    Ok(Some(table))
}

/// Keeps every CPU busy in the kernel, with stacks that differ.
fn busy(threads: usize, length: Duration, stop: &Stop) -> Result<()> {
    let end = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !end.load(Ordering::Relaxed) {
                    let files = ["/proc/self/maps", "/proc/stat", "/proc/meminfo", "/proc/loadavg"];
                    for file in files {
                        let _ = std::fs::read(file);
                    }
                }
            });
        }
        let result = rest(stop, length);
        end.store(true, Ordering::Relaxed);
        result
    })
}

fn time(subject: &Subject, arguments: &[&str]) -> Result<(f64, Vec<u8>)> {
    let began = now_ns();
    let output = Command::new(&subject.path)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", subject.path.display()))?;
    let seconds = (now_ns() - began) as f64 / 1e9;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "stallprof {}: {errors}", arguments.join(" "));
    Ok((seconds, output.stdout))
}

fn count(json: &[u8]) -> Result<u64> {
    let findings: Value = serde_json::from_slice(json)?;
    let cpus = findings["cpus"].as_array().context("stallprof report: no cpus")?;
    Ok(cpus.iter().filter_map(|cpu| cpu["samples"].as_u64()).sum())
}
