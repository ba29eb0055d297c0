//! `stallprof redact`: a recording that can be given to others.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

use super::output::{same_file, tell, write_with};
use super::reading;
use crate::recording;
use crate::redact::{Key, redact};

/// Make a recording without names that somebody chose, to be given to others
///
/// Hosts, tasks, files, cgroups, containers and user functions become pseudonyms, the same wherever
/// they stand; what the kernel names is kept. docs/redact.md tells the rule.
#[derive(clap::Args)]
pub struct Args {
    /// The recording
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The new recording
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,

    /// Give the same pseudonyms as in all other files that are given this key
    ///
    /// A file of 16 bytes or more that nobody else has: (umask 077; head -c 32 /dev/urandom > KEY)
    #[arg(long, value_name = "KEY")]
    redact_key: Option<PathBuf>,

    /// Replace a file that exists
    #[arg(long)]
    force: bool,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    if same_file(&args.output, &args.file) {
        bail!("{} is the recording itself: give -o another name", args.output.display());
    }
    let key = match &args.redact_key {
        Some(path) => super::redaction::read(path)?,
        None => Key::random()?,
    };
    let redacted = redact(reading::whole(&args.file)?, &key);
    write_with(&args.output, args.force, |out| recording::write(out, &redacted).map(drop))?;
    tell(&format_args!("wrote {}", args.output.display()));
    Ok(ExitCode::SUCCESS)
}
