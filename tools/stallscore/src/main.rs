//! Prints how well a run of stallgen was found, as one line of JSON.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use serde_json::Value;
use stallscore::found::Found;
use stallscore::made::Comparison;
use stallscore::read::Truth;
use stallscore::row::{Outcome, Row};

/// The exit status by which stallgen says that a kind is not possible on this kernel.
const NOT_POSSIBLE: i32 = 3;

/// Compares the stalls that stallgen made with those that stallprof found; prints a row of the
/// kernel matrix.
#[derive(Debug, Parser)]
#[command(name = "stallscore")]
struct Args {
    /// The kind of stall
    #[arg(long)]
    scenario: String,
    /// The probes that were forced to a method
    #[arg(long, default_value = "default")]
    method: String,
    /// What stallgen wrote
    #[arg(long, value_name = "FILE")]
    truth: PathBuf,
    /// What `stallprof report --format json` wrote
    #[arg(long, value_name = "FILE")]
    findings: PathBuf,
    /// Exit status of stallgen
    #[arg(long, default_value_t = 0)]
    status: i32,
    /// What stallgen wrote to standard error
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let row = row(&args).unwrap_or_else(|error| {
        Row::empty(&args.scenario, &args.method, Outcome::Failed, &format!("{error:#}"))
    });
    match serde_json::to_string(&row) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("stallscore: {error}");
            ExitCode::FAILURE
        }
    }
}

fn row(args: &Args) -> Result<Row> {
    if args.status != 0 {
        let log = args.log.as_deref().map(fs::read_to_string).transpose()?.unwrap_or_default();
        let said = log.lines().last().unwrap_or("nothing").trim_start_matches("stallgen: ");
        let (outcome, note) = match args.status {
            NOT_POSSIBLE => (Outcome::NotPossible, said.to_owned()),
            status => (Outcome::Failed, format!("stallgen ended with {status}: {said}")),
        };
        return Ok(Row::empty(&args.scenario, &args.method, outcome, &note));
    }
    let findings = read_json(&args.findings)?;
    let truth = Truth::read(&args.truth)?;
    let found = Found::all(&findings)?;
    Ok(Row::of(&Comparison::of(&truth, &found, &findings)?, &args.method, &findings))
}

fn read_json(path: &Path) -> Result<Value> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))
}
