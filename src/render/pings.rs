//! Probes: as they come, summed up, and joined with stalls.

use std::io;

use super::ink::Text;
use super::layout::Layout;
use super::text::{count, cpus, plural, time, utc};
use super::{Style, escape, terms, words};
use crate::model::findings::{JoinedPings, PingGroup, PingRun};
use crate::ping::summary::{Burst, Path, Percentiles};
use crate::ping::{Answer, Header, Probe, Proto, Summary};

/// Rows of lists.
const ROWS: usize = 16;
/// Runs of numbers in a line.
const RUNS: usize = 8;

/// Says what will be probed.
///
/// # Errors
/// The writer's.
pub fn begin(out: &mut dyn io::Write, header: &Header, style: Style) -> io::Result<()> {
    let layout = &mut Layout::new(out, style);
    let (every, late) = (time(header.interval), time(header.late));
    let words = format!("{}, every {every}; shown: {late} or more, and lost", to(header));
    layout.put(2, &Text::new().plain(&words))
}

/// `ICMP 10.0.0.1 -> 10.0.0.2`.
fn to(header: &Header) -> String {
    let kind = match header.proto {
        Proto::Icmp => "ICMP",
        Proto::Tcp => "TCP",
        Proto::Udp => "UDP",
    };
    let end = match (header.destination, header.port) {
        (Some(address), Some(port)) => std::net::SocketAddr::new(address, port).to_string(),
        (Some(address), None) => address.to_string(),
        (None, _) => "unknown".to_owned(),
    };
    match header.source {
        Some(source) => format!("{kind} {source} -> {end}"),
        None => format!("{kind} to {end}"),
    }
}

/// A probe that was late or lost.
///
/// # Errors
/// The writer's.
pub fn probe(out: &mut dyn io::Write, h: &Header, p: &Probe, style: Style) -> io::Result<()> {
    let mut words = match p.rtt {
        Some(rtt) => format!("seq {:<8} {rtt:>8}", p.seq),
        None => format!("seq {:<8} no answer in {}", p.seq, time(h.wait)),
    };
    if p.answer == Answer::Unreachable {
        words += "  unreachable";
    }
    if p.retransmits > 0 {
        words += &format!("  SYN sent again {}", plural(p.retransmits as usize, "time"));
    }
    if let Some(queue) = p.queue {
        words += &format!("  rx queue {queue}");
    }
    if p.send_late.0 > 1_000_000 {
        words += &format!("  (sent {} late by this host)", time(p.send_late));
    }
    let at = clock(p.sent_realtime.saturating_add(p.rtt.unwrap_or_default().0));
    Layout::new(out, style).put(4, &Text::new().dim(&format!("{at}  ")).plain(&words))
}

/// `12:34:56.789` UTC.
fn clock(realtime: u64) -> String {
    let ms = realtime / 1_000_000 % 1000;
    let whole = utc(realtime).unwrap_or_default();
    let day_time = whole.split(' ').nth(1).unwrap_or("unknown");
    format!("{day_time}.{ms:03}")
}

/// The summary.
///
/// # Errors
/// The writer's.
pub fn summary(out: &mut dyn io::Write, s: &Summary, style: Style) -> io::Result<()> {
    let layout = &mut Layout::new(out, style);
    layout.blank()?;
    let late = match s.late {
        0 => "none late".to_owned(),
        n => format!("{} late ({} or more)", count(n), time(s.header.late)),
    };
    let head = format!(
        "{}: {}, {} answered, {late}, {} lost",
        to(&s.header),
        plural(s.sent as usize, "probe"),
        count(s.answered),
        count(s.lost)
    );
    let refused = s.unreachable > 0 && s.header.proto != Proto::Udp;
    let unreachable = format!(", {} unreachable", count(s.unreachable));
    let head = if refused { head + &unreachable } else { head };
    layout.put(2, &Text::new().bold(&head))?;
    if let Some(p) = &s.rtt {
        layout.put(4, &Text::new().plain("  ").plain(&percentiles(p)))?;
    }
    spread(layout, &s.spread)?;
    if s.bursts_found > 0 {
        layout.section("Late answers that drained together")?;
        for burst in s.bursts.iter().take(ROWS) {
            layout.put(6, &Text::new().plain("  ").plain(&self::burst(burst)))?;
        }
        more(layout, s.bursts_found.saturating_sub(ROWS))?;
    }
    for note in notes(s) {
        layout.put(4, &Text::new().dim(&format!("  - {note}")))?;
    }
    Ok(())
}

fn percentiles(p: &Percentiles) -> String {
    let all = [
        ("min", p.min),
        ("p50", p.p50),
        ("p90", p.p90),
        ("p99", p.p99),
        ("p99.9", p.p999),
        ("max", p.max),
        ("mean", p.mean),
    ];
    let all: Vec<_> = all.iter().map(|(name, d)| format!("{name}\u{a0}{}", time(*d))).collect();
    all.join("  ")
}

fn burst(b: &Burst) -> String {
    format!(
        "seq {}-{} ({}) waited for one thing, {} at most: drained within {} at {}",
        b.first,
        b.last,
        count(b.probes),
        time(b.worst),
        time(b.drained_within),
        clock(b.at_realtime)
    )
}

fn spread(layout: &mut Layout<'_>, paths: &[Path]) -> io::Result<()> {
    if paths.is_empty() {
        return Ok(());
    }
    let by = if paths[0].queue.is_some() { "By receive queue" } else { "By source port" };
    layout.section(by)?;
    let head = ["sent", "lost", "late", "p50", "p99", "max"].map(|h| format!("{h:>9}")).concat();
    layout.line(&Text::new().dim(&format!("  {:<8}{head}", "")))?;
    for path in paths.iter().take(64) {
        let rtt = path.rtt.unwrap_or_default();
        let counts = [path.sent, path.lost, path.late].map(count);
        let times = [rtt.p50, rtt.p99, rtt.max].map(|d| d.to_string());
        let cells = counts.iter().chain(&times).map(|cell| format!("{cell:>9}"));
        let name = path.queue.or(path.source_port.map(u32::from)).unwrap_or_default();
        let line = format!("  {name:<8}{}", cells.collect::<String>());
        layout.line(&Text::new().plain(&line))?;
    }
    more(layout, paths.len().saturating_sub(64))
}

fn more(layout: &mut Layout<'_>, rows: usize) -> io::Result<()> {
    match rows {
        0 => Ok(()),
        n => layout.line(&Text::new().dim(&format!("  {}: --format json", plural(n, "more row")))),
    }
}

fn notes(s: &Summary) -> Vec<String> {
    let mut notes = Vec::new();
    if s.sent_late > 0 {
        notes.push(format!(
            "This host itself sent {} more than 1 ms late, {} at worst; round trips count from when \
             they were sent.",
            plural(s.sent_late as usize, "probe"),
            time(s.send_worst)
        ));
    }
    if s.not_sent > 0 {
        notes.push(format!("{} could not be sent.", plural(s.not_sent as usize, "probe")));
    }
    if s.retransmitted > 0 {
        notes.push(format!(
            "{} lost a SYN, which was sent again: that took a second or more, not a late answer.",
            plural(s.retransmitted as usize, "connection")
        ));
    }
    if s.header.proto == Proto::Udp && s.unreachable > 0 && s.lost > 0 {
        notes.push(
            "The port is closed, and hosts say so only so often (Linux: once a second): these \
             losses tell nothing. Probe a port that answers."
                .to_owned(),
        );
    }
    if s.header.proto == Proto::Tcp && s.answered > 0 {
        notes.push(
            "TCP answers are timed when this program sees them, others when the kernel does."
                .to_owned(),
        );
    }
    if s.under_way > 0 {
        notes.push(format!("{} were under way at the end.", plural(s.under_way as usize, "probe")));
    }
    notes
}

/// Late probes and the stalls they waited in.
///
/// # Errors
/// The writer's.
pub fn joined(out: &mut dyn io::Write, j: &JoinedPings, style: Style) -> io::Result<()> {
    let layout = &mut Layout::new(out, style);
    let head = match (j.probes, j.late) {
        (0, _) => format!("No probe of {} was sent while it was recorded", j.probed),
        (_, 0) => format!("{}: no late answer while it was recorded", j.probed),
        (_, late) => format!(
            "{}: {} of {} late answers waited in recorded stalls",
            j.probed,
            count(j.in_stalls as u64),
            count(late as u64)
        ),
    };
    layout.put(2, &Text::new().bold(&head))?;
    let digits = count(j.late as u64).len();
    for group in j.waited.iter().take(ROWS) {
        self::group(layout, group, j.late, digits)?;
    }
    more(layout, j.waited.len().saturating_sub(ROWS))?;
    let missed = j.late - j.in_stalls;
    if missed > 0 {
        let label = format!("  {:>digits$} of {}  ", count(missed as u64), count(j.late as u64));
        let hang = layout.hang(label.len());
        let worst = j.not_in_stalls.iter().map(|run| run.worst).max().unwrap_or_default();
        let words =
            format!("in no recorded stall, worst {}: {}", time(worst), runs(&j.not_in_stalls));
        layout.put(hang, &Text::new().plain(&label).plain(&words))?;
    }
    layout.blank()?;
    let on = match &j.received_on {
        Some(list) => format!("{}, by {}", cpus(list), j.known_by),
        None => format!("{}; stalls of any CPU count", j.known_by),
    };
    let facts = [
        ("received", on),
        (
            "probes",
            format!(
                "{} while it was recorded, late from {} on; {} at other times left out",
                count(j.probes as u64),
                time(j.late_threshold),
                count(j.outside as u64)
            ),
        ),
        (
            "lost",
            match j.lost {
                0 => "none".to_owned(),
                n => {
                    format!("{}, {} of them sent during a stall", count(n as u64), j.lost_in_stalls)
                }
            },
        ),
        ("clock", format!("{}, within {}", j.clock, time(j.offset))),
    ];
    for (label, text) in facts {
        let text = escape::terminal(&text).into_owned();
        layout.put(12, &Text::new().dim(&format!("  {label:<10}")).plain(&text))?;
    }
    for limit in &j.limits {
        layout.put(4, &Text::new().plain(&format!("  - {limit}")))?;
    }
    Ok(())
}

fn group(layout: &mut Layout<'_>, g: &PingGroup, of: usize, digits: usize) -> io::Result<()> {
    let label = format!("  {:>digits$} of {}  ", count(g.probes as u64), count(of as u64));
    let hang = layout.hang(label.len());
    let deed = match words::deed_on(&g.culprit, g.cause, &cpus(&g.cpus)) {
        none if none.is_empty() => format!("on {}", cpus(&g.cpus)),
        deed => deed,
    };
    let deed = format!("  {deed}, round trips up to {}", time(g.worst));
    let what = Text::new().plain(&label).then(words::culprit(&g.culprit)).plain(&deed);
    layout.put(hang, &what)?;
    let mut detail =
        |text: String| layout.put(hang, &Text::new().plain(&" ".repeat(hang)).dim(&text));
    let stalls: Vec<String> = g.stalls.iter().take(RUNS).map(usize::to_string).collect();
    let many = if g.stalls.len() > RUNS { ", ..." } else { "" };
    let noun = if g.stalls.len() == 1 { "stall" } else { "stalls" };
    detail(format!("{noun} {}{many}; {}", stalls.join(", "), runs(&g.runs)))?;
    if g.handled.iter().all(|h| h.context.is_none()) {
        return Ok(());
    }
    let handled: Vec<String> = g
        .handled
        .iter()
        .map(|h| match h.context {
            Some(context) => format!("{} {}", count(h.probes as u64), terms::context(context)),
            None => format!("{} in a context not recorded", count(h.probes as u64)),
        })
        .collect();
    detail(format!("handled: {}", handled.join(", ")))
}

/// `seq 5, 77-78, ...`.
fn runs(runs: &[PingRun]) -> String {
    let run = |run: &PingRun| match run.first == run.last {
        true => run.first.to_string(),
        false => format!("{}-{}", run.first, run.last),
    };
    let shown: Vec<String> = runs.iter().take(RUNS).map(run).collect();
    let more = if runs.len() > RUNS { ", ..." } else { "" };
    format!("seq {}{more}", shown.join(", "))
}
