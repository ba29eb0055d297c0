//! `stallprof doctor`: what can be measured here, by which method, and why not more.

use std::process::ExitCode;

use anyhow::Result;

/// Tell what can be measured on this kernel, by which method, and why not more
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: &Args) -> Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
