//! Measures what stallprof costs, side by side with its peers. See docs/benchmarks.md.

mod bpf;
mod calls;
mod cli;
mod facts;
mod flood;
mod floor;
mod host;
mod large;
mod net;
mod overhead;
mod peers;
mod print;
mod probes;
mod report;
mod stats;
mod table;
mod tool;
mod workdir;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match cli::run(&cli::Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stallbench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
