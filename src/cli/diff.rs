//! `stallprof diff`: did it help?

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::ValueEnum;

use super::output::{print, same_file, tell, write_with};
use super::reading;
use super::redaction::Redaction;
use super::style::style;
use crate::analysis;
use crate::model::Recording;
use crate::model::findings::Findings;
use crate::redact::redact;
use crate::render::{self, flame};

/// Compare two recordings: which stalls are gone, new, fewer or more, and which latencies moved
///
/// Says that something changed only where chance is an unlikely reason. docs/diff.md tells how.
#[derive(clap::Args)]
pub struct Args {
    /// The recording before
    #[arg(value_name = "BEFORE")]
    before: PathBuf,

    /// The recording after
    #[arg(value_name = "AFTER")]
    after: PathBuf,

    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Write the differential flame graph of what held the CPUs during stalls
    #[arg(long, value_name = "SVG")]
    flame: Option<PathBuf>,

    #[command(flatten)]
    redaction: Redaction,

    /// Replace output files that exist
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs: docs/diff.md tells the schema
    Json,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let key = args.redaction.key()?;
    let read = |path| -> Result<(Recording, Findings)> {
        let recording = reading::recording(path)?;
        let recording = match &key {
            Some(key) => redact(recording, key),
            None => recording,
        };
        let findings = analysis::analyse(&recording);
        Ok((recording, findings))
    };
    let (before, after) = (read(&args.before)?, read(&args.after)?);
    let (before, after) = ((&before.0, &before.1), (&after.0, &after.1));
    if let Some(path) = &args.flame {
        if same_file(path, &args.before) || same_file(path, &args.after) {
            bail!("{} is a recording: give the picture another name", path.display());
        }
        write_with(path, args.force, |out| flame::difference(out, before, after))?;
        tell(&format_args!("wrote {}, the differential flame graph", path.display()));
    }
    let difference = analysis::compare::diff(before, after);
    print(|out| match args.format {
        Format::Text => render::difference::write(out, &difference, style()),
        Format::Json => render::json::write(out, &difference).map_err(io::Error::from),
    })
}
