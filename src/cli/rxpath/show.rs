//! `stallprof rxpath show`.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;

use super::Format;
use crate::cli::style::style;
use crate::render;

/// Show the receive path of this host's devices
///
/// Queues, who serves their interrupts, RSS table, key and hashed fields, RPS, RFS and XPS, threaded
/// NAPI, and what each CPU has received.
#[derive(Default, clap::Args)]
pub struct Args {
    /// Only this device
    #[arg(long, value_name = "DEV")]
    dev: Option<String>,

    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let host = super::read_host(args.dev.as_deref())?;
    if args.format == Format::Json {
        return super::write_json(&host);
    }
    let mut out = std::io::stdout().lock();
    render::rxpath::host(&mut out, &host, style())?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
