//! `stallprof report`: from a recording, anywhere, without root.

use std::io;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::output::{print, same_file, tell, write_whole};
use super::page::Outputs;
use super::reading;
use super::redaction::Redaction;
use super::style::style;
use serde::Serialize;

use crate::analysis;
use crate::analysis::pings::{self, JoinOptions};
use crate::model::Recording;
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
    #[arg(long, value_name = "STALL", num_args = 0..=1, require_equals = true,
          default_missing_value = "worst")]
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

    /// Print what an incident of the daemon copied of the host: a file such as /proc/interrupts, or
    /// without a name which there are
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true,
          default_missing_value = "")]
    snapshot: Option<String>,

    /// Replace output files that exist
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs: docs/findings.md tells the schemas, of one recording and of several
    Json,
}

/// Options that contradict each other.
fn check(args: &Args) -> Result<()> {
    if matches!(args.format, Format::Json) && (args.stalls || args.around.is_some()) {
        bail!("--format json holds all stalls already: leave out --stalls and --around");
    }
    if args.snapshot.is_some() && (args.stalls || args.around.is_some() || args.ping.is_some()) {
        bail!("--snapshot prints what was copied alone: leave out --stalls, --around and --ping");
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
    super::page::check(args.output.as_deref())
}

pub fn run(args: &Args) -> Result<ExitCode> {
    check(args)?;
    let [file] = args.files.as_slice() else { return several(args) };
    // The program ends after it: a million small pieces of memory need not be given back.
    let recording = &*ManuallyDrop::new(args.redaction.apply(reading::recording(file)?)?);
    let findings = analysis::analyse(recording);
    super::page::write(file, recording, &findings, outputs(args))?;
    flames(args, file, recording, &findings)?;

    let (f, style) = (&findings, style());
    if let Some(which) = &args.around {
        let stall = pick(f, which)?;
        return print(|out| render::ordered::write(out, recording, stall, args.before, style));
    }
    if let Some(name) = &args.snapshot {
        return snapshot(recording, name);
    }
    if let Some(path) = &args.ping {
        let log = log::read(path).with_context(|| path.display().to_string())?;
        let options = JoinOptions { offset: args.ping_offset, late: args.ping_late };
        let joined = pings::join(recording, f, &log, options);
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

/// Writes the flame graphs that are asked for.
fn flames(args: &Args, file: &Path, recording: &Recording, findings: &Findings) -> Result<()> {
    for (path, whole) in [(&args.flame, false), (&args.profile, true)] {
        let Some(path) = path else { continue };
        if same_file(path, file) {
            bail!("{} is the recording itself: give the picture another name", path.display());
        }
        let (folded, caption) = if whole {
            (flame::profile(recording, findings), flame::profile_caption(recording))
        } else {
            (flame::held(recording, findings), flame::held_caption(recording, findings))
        };
        let mut svg = Vec::new();
        flame::svg(&mut svg, &folded, &caption)?;
        write_whole(path, &svg, args.force)?;
        let what = if whole { "of the whole recording" } else { "of what held the CPUs" };
        tell(&format_args!("wrote {}, the flame graph {what}", path.display()));
    }
    Ok(())
}

fn outputs(args: &Args) -> Outputs<'_> {
    let (page, figures) = (args.output.as_deref(), args.svg.as_deref());
    Outputs { page, figures, force: args.force }
}

/// Prints a text that an incident copied of the host; without a name, which there are.
fn snapshot(recording: &Recording, name: &str) -> Result<ExitCode> {
    let texts = || recording.snapshots.iter();
    if texts().next().is_none() {
        bail!("--snapshot: nothing was copied of the host; only incidents of the daemon do that");
    }
    if name.is_empty() {
        let names = || texts().map(|copied| render::escape::terminal(recording.str(copied.name)));
        return print(|out| names().try_for_each(|name| writeln!(out, "{name}")));
    }
    let Some(copied) = texts().find(|copied| recording.str(copied.name) == name) else {
        bail!(
            "--snapshot {name}: there is none of that name; --snapshot alone tells which there are"
        );
    };
    let mut lines = render::escape::lines(recording.str(copied.text));
    print(|out| lines.try_for_each(|line| writeln!(out, "{line}")))
}

/// One report of several recordings. Each is let go of before the next is read.
fn several(args: &Args) -> Result<ExitCode> {
    let pictures = [&args.flame, &args.profile];
    let of_one = args.stalls || args.around.is_some() || args.snapshot.is_some();
    if of_one || pictures.iter().any(|path| path.is_some()) {
        bail!(
            "a report of several recordings is text, JSON or a page: give --stalls, --around, \
             --snapshot, --flame and --profile with one recording (and a value behind a \
             \"=\": --around=12, --snapshot=/proc/interrupts)"
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

fn pick<'a>(f: &'a Findings, which: &str) -> Result<&'a Stall> {
    let found = match which {
        "worst" => f.worst(),
        number => {
            let Ok(id) = number.parse::<usize>() else {
                bail!("--around {number}: give the number of a stall, or \"worst\"")
            };
            f.stalls.iter().find(|s| s.id == id)
        }
    };
    match (found, f.stalls.len()) {
        (Some(stall), _) => Ok(stall),
        (None, 0) => bail!("--around {which}: there is no stall in this recording"),
        (None, n) => bail!("--around {which}: this recording has stalls 1 to {n}"),
    }
}
