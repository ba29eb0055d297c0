//! The command line: parses, dispatches, turns errors into a message and an exit code.
//! One file for each subcommand.

#[cfg(feature = "probes")]
mod conclude;
#[cfg(feature = "probes")]
mod doctor;
mod output;
#[cfg(feature = "probes")]
mod record;
mod report;
mod style;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Finds kernel stalls on Linux hosts and names who made them.
#[derive(Parser)]
#[command(name = "stallprof", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[cfg(feature = "probes")]
    Record(record::Args),
    Report(report::Args),
    #[cfg(feature = "probes")]
    Doctor(doctor::Args),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        #[cfg(feature = "probes")]
        Command::Record(args) => record::run(args),
        Command::Report(args) => report::run(&args),
        #[cfg(feature = "probes")]
        Command::Doctor(args) => doctor::run(&args),
    };
    match result {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let message = format!("{error:#}");
            eprintln!("stallprof: {}", crate::render::escape::visible(&message));
            ExitCode::FAILURE
        }
    }
}

/// The reader of our output has had enough (`stallprof report FILE | head`): not an error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
