//! `stallprof rxpath show`.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use super::Format;
use crate::cli::style::style;
use crate::host::HostRoot;
use crate::model::findings::{Findings, Received};
use crate::render;
use crate::rxpath::RxHost;
#[cfg(feature = "probes")]
use crate::units::Nanos;

/// Show the receive path of this host's devices
///
/// Queues, who serves their interrupts, RSS table, key and hashed fields, RPS, RFS and XPS, threaded
/// NAPI, and what each CPU has received. With --measure, also what comes in where, which takes root.
#[derive(Default, clap::Args)]
pub struct Args {
    /// Only this device
    #[arg(long, value_name = "DEV")]
    dev: Option<String>,

    /// Measure for so long which queues and CPUs receive which packets: 5s, 500ms
    #[cfg(feature = "probes")]
    #[arg(long, value_name = "TIME")]
    measure: Option<Nanos>,
}

/// The path, and what came that way.
#[derive(Serialize)]
struct Measured<'a> {
    #[serde(flatten)]
    host: &'a RxHost,
    measured: &'a Option<Received>,
}

pub fn run(args: &Args, root: &HostRoot, format: Format) -> Result<ExitCode> {
    let host = super::read_host(root, args.dev.as_deref())?;
    let measured = measured(args, root)?;
    if format == Format::Json {
        return match &measured {
            None => super::write_json(&host),
            Some(f) => super::write_json(&Measured { host: &host, measured: &f.received }),
        };
    }
    let mut out = std::io::stdout().lock();
    render::rxpath::host(&mut out, &host, style())?;
    if let Some(findings) = &measured {
        render::terminal::received(&mut out, findings, style())?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// What came in while it was measured, if that is wanted.
#[cfg(feature = "probes")]
fn measured(args: &Args, root: &HostRoot) -> Result<Option<Findings>> {
    let Some(length) = args.measure else { return Ok(None) };
    anyhow::ensure!(root.is_live(), "--measure: only a kernel that runs can be measured");
    anyhow::ensure!(length.0 > 0, "--measure 0 measures nothing; give a time, such as 5s");
    let mut findings = super::measure::measure(length, root)?;
    if let (Some(received), Some(dev)) = (&mut findings.received, &args.dev) {
        received.devices.retain(|device| device.name == *dev && device.own != Some(false));
        received.flows.retain(|flow| flow.device == *dev);
    }
    Ok(Some(findings))
}

#[cfg(not(feature = "probes"))]
fn measured(_: &Args, _: &HostRoot) -> Result<Option<Findings>> {
    Ok(None)
}
