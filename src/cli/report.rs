//! `stallprof report`: from a recording, anywhere, without root.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::output::{print, tell, write_whole};
use super::page::Outputs;
use super::reading;
use super::redaction::Redaction;
use super::style::style;
use serde::Serialize;

use crate::analysis;
use crate::analysis::pings::{self, JoinOptions};
use crate::model::findings::{Findings, JoinedPings, Stall};
use crate::ping::log;
use crate::redact::redact;
use crate::render::{self, flame};
use crate::units::Nanos;

/// Read a recording and say what stalled, who did it, and on what that rests
///
/// Needs neither root nor the host that was recorded.
#[derive(clap::Args)]
pub struct Args {
    /// The recording; several (of the nodes of one incident) give one report of all
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Write the report as a page of HTML, with its figures: needs nothing else to be read
    #[arg(short, long, value_name = "PAGE.html")]
    output: Option<PathBuf>,

    /// Write each figure of the page as an SVG into this folder
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,

    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// List every stall with its evidence
    #[arg(long)]
    stalls: bool,

    /// Show in order of time what ran before and during a stall: its number, or "worst"
    #[arg(long, value_name = "STALL", num_args = 0..=1, default_missing_value = "worst")]
    around: Option<String>,

    /// With --around: how many samples to show from before the stall
    #[arg(short = 'B', long, default_value_t = 20, value_name = "N")]
    before: usize,

    /// Write the flame graph of what held the CPUs during stalls
    #[arg(long, value_name = "SVG")]
    flame: Option<PathBuf>,

    /// Write the flame graph of the whole recording
    #[arg(long, value_name = "SVG")]
    profile: Option<PathBuf>,

    #[command(flatten)]
    redaction: Redaction,

    /// Join with a log of probes: of `stallprof ping -o`, or what `ping -D` printed
    #[arg(long, value_name = "LOG")]
    ping: Option<PathBuf>,

    /// With --ping: how far the clocks of the two hosts may be apart
    #[arg(long, default_value = "2ms", value_name = "TIME", requires = "ping")]
    ping_offset: Nanos,

    /// With --ping: from when on a probe is late; by default as the log says, or as stalls are
    #[arg(long, value_name = "TIME", requires = "ping")]
    ping_late: Option<Nanos>,

    /// Replace output files that exist
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs: docs/findings.md tells the schema
    Json,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    if matches!(args.format, Format::Json) && (args.stalls || args.around.is_some()) {
        bail!("--format json holds all stalls already: leave out --stalls and --around");
    }
    if args.flame.is_some() && args.flame == args.profile {
        bail!("--flame and --profile are two pictures: give them two names");
    }
    if args.output.is_some() && [&args.flame, &args.profile].contains(&&args.output) {
        bail!("--output and a flame graph are two files: give them two names");
    }
    if args.ping.is_some() && (args.files.len() > 1 || args.redaction.key()?.is_some()) {
        bail!("--ping joins with one recording, and shows the addresses of its log: no --redact");
    }
    super::page::check(args.output.as_deref())?;
    let [file] = args.files.as_slice() else { return several(args) };
    let recording = args.redaction.apply(reading::recording(file)?)?;
    let findings = analysis::analyse(&recording);
    super::page::write(file, &recording, &findings, outputs(args))?;

    for (path, whole) in [(&args.flame, false), (&args.profile, true)] {
        let Some(path) = path else { continue };
        let same = |a: &Path, b: &Path| a.canonicalize().ok() == b.canonicalize().ok();
        if path.exists() && same(path, file) {
            bail!("{} is the recording itself: give the picture another name", path.display());
        }
        let (folded, caption) = if whole {
            (flame::profile(&recording, &findings), flame::profile_caption(&recording))
        } else {
            (flame::held(&recording, &findings), flame::held_caption(&recording, &findings))
        };
        let mut svg = Vec::new();
        flame::svg(&mut svg, &folded, &caption)?;
        write_whole(path, &svg, args.force)?;
        let what = if whole { "of the whole recording" } else { "of what held the CPUs" };
        tell(&format_args!("wrote {}, the flame graph {what}", path.display()));
    }

    let (f, style) = (&findings, style());
    if let Some(which) = &args.around {
        let id = Some(pick(&f.stalls, which)?.id);
        return print(|out| render::ordered::write(out, &recording, f, id, args.before, style));
    }
    if let Some(path) = &args.ping {
        let log = log::read(path).with_context(|| path.display().to_string())?;
        let options = JoinOptions { offset: args.ping_offset, late: args.ping_late };
        let joined = pings::join(&recording, f, &log, options);
        let both = Both { findings: f, ping: &joined };
        return print(|out| match args.format {
            Format::Text => render::pings::joined(out, &joined, style),
            Format::Json => render::json::write(out, &both).map_err(io::Error::from),
        });
    }
    print(|out| match args.format {
        _ if args.stalls => render::terminal::stalls(out, f, style),
        Format::Text => render::terminal::verdict(out, f, style),
        Format::Json => render::json::write(out, f).map_err(io::Error::from),
    })
}

fn outputs(args: &Args) -> Outputs<'_> {
    let (page, figures) = (args.output.as_deref(), args.svg.as_deref());
    Outputs { page, figures, force: args.force }
}

/// One report of several recordings. Each is let go of before the next is read.
fn several(args: &Args) -> Result<ExitCode> {
    let pictures = [&args.flame, &args.profile];
    if args.stalls || args.around.is_some() || pictures.iter().any(|path| path.is_some()) {
        bail!(
            "a report of several recordings is text, JSON or a page: give --stalls, --around, \
             --flame and --profile with one recording"
        );
    }
    let key = args.redaction.key()?;
    let mut gather = analysis::compare::Gather::default();
    for path in &args.files {
        let mut recording = reading::recording(path)?;
        let mut file = Some(path.display().to_string());
        if let Some(key) = &key {
            (recording, file) = (redact(recording, key), None);
        }
        gather.add(file, &recording, &analysis::analyse(&recording));
    }
    let nodes = gather.finish();
    super::page::write_nodes(&args.files, &nodes, outputs(args))?;
    print(|out| match args.format {
        Format::Text => render::nodes::write(out, &nodes, style()),
        Format::Json => render::json::write(out, &nodes).map_err(io::Error::from),
    })
}

/// Findings, and what a prober saw of them.
#[derive(Serialize)]
struct Both<'a> {
    #[serde(flatten)]
    findings: &'a Findings,
    ping: &'a JoinedPings,
}

fn pick<'a>(stalls: &'a [Stall], which: &str) -> Result<&'a Stall> {
    let found = match which {
        "worst" => stalls.iter().max_by_key(|s| s.rank()),
        number => {
            let Ok(id) = number.parse::<usize>() else {
                bail!("--around {number}: give the number of a stall, or \"worst\"")
            };
            stalls.iter().find(|s| s.id == id)
        }
    };
    match (found, stalls.len()) {
        (Some(stall), _) => Ok(stall),
        (None, 0) => bail!("--around {which}: there is no stall in this recording"),
        (None, n) => bail!("--around {which}: this recording has stalls 1 to {n}"),
    }
}
