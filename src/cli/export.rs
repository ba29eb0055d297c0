//! `stallprof export`: a recording in the formats of other tools.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::ValueEnum;

use super::output::{print, same_file, tell, write_with};
use super::reading;
use super::redaction::Redaction;
use crate::analysis;
use crate::export::{self, Format};

/// Write a recording in a format that other tools read: pprof, Perfetto, FlameGraph, metrics
///
/// Needs neither root nor the host that was recorded. docs/export.md tells what each format holds.
#[derive(clap::Args)]
pub struct Args {
    /// The recording
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The format
    #[arg(long, value_enum)]
    format: To,

    /// Where to write it: a file, or "-" for standard output (a new directory for parquet)
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,

    /// Of stacks, only those from inside stalls (folded, folded-ordered, pprof)
    #[arg(long)]
    stalls_only: bool,

    #[command(flatten)]
    redaction: Redaction,

    /// Replace output files that exist
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum To {
    /// Folded stacks, for flamegraph.pl, inferno and speedscope
    Folded,
    /// The same in order of time, for flamegraph.pl --flamechart
    FoldedOrdered,
    /// For go tool pprof, Pyroscope and Parca
    Pprof,
    /// For ui.perfetto.dev and trace_processor
    Perfetto,
    /// Counters and histograms as text
    Openmetrics,
    /// Tables for DuckDB, pandas and Spark: a directory of files
    Parquet,
}

impl To {
    /// None for the one that is no single file.
    fn stream(self) -> Option<Format> {
        match self {
            To::Folded => Some(Format::Folded),
            To::FoldedOrdered => Some(Format::FoldedOrdered),
            To::Pprof => Some(Format::Pprof),
            To::Perfetto => Some(Format::Perfetto),
            To::Openmetrics => Some(Format::Openmetrics),
            To::Parquet => None,
        }
    }
}

pub fn run(args: &Args) -> Result<ExitCode> {
    if args.stalls_only && !matches!(args.format, To::Folded | To::FoldedOrdered | To::Pprof) {
        bail!("--stalls-only is for formats of stacks: folded, folded-ordered and pprof");
    }
    if cfg!(not(feature = "parquet")) && args.format == To::Parquet {
        bail!(
            "this stallprof was built without Parquet: build it with \
             `cargo build --release --features parquet`"
        );
    }
    if same_file(&args.output, &args.file) {
        bail!("{} is the recording itself: give -o another name", args.output.display());
    }
    let recording = args.redaction.apply(reading::recording(&args.file)?)?;
    let findings = analysis::analyse(&recording);
    let Some(format) = args.format.stream() else { return tables(args, &recording, &findings) };
    let write = |out: &mut dyn std::io::Write| {
        export::write(out, format, &recording, &findings, args.stalls_only)
    };
    if args.output.as_os_str() == "-" {
        return print(write);
    }
    write_with(&args.output, args.force, |out| write(out))?;
    tell(&format_args!("wrote {}", args.output.display()));
    Ok(ExitCode::SUCCESS)
}

#[cfg(feature = "parquet")]
fn tables(
    args: &Args,
    r: &crate::model::Recording,
    f: &crate::model::findings::Findings,
) -> Result<ExitCode> {
    let folder = &args.output;
    std::fs::create_dir_all(folder)
        .map_err(|error| anyhow::anyhow!("{}: cannot be made: {error}", folder.display()))?;
    for table in export::parquet::TABLES {
        let path = folder.join(format!("{}.parquet", table.name));
        write_with(&path, args.force, |out| table.write(out, r, f))?;
    }
    let count = export::parquet::TABLES.len();
    tell(&format_args!("wrote {count} tables into {}", folder.display()));
    Ok(ExitCode::SUCCESS)
}

#[cfg(not(feature = "parquet"))]
fn tables(
    _: &Args,
    _: &crate::model::Recording,
    _: &crate::model::findings::Findings,
) -> Result<ExitCode> {
    bail!("this stallprof was built without Parquet")
}
