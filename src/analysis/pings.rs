//! Joins the late probes of a prober with the stalls of a recording of the same time.
//!
//! A probe waited in stalls if they cover half of its way at least, on the CPUs that receive it. A
//! join by time alone proves less than the rest of the analysis: it says so where CPUs are unknown.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Recording;
use crate::model::findings::*;
use crate::ping::{Answer, Header, PingLog, Probe, Proto};
use crate::rxpath::{Flow, predict};
use crate::units::{Cpu, Ktime, Nanos};

/// Runs of probes that are told.
const RUNS: usize = 100;
/// Stalls looked at for one probe, whatever a file says.
const AT_ONCE: usize = 256;

/// How to join.
#[derive(Clone, Copy, Debug)]
pub struct JoinOptions {
    /// How far the clocks of two hosts may be apart.
    pub offset: Nanos,
    /// From when on a probe is late; by default as the log says, or as stalls are.
    pub late: Option<Nanos>,
}

/// Joins a log with what was found in a recording.
#[must_use]
pub fn join(r: &Recording, f: &Findings, log: &PingLog, options: JoinOptions) -> JoinedPings {
    let clock = Clock::of(r, f, log, options.offset);
    let own = Some(log.header.late).filter(|late| late.0 > 0);
    let late = options.late.or(own).unwrap_or(f.options.stall_threshold);
    let ways = Ways::of(r, f, &log.header);
    // Where only ksoftirqd waited, no packet did.
    let stalls = ByTime::new(f.stalls.iter().filter(|s| !s.served_meanwhile()));
    let mut joined = JoinedPings {
        probed: probed(&log.header),
        clock: clock.name,
        offset: clock.offset,
        late_threshold: late,
        probes: 0,
        outside: 0,
        lost: 0,
        lost_in_stalls: 0,
        late: 0,
        in_stalls: 0,
        received_on: ways.all.clone(),
        known_by: ways.known_by.clone(),
        waited: Vec::new(),
        not_in_stalls: Vec::new(),
        limits: limits(r, f, log, &clock, &ways),
    };
    let mut groups: BTreeMap<(Culprit, Cause), Group> = BTreeMap::new();
    for probe in &log.probes {
        let Some(sent) = clock.sent(probe) else { continue };
        let inside = sent >= f.window.start && sent <= f.window.end;
        if !inside || probe.answer == Answer::NotSent {
            joined.outside += usize::from(!inside);
            continue;
        }
        joined.probes += 1;
        let cpus = ways.of_probe(probe);
        if probe.answer == Answer::Lost {
            joined.lost += 1;
            let at = stalls.during(sent, Nanos(1), clock.offset, cpus);
            joined.lost_in_stalls += usize::from(!at.is_empty());
        }
        let Some(rtt) = probe.rtt.filter(|rtt| *rtt >= late) else { continue };
        joined.late += 1;
        let at = stalls.during(sent, rtt, clock.offset, cpus);
        let longest = at
            .iter()
            .max_by_key(|(stall, span)| (span.1.since(span.0), std::cmp::Reverse(stall.id)));
        match longest.filter(|_| 2 * covered(&at).0 as u128 >= u128::from(rtt.0)) {
            Some((stall, _)) => {
                joined.in_stalls += 1;
                let key = (stall.culprit.clone(), stall.cause);
                groups.entry(key).or_default().add(probe.seq, sent, rtt, stall);
            }
            None => run(&mut joined.not_in_stalls, probe.seq, sent, rtt),
        }
    }
    joined.waited = groups.into_iter().map(Group::told).collect();
    joined.waited.sort_by_key(|g| std::cmp::Reverse(g.probes));
    joined
}

/// Adds a probe to the last run, or begins one.
fn run(runs: &mut Vec<PingRun>, seq: u64, sent: Ktime, rtt: Nanos) {
    let full = runs.len() >= RUNS;
    match runs.last_mut().filter(|last| last.last.checked_add(1) == Some(seq)) {
        Some(last) => {
            last.last = seq;
            last.worst = last.worst.max(rtt);
        }
        None if full => {}
        None => runs.push(PingRun { first: seq, last: seq, sent, worst: rtt }),
    }
}

/// Probes of one culprit as they are found.
#[derive(Default)]
struct Group {
    cpus: BTreeSet<Cpu>,
    stalls: BTreeSet<usize>,
    probes: usize,
    worst: Nanos,
    runs: Vec<PingRun>,
    handled: BTreeMap<Option<Context>, usize>,
}

impl Group {
    fn add(&mut self, seq: u64, sent: Ktime, rtt: Nanos, stall: &Stall) {
        self.cpus.insert(stall.cpu);
        self.stalls.insert(stall.id);
        self.probes += 1;
        self.worst = self.worst.max(rtt);
        run(&mut self.runs, seq, sent, rtt);
        let received = |m: &&Measure| m.vectors.contains(&crate::model::Vector::NET_RX);
        let context = stall.measures.iter().filter(received).find_map(|m| m.context);
        *self.handled.entry(context).or_default() += 1;
    }

    fn told(((culprit, cause), group): ((Culprit, Cause), Group)) -> PingGroup {
        let handled = |(context, probes)| Handled { context, probes };
        PingGroup {
            culprit,
            cause,
            cpus: group.cpus.into_iter().collect(),
            stalls: group.stalls.into_iter().collect(),
            probes: group.probes,
            worst: group.worst,
            runs: group.runs,
            handled: group.handled.into_iter().map(handled).collect(),
        }
    }
}

/// From the prober's clock to the recording's.
struct Clock {
    name: &'static str,
    offset: Nanos,
    /// Nanoseconds since 1970 at the recording's CLOCK_MONOTONIC 0.
    shift: i128,
    same: bool,
}

impl Clock {
    fn of(r: &Recording, f: &Findings, log: &PingLog, offset: Nanos) -> Clock {
        let same = log.header.boot_id.is_some() && log.header.boot_id == r.meta.boot_id;
        let shift = i128::from(f.window.start_realtime) - i128::from(f.window.start.0);
        match same {
            true => Clock { name: "monotonic", offset: Nanos(0), shift, same },
            false => Clock { name: "realtime", offset, shift, same },
        }
    }

    /// When a probe was sent; none for a moment before all time.
    fn sent(&self, probe: &Probe) -> Option<Ktime> {
        let own = probe.sent.filter(|_| self.same);
        let by_wall = i128::from(probe.sent_realtime) - self.shift;
        own.or_else(|| u64::try_from(by_wall).ok().map(Ktime))
    }
}

/// On which CPUs probes are received.
struct Ways {
    all: Option<Vec<Cpu>>,
    by_port: BTreeMap<u16, Vec<Cpu>>,
    known_by: String,
}

impl Ways {
    fn of(r: &Recording, f: &Findings, header: &Header) -> Ways {
        let mut ways = Ways { all: None, by_port: BTreeMap::new(), known_by: String::new() };
        let protocol = match header.proto {
            Proto::Icmp => "icmp",
            Proto::Tcp => "tcp",
            Proto::Udp => "udp",
        };
        let ours = |flow: &&ReceivedFlow| {
            flow.protocol == protocol
                && Some(flow.destination) == header.destination
                && header.source.is_none_or(|source| source == flow.source)
                && flow.destination_port == header.port
        };
        let flows: Vec<_> = f.received.iter().flat_map(|r| &r.flows).filter(ours).collect();
        let mut all: BTreeSet<Cpu> = BTreeSet::new();
        for flow in &flows {
            all.extend(&flow.cpus);
            if let Some(port) = flow.source_port {
                ways.by_port.entry(port).or_default().extend(&flow.cpus);
            }
        }
        // Of many short connections only some are among the flows: the rest may go elsewhere.
        if header.proto == Proto::Icmp && !all.is_empty() {
            ways.all = Some(all.into_iter().collect());
        }
        ways.known_by = match (flows.is_empty(), &f.received) {
            (false, _) => "the packets recorded".to_owned(),
            (true, None) => {
                "not known: the recording does not say where packets came in".to_owned()
            }
            (true, Some(_)) => "not known: the probes are not among the flows recorded".to_owned(),
        };
        if flows.is_empty()
            && let Some(cpu) = predicted(r, header)
        {
            ways.all = Some(vec![cpu]);
            ways.known_by = "prediction from the receive path of the recorded host".to_owned();
        }
        ways
    }

    fn of_probe(&self, probe: &Probe) -> Option<&[Cpu]> {
        let by_port = probe.source_port.and_then(|port| self.by_port.get(&port));
        by_port.or(self.all.as_ref()).map(Vec::as_slice)
    }
}

/// The CPU that all devices with hardware agree on, for ICMP: other flows have ports of their own.
fn predicted(r: &Recording, header: &Header) -> Option<Cpu> {
    let (source, destination) = (header.source?, header.destination?);
    if header.proto != Proto::Icmp {
        return None;
    }
    let flow = Flow::new(source, destination, crate::rxpath::Proto::Icmp).ok()?;
    let host = r.meta.rx_path.as_ref()?;
    let devices = host.nics.iter().filter(|nic| nic.up == Some(true) && !nic.irqs.is_empty());
    let mut cpus = devices.map(|nic| {
        let way = predict(host, nic, &flow);
        way.cpu.known().copied().filter(|_| way.unless.is_empty())
    });
    let first = cpus.next()??;
    cpus.all(|cpu| cpu == Some(first)).then_some(first)
}

/// Stalls in order of their begin, with the latest end of those up to each.
struct ByTime<'f> {
    stalls: Vec<(&'f Stall, Ktime)>,
    latest: Vec<Ktime>,
}

/// A stall, and what it has of a probe's way.
type Part<'f> = (&'f Stall, (Ktime, Ktime));

impl<'f> ByTime<'f> {
    fn new(all: impl Iterator<Item = &'f Stall>) -> ByTime<'f> {
        let mut stalls: Vec<_> = all.map(|s| (s, s.start.after(s.duration))).collect();
        stalls.sort_by_key(|(s, _)| (s.start, s.id));
        let mut last = Ktime(0);
        let latest = stalls.iter().map(|(_, end)| {
            last = last.max(*end);
            last
        });
        let latest = latest.collect();
        ByTime { stalls, latest }
    }

    /// What stalls of these CPUs have of the time from `sent` on, the clocks being so far apart.
    fn during(
        &self,
        sent: Ktime,
        time: Nanos,
        offset: Nanos,
        cpus: Option<&[Cpu]>,
    ) -> Vec<Part<'f>> {
        let back = sent.after(time);
        let until = self.stalls.partition_point(|(s, _)| s.start.before(offset) < back);
        let mut parts = Vec::new();
        for at in (0..until).rev().take(AT_ONCE) {
            if self.latest[at].after(offset) <= sent {
                break;
            }
            let (stall, end) = self.stalls[at];
            let (from, to) = (stall.start.before(offset).max(sent), end.after(offset).min(back));
            if from < to && cpus.is_none_or(|cpus| cpus.contains(&stall.cpu)) {
                parts.push((stall, (from, to)));
            }
        }
        parts
    }
}

/// Time that parts cover together.
fn covered(parts: &[Part<'_>]) -> Nanos {
    let mut spans: Vec<_> = parts.iter().map(|(_, span)| *span).collect();
    spans.sort_unstable();
    let (mut sum, mut until) = (0, Ktime(0));
    for (from, to) in spans {
        let from = from.max(until);
        if to > from {
            sum += to.since(from).0;
            until = to;
        }
    }
    Nanos(sum)
}

fn probed(header: &Header) -> String {
    let to = match (header.destination, header.port) {
        (Some(address), Some(port)) => std::net::SocketAddr::new(address, port).to_string(),
        (Some(address), None) => address.to_string(),
        (None, _) => "a host that the log does not name".to_owned(),
    };
    let kind = match header.proto {
        Proto::Icmp => "ICMP",
        Proto::Tcp => "TCP",
        Proto::Udp => "UDP",
    };
    match header.source {
        Some(source) => format!("{kind} {source} -> {to}"),
        None => format!("{kind} to {to}"),
    }
}

fn limits(r: &Recording, f: &Findings, log: &PingLog, clock: &Clock, ways: &Ways) -> Vec<String> {
    let mut limits = log.damage.clone();
    if !clock.same {
        limits.push(format!(
            "Joined by the clocks on the wall of two hosts, which are taken to agree within {}.",
            clock.offset
        ));
    }
    if !clock.same && f.window.start_realtime == 0 {
        limits.push("The recording does not tell the time on the wall: nothing fits.".to_owned());
    }
    if log.missing > 0 {
        limits
            .push(format!("{} probes are missing in the log: lost, or not written.", log.missing));
    }
    let recorded = |cpu: &&Cpu| r.meta.cpus.contains(&cpu.0);
    let unseen: Vec<String> =
        ways.all.iter().flatten().filter(|c| !recorded(c)).map(Cpu::to_string).collect();
    if !unseen.is_empty() {
        limits.push(format!(
            "Probes are received on CPU {}, which was not recorded: its stalls are not known.",
            unseen.join(", ")
        ));
    }
    let harmless = f.stalls.iter().filter(|s| s.served_meanwhile()).count();
    if harmless > 0 {
        limits.push(format!(
            "In {harmless} of the stalls only ksoftirqd waited, as interrupts ran its softirqs: no \
             probe is said to have waited in these."
        ));
    }
    let late = |p: &Probe| p.send_late.0 > 1_000_000;
    let own = log.probes.iter().filter(|p| late(p)).count();
    if own > 0 {
        limits.push(format!("The prober itself sent {own} probes more than 1 ms late."));
    }
    limits
}
