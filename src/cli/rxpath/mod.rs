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

use super::host_root;
use crate::host::ethtool::{Ask, Socket};
use crate::host::{HostRoot, netns, rxpath};
use crate::render::json;
use crate::rxpath::RxHost;

/// Tell which CPU receives which packets, and why: queues, interrupts, RSS, RPS
///
/// Reads files and asks drivers; changes nothing, and needs no root. Without a subcommand: show.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// Where the host's / is mounted, such as /host in a container, or a copy of its files
    #[arg(long, global = true, value_name = "DIR", default_value = "/",
          value_parser = host_root::any())]
    host_root: HostRoot,

    /// How to print it
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Subcommand)]
enum Command {
    Show(show::Args),
    Predict(predict::Args),
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let (root, format) = (&args.host_root, args.format);
    match &args.command {
        None => show::run(&show::Args::default(), root, format),
        Some(Command::Show(args)) => show::run(args, root, format),
        Some(Command::Predict(args)) => predict::run(args, root, format),
    }
}

/// The receive path of this host: of one device, or of all but the loopback.
fn read_host(root: &HostRoot, device: Option<&str>) -> Result<RxHost> {
    if !root.is_live() {
        return Ok(rxpath::read(root, None, device)?);
    }
    if !root.is_slash() {
        // Its /sys shows the host's devices, and drivers are asked from among them.
        netns::enter_home(root).map_err(anyhow::Error::msg)?;
    }
    let socket = Socket::new().context("asking the drivers")?;
    Ok(rxpath::read(root, Some(&socket as &dyn Ask), device)?)
}

fn write_json(what: &impl Serialize) -> Result<ExitCode> {
    let mut out = io::stdout().lock();
    json::write(&mut out, what).map_err(io::Error::from)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
