//! `stallprof rxpath`: which CPU receives which packets, and why.

mod byhand;
#[cfg(feature = "probes")]
mod measure;
mod predict;
mod show;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Subcommand, ValueEnum};
use serde::Serialize;

use crate::host::ethtool::{Ask, Socket};
use crate::host::{HostRoot, rxpath};
use crate::render::json;
use crate::rxpath::RxHost;

/// Tell which CPU receives which packets, and why: queues, interrupts, RSS, RPS
///
/// Reads files and asks drivers; changes nothing, and needs no root. Without a subcommand: show.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Show(show::Args),
    Predict(predict::Args),
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    match &args.command {
        None => show::run(&show::Args::default()),
        Some(Command::Show(args)) => show::run(args),
        Some(Command::Predict(args)) => predict::run(args),
    }
}

/// The receive path of this host: of one device, or of all but the loopback.
fn read_host(device: Option<&str>) -> Result<RxHost> {
    let root = HostRoot::default();
    let socket = Socket::new().context("asking the drivers")?;
    Ok(rxpath::read(&root, Some(&socket as &dyn Ask), device)?)
}

fn write_json(what: &impl Serialize) -> Result<ExitCode> {
    let mut out = io::stdout().lock();
    json::write(&mut out, what).map_err(io::Error::from)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
