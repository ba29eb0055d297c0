//! The command line: parses, dispatches, turns errors into a message and an exit code.
//! One file for each subcommand.

mod addresses;
mod check;
#[cfg(feature = "probes")]
mod conclude;
#[cfg(feature = "probes")]
mod daemon;
mod diff;
#[cfg(feature = "probes")]
mod doctor;
mod export;
mod host_root;
mod output;
mod page;
mod ping;
mod reading;
#[cfg(feature = "probes")]
mod record;
mod redact;
mod redaction;
mod report;
mod rxpath;
mod style;
#[cfg(feature = "top")]
mod top;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Finds kernel stalls on Linux hosts and names who made them.
#[derive(Parser)]
#[command(name = "stallprof", version = env!("STALLPROF_VERSION"), max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[cfg(feature = "probes")]
    Record(record::Args),
    #[cfg(feature = "probes")]
    Daemon(daemon::Args),
    #[cfg(feature = "top")]
    Top(top::Args),
    Report(report::Args),
    Export(export::Args),
    Diff(diff::Args),
    Redact(redact::Args),
    Rxpath(rxpath::Args),
    Ping(ping::Args),
    Check(check::Args),
    #[cfg(feature = "probes")]
    Doctor(doctor::Args),
    /// Answers `record`, which starts it: src/session/users/
    #[cfg(feature = "probes")]
    #[command(hide = true, name = crate::session::users::SUBCOMMAND)]
    UserSymbols,
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    addresses::spare();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let result = match cli.command {
        #[cfg(feature = "probes")]
        Command::Record(args) => record::run(args),
        #[cfg(feature = "probes")]
        Command::Daemon(args) => daemon::run(args),
        #[cfg(feature = "top")]
        Command::Top(args) => top::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Redact(args) => redact::run(&args),
        Command::Rxpath(args) => rxpath::run(&args),
        Command::Ping(args) => ping::run(&args),
        Command::Check(args) => check::run(&args),
        #[cfg(feature = "probes")]
        Command::Doctor(args) => doctor::run(&args),
        #[cfg(feature = "probes")]
        Command::UserSymbols => crate::session::users::serve().map(|()| ExitCode::SUCCESS),
    };
    match result {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::tell(&format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints the help that was asked for, or what is wrong with the command line. `check` tells
/// severities by the codes that a wrong command line has elsewhere.
fn usage(error: &clap::Error) -> ExitCode {
    // There is nowhere else to say that it cannot be printed.
    let _ = error.print();
    match error.exit_code() {
        0 => ExitCode::SUCCESS,
        _ if std::env::args_os().nth(1).is_some_and(|word| word == "check") => {
            ExitCode::from(check::USAGE)
        }
        _ => ExitCode::from(2),
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
