//! `stallprof ping`: an active prober.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::style::style;
use crate::ping::{
    Answer, Header, Options, Port, Probe, Prober, Proto, Target, any_ports, ports_to_queues, run,
    summary,
};
use crate::recording;
use crate::render::{self, json};
use crate::rxpath::RxHost;
use crate::units::Nanos;

/// Longest description of a target's receive path, in bytes.
const MAX_TABLE: u64 = 16 << 20;

/// Probe a host every 10 ms, and say which answers are late, and which waited for one thing
///
/// Probes go out at their times whatever has come back. Ends after --count or --duration, or at
/// Ctrl-C, with a summary. `stallprof report FILE --ping LOG` joins a log with a recording that the
/// target made at the same time: which stall each late probe waited in, and whose it was.
#[derive(clap::Args)]
pub struct Args {
    /// Name or address
    #[arg(value_name = "HOST")]
    host: String,

    /// Echo requests; this is the default
    #[arg(long, group = "how")]
    icmp: bool,

    /// Connections to this TCP port; that it refuses them is an answer, too
    #[arg(long, value_name = "PORT", group = "how", value_parser = clap::value_parser!(u16).range(1..))]
    tcp: Option<u16>,

    /// Datagrams to this UDP port, that come back (echo) or are refused by ICMP
    #[arg(long, value_name = "PORT", group = "how", value_parser = clap::value_parser!(u16).range(1..))]
    udp: Option<u16>,

    /// Time from one probe to the next
    #[arg(short, long, default_value = "10ms", value_name = "TIME")]
    interval: Nanos,

    /// Send so many probes; no limit by default
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=run::MOST))]
    count: Option<u64>,

    /// Probe for so long: 10 (seconds), 500ms, 2m; until Ctrl-C by default
    #[arg(short, long, value_name = "TIME")]
    duration: Option<Nanos>,

    /// Round trips from this length on are late
    #[arg(short = 't', long, default_value = "5ms", value_name = "TIME")]
    late: Nanos,

    /// A probe without an answer for so long is lost
    #[arg(short, long, default_value = "5s", value_name = "TIME")]
    wait: Nanos,

    /// Write a log: a line of JSON for each probe
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Replace the log if it exists
    #[arg(long)]
    force: bool,

    /// How to print the summary
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// IPv4 only
    #[arg(short = '4', conflicts_with = "v6")]
    v4: bool,

    /// IPv6 only
    #[arg(short = '6')]
    v6: bool,

    /// Take N source ports in turn, 16 without a number; with --table those that reach each rx queue
    /// of the target
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true,
          default_missing_value = "16",
          value_parser = clap::value_parser!(u16).range(1..=256))]
    spread: Option<u16>,

    /// The target's receive path: what `stallprof rxpath show --format json` prints there
    #[arg(long, value_name = "FILE", requires = "spread")]
    table: Option<PathBuf>,

    /// The device of --table that probes come in by; the only one with RSS by default
    #[arg(long, value_name = "DEV", requires = "table")]
    table_dev: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: late probes as they come, then the summary
    Text,
    /// For programs: the summary
    Json,
}

fn options(args: &Args) -> Result<Options> {
    let target = target(args)?;
    run::check_interval(args.interval)?;
    for (option, time) in
        [("--late", Some(args.late)), ("--wait", Some(args.wait)), ("--duration", args.duration)]
    {
        if time == Some(Nanos(0)) {
            bail!("{option} 0 makes no sense; give a time, such as 5ms");
        }
    }
    Ok(Options {
        target,
        interval: args.interval,
        late: args.late,
        wait: args.wait,
        count: args.count,
        duration: args.duration,
        ports: ports(args, &target)?,
    })
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let options = options(args)?;
    let stop = Arc::new(AtomicBool::new(false));
    for number in [SIGINT, SIGTERM] {
        signal_hook::flag::register(number, Arc::clone(&stop))?;
    }
    let prober = Prober::open(options)?;
    let header = prober.header.clone();
    let mut log = match &args.output {
        Some(path) => Some(begin(path, args.force, &header)?),
        None => None,
    };
    let text = args.format == Format::Text;
    let mut probes: Vec<Probe> = Vec::new();
    let mut heard = true;
    if text {
        heard = say(|out| render::pings::begin(out, &header, style()))?;
    }
    let probed = prober.run(
        || stop.load(Ordering::Relaxed),
        |probe| {
            if let Some(log) = &mut log {
                line(log, probe)?;
            }
            let tell = probe.answer == Answer::Lost || summary::is_late(&header, probe);
            if text && heard && tell {
                heard = say(|out| render::pings::probe(out, &header, probe, style()))?;
                // Nobody listens any more: with a log it goes on.
                stop.fetch_or(!heard && log.is_none(), Ordering::Relaxed);
            }
            probes.push(*probe);
            Ok(())
        },
    );
    if let Some(mut log) = log {
        log.flush().context("writing the log")?;
    }
    probed?;
    probes.sort_by_key(|probe| probe.seq);
    let summary = summary::summary(&header, &probes);
    say(|out| match args.format {
        Format::Text => render::pings::summary(out, &summary, style()),
        Format::Json => json::write(out, &summary).map_err(io::Error::from),
    })?;
    Ok(if summary.answered > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn target(args: &Args) -> Result<Target> {
    let (proto, port) = match (args.tcp, args.udp) {
        (Some(port), _) => (Proto::Tcp, port),
        (_, Some(port)) => (Proto::Udp, port),
        _ => (Proto::Icmp, 0),
    };
    if proto == Proto::Icmp && args.spread.is_some() {
        bail!("--spread: ICMP has no ports, all of it lands in one queue; use --tcp or --udp");
    }
    let v4 = (args.v4 || args.v6).then_some(args.v4);
    Target::resolve(&args.host, proto, port, v4)
}

/// Source ports to use, as --spread asks.
fn ports(args: &Args, target: &Target) -> Result<Vec<Port>> {
    let Some(count) = args.spread else { return Ok(Vec::new()) };
    let Some(path) = &args.table else { return Ok(any_ports(count)) };
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("reading {shown}"))?;
    let host: RxHost =
        serde_json::from_reader(io::Read::take(file, MAX_TABLE)).with_context(|| {
            format!("{shown} is not what `stallprof rxpath show --format json` prints")
        })?;
    let with_table: Vec<_> = host.nics.iter().filter(|nic| !nic.rss.table.is_empty()).collect();
    let nic = match (&args.table_dev, &with_table[..]) {
        (Some(name), _) => {
            host.nic(name).with_context(|| format!("{shown} has no device {name}"))?
        }
        (None, [only]) => only,
        (None, []) => bail!("{shown}: no device there has an indirection table"),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|nic| nic.name.as_str()).collect();
            bail!(
                "{shown} has several devices with RSS: choose by --table-dev {}",
                names.join(" or ")
            )
        }
    };
    ports_to_queues(&host, nic, source(target)?, target)
}

/// The address that this host sends from.
fn source(target: &Target) -> Result<IpAddr> {
    let any = if target.address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = std::net::UdpSocket::bind(any)?;
    socket.connect(target.address).with_context(|| format!("no route to {}", target.address))?;
    Ok(socket.local_addr()?.ip())
}

fn begin(path: &std::path::Path, force: bool, header: &Header) -> Result<BufWriter<File>> {
    let file = recording::create(path, force)?;
    let mut log = BufWriter::new(file);
    line(&mut log, header)?;
    log.flush().with_context(|| format!("writing {}", path.display()))?;
    Ok(log)
}

fn line(log: &mut impl Write, what: &impl serde::Serialize) -> Result<()> {
    serde_json::to_writer(&mut *log, what).context("writing the log")?;
    log.write_all(b"\n").context("writing the log")
}

/// Prints at once; whether anybody reads it.
fn say(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<bool> {
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("printing"),
    }
}
