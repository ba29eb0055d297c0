//! What a tool takes from the machine: packets, CPU time, time of system calls.

mod round;
mod tables;

use anyhow::Result;

use crate::cli::Common;
use crate::net::Net;
use crate::table::Table;
use crate::tool::Tool;
use crate::workdir::WorkDir;
use round::Measured;

/// What `overhead` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub common: Common,

    /// Packets/s of the load that does not saturate the machine
    #[arg(long, default_value_t = 100_000, value_name = "RATE")]
    pub paced: u64,

    /// Measure `stallprof daemon` with these options, too
    #[arg(long, value_name = "OPTIONS", num_args = 0..=1, require_equals = true,
          default_missing_value = "")]
    pub daemon: Option<String>,

    /// Measure `stallprof record` with these options, too
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true)]
    pub record: Vec<String>,

    /// Measure perf with the three softirq tracepoints, too: writes gigabytes
    #[arg(long)]
    pub perf_softirq: bool,
}

/// Measures in turn: nothing, then each tool.
pub fn run(args: &Args) -> Result<Vec<Table>> {
    let common = &args.common;
    let tools = tools(args)?;
    let stop = common.stop(4 * (1 + tools.len() as u64))?;
    let (net, dir) = (Net::create()?, WorkDir::new()?);
    let mut alone = Measured::new(None);
    let mut measured: Vec<Measured> = tools.into_iter().map(|t| Measured::new(Some(t))).collect();
    for round in 1..=common.rounds {
        for what in std::iter::once(&mut alone).chain(&mut measured) {
            eprintln!("round {round} of {}: {}", common.rounds, what.name());
            what.measure(args, &net, dir.path(), &stop)?;
        }
    }
    Ok(tables::of(args, &alone, &measured))
}

fn tools(args: &Args) -> Result<Vec<Tool>> {
    let subjects = args.common.subjects()?;
    let mut tools = Vec::new();
    for subject in &subjects {
        tools.push(Tool::record(subject, &[]));
        for options in &args.record {
            tools.push(Tool::record(subject, &options.split_whitespace().collect::<Vec<_>>()));
        }
        if let Some(options) = &args.daemon {
            tools.push(Tool::daemon(subject, &options.split_whitespace().collect::<Vec<_>>()));
        }
    }
    tools.push(Tool::perf("perf record -a -g -F 999", &["-a", "-g", "-F", "999"]));
    tools.push(Tool::softirqs(&[]));
    if args.perf_softirq {
        let events = "irq:softirq_raise,irq:softirq_entry,irq:softirq_exit";
        tools.push(Tool::perf("perf record -a -e irq:softirq_*", &["-a", "-e", events]));
    }
    Ok(tools)
}
