//! What a tool takes from the machine: packets, CPU time, time of system calls.

mod load;
mod round;
mod tables;

use anyhow::Result;

use crate::cli::Common;
use crate::net::Net;
use crate::table::Table;
use crate::tool::Tool;
use crate::workdir::WorkDir;
use load::{LOADS, Load};
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

    /// Put only these loads on the machine
    #[arg(long, value_enum, value_name = "LOAD")]
    pub load: Vec<Load>,

    /// Measure programs that do nothing at softirq_raise and softirq_entry, too, alone and with a
    /// timer at 999 Hz: what any tool of this kind takes
    #[arg(long)]
    pub floor: bool,

    /// Measure perf with the three softirq tracepoints, too: writes gigabytes
    #[arg(long)]
    pub perf_softirq: bool,
}

/// Measures in turn: alone, the first tool, alone, the second, alone ... What a tool takes shows
/// against what came right before and right after it.
pub fn run(args: &Args) -> Result<Vec<Table>> {
    let common = &args.common;
    let tools = tools(args)?;
    let loads = if args.load.is_empty() { LOADS.as_slice() } else { &args.load };
    let stop = common.stop(loads.len() as u64 * (2 * tools.len() as u64 + 1))?;
    let (net, dir) = (Net::create()?, WorkDir::new()?);
    let mut measured: Vec<Measured> = tools.into_iter().map(Measured::new).collect();
    for round in 1..=common.rounds {
        for &load in loads {
            let mut before = load::measure(load, args, &net, &stop)?;
            for what in &mut measured {
                eprintln!("round {round} of {}, {load:?}: {}", common.rounds, what.tool.name);
                let figures = what.measure(load, args, &net, dir.path(), &stop)?;
                let after = load::measure(load, args, &net, &stop)?;
                what.book(&figures, &before, &after);
                before = after;
            }
        }
    }
    let mut tables = tables::of(args.paced, &measured);
    tables.retain(Table::has_values);
    Ok(tables)
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
    if args.floor {
        tools.push(Tool::floor(&[])?);
        tools.push(Tool::floor(&["--freq", "999"])?);
    }
    if args.perf_softirq {
        let events = "irq:softirq_raise,irq:softirq_entry,irq:softirq_exit";
        tools.push(Tool::perf("perf record -a -e irq:softirq_*", &["-a", "-e", events]));
    }
    Ok(tools)
}
