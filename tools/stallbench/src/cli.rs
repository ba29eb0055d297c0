//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Parser, Subcommand};
use stallgen::stop::Stop;

use crate::facts::Facts;
use crate::table::Report;
use crate::{floor, large, overhead, probes, report};

/// Measures what stallprof costs, side by side with its peers
#[derive(Debug, Parser)]
#[command(name = "tools/bench", version)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// ns per softirq of our BPF programs, and of those of libbpf-tools softirqs
    Probes(Common),
    /// Packets/s, CPU time and ns per system call: alone, and under each tool
    Overhead(overhead::Args),
    /// Time that `stallprof report` needs for a large recording
    Report(report::Args),
    /// Time and memory that it needs for made-up recordings of hundreds of megabytes
    Large(large::Args),
    /// Attaches programs that do nothing: `overhead --floor` runs it as one of its tools
    #[command(hide = true)]
    Floor(floor::Args),
}

/// What all measurements take.
#[derive(Debug, clap::Args)]
pub struct Common {
    /// Length of one measurement
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,

    /// How often everything is measured, in turn
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,

    /// The binary to measure; more than one are compared in the same rounds, as NAME=PATH. The
    /// default is the one beside this program
    #[arg(long, value_name = "[NAME=]PATH")]
    pub stallprof: Vec<String>,

    /// Packets handed to the kernel in one system call
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub batch: u32,

    /// Write the figures of every round here, too
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// A stallprof to measure.
#[derive(Clone, Debug)]
pub struct Subject {
    /// How the tables call it.
    pub name: String,
    /// Its binary.
    pub path: PathBuf,
}

impl Common {
    /// Length of one measurement.
    pub fn length(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// The binaries to measure.
    pub fn subjects(&self) -> Result<Vec<Subject>> {
        let subject = |text: &String| match text.split_once('=') {
            Some((name, path)) => Subject { name: name.to_owned(), path: path.into() },
            None => Subject { name: "stallprof".to_owned(), path: text.into() },
        };
        let mut subjects: Vec<Subject> = self.stallprof.iter().map(subject).collect();
        if subjects.is_empty() {
            let path = std::env::current_exe()?.with_file_name("stallprof");
            subjects.push(Subject { name: "stallprof".to_owned(), path });
        }
        for Subject { path, .. } in &mut subjects {
            *path = path.canonicalize().with_context(|| {
                format!("{}: build it, or name another by --stallprof", path.display())
            })?;
        }
        let mut names: Vec<&str> = subjects.iter().map(|s| s.name.as_str()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            bail!("two binaries of one name: give --stallprof NAME=PATH");
        }
        Ok(subjects)
    }

    /// Signals and the deadline of a run that makes `measurements` in a round.
    pub fn stop(&self, measurements: u64) -> Result<Stop> {
        // Starting and ending a tool takes a second or two; on a busy machine more.
        let one = self.seconds + 20;
        Stop::install(Duration::from_secs(60 + u64::from(self.rounds) * measurements * one))
    }
}

/// Does what the command line asks for.
pub fn run(args: &Args) -> Result<()> {
    // SAFETY: geteuid cannot fail.
    ensure!(unsafe { libc::geteuid() } == 0, "measuring needs root: try sudo");
    let facts = Facts::read();
    let (common, tables) = match &args.command {
        Command::Probes(common) => (common, probes::run(common)?),
        Command::Overhead(args) => (&args.common, overhead::run(args)?),
        Command::Report(args) => (&args.common, report::run(args)?),
        Command::Large(args) => (&args.common, large::run(args)?),
        Command::Floor(args) => return floor::run(args),
    };
    let report = Report::new(facts, common, tables);
    report.print(&mut std::io::stdout().lock())?;
    if let Some(path) = &common.json {
        let json = serde_json::to_string_pretty(&report)?;
        std::fs::write(path, json + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
