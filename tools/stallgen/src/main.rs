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
mod possible;
mod run;
mod skel;
mod spin;
mod stop;
mod summary;
mod task;
mod touch;
mod turn;
mod victims;

use std::process::ExitCode;

use clap::Parser as _;
use stallscore::truth;

fn main() -> ExitCode {
    let result = match charge::from_command_line() {
        Some(result) => result.map(|()| ExitCode::SUCCESS),
        None => run::run(&cli::Args::parse()),
    };
    result.unwrap_or_else(|error| {
        eprintln!("stallgen: {error:#}");
        match error.is::<possible::NotPossible>() {
            true => ExitCode::from(possible::NotPossible::STATUS),
            false => ExitCode::FAILURE,
        }
    })
}
