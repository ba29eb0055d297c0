//! `stallprof check`: the health of this node, in a second.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;
use clap::builder::PossibleValuesParser;
use serde::Serialize;

use super::host_root;
use super::style::style;
use crate::health::checks::CHECKS;
use crate::health::{Options, Report, Severity, examine_by, gather};
use crate::host::HostRoot;
use crate::render::{check, json};

/// Number of the JSON schema: docs/check.md.
const SCHEMA: u32 = 1;

/// The command line is wrong (`EX_USAGE` of sysexits.h): not to be taken for a severity.
pub const USAGE: u8 = 64;
/// The report could not be written (`EX_IOERR`).
const FAILED: u8 = 74;

/// Tell what is about to hurt on this node: tables that fill up, packets lost, limits, settings
///
/// Reads files and asks by netlink, twice within a second; uses no BPF and changes nothing. Needs
/// root to look into other network namespaces; without it says what it could not see. Exits with
/// 0 if nothing is worse than a notice, 1 on a warning, 2 if something is critical, 3 if nothing
/// worse than unknown was found, 64 if the command line is wrong, 74 if the report could not be
/// written.
#[derive(clap::Args)]
pub struct Args {
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Show what is well too, and why each finding matters
    #[arg(short, long)]
    verbose: bool,

    /// Run these checks alone
    #[arg(long, value_name = "CHECK", value_delimiter = ',', value_parser = names())]
    only: Vec<String>,

    /// Leave these checks out
    #[arg(long, value_name = "CHECK", value_delimiter = ',', value_parser = names())]
    skip: Vec<String>,

    /// Where the host's / is mounted, such as /host in a container, or a copy of its files
    #[arg(long, visible_alias = "root", value_name = "DIR", default_value = "/",
          value_parser = host_root::any())]
    host_root: HostRoot,
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(CHECKS.iter().map(|check| check.name))
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs: docs/check.md tells the schema
    Json,
}

/// The report as JSON.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    version: &'static str,
    #[serde(flatten)]
    report: &'a Report,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let facts = gather(&args.host_root, Options::default());
    let wanted = |name: &str| {
        let listed = |list: &[String]| list.iter().any(|n| n == name);
        (args.only.is_empty() || listed(&args.only)) && !listed(&args.skip)
    };
    let report = examine_by(&facts, CHECKS.iter().filter(|check| wanted(check.name)));
    Ok(match print(args, &report) {
        // Whoever reads has had enough; the verdict stands.
        Ok(()) => ExitCode::from(code(report.worst)),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(code(report.worst)),
        Err(e) => {
            super::output::tell(&format_args!("the report cannot be written: {e}"));
            ExitCode::from(FAILED)
        }
    })
}

fn print(args: &Args, report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match args.format {
        Format::Text => {
            check::write(&mut out, report, check::Detail { verbose: args.verbose }, style())?;
        }
        Format::Json => {
            let document = Document { schema: SCHEMA, version: env!("CARGO_PKG_VERSION"), report };
            json::write(&mut out, &document).map_err(io::Error::from)?;
        }
    }
    out.flush()
}

/// As monitoring plugins tell it (0, 1, 2, 3), so that Nagios and its like take it as it is.
fn code(worst: Severity) -> u8 {
    match worst {
        Severity::Ok | Severity::Notice => 0,
        Severity::Warning => 1,
        Severity::Critical => 2,
        Severity::Unknown => 3,
    }
}
