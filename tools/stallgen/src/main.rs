//! Makes known kernel stalls and writes the ground truth. See README.md.

mod burst;
mod cgroup;
mod charge;
mod cli;
mod clock;
mod dying;
mod effects;
mod kind;
mod net;
mod netns;
mod observe;
mod pace;
mod packet;
mod run;
mod skel;
mod spin;
mod stop;
mod summary;
mod task;
mod truth;
mod turn;
mod victims;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let result = match charge::from_command_line() {
        Some(result) => result.map(|()| ExitCode::SUCCESS),
        None => run::run(&cli::Args::parse()),
    };
    result.unwrap_or_else(|error| {
        eprintln!("stallgen: {error:#}");
        ExitCode::FAILURE
    })
}
