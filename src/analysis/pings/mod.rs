//! Joins the late probes of a prober with the stalls of a recording of the same time.
//!
//! A probe waited in stalls if they cover half of its way at least, on the CPUs that receive it. A
//! join by time alone proves less than the rest of the analysis: it says so where CPUs are unknown.

mod clock;
mod limits;
mod overlap;
mod ways;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Recording;
use crate::model::findings::*;
use crate::ping::{Answer, Header, PingLog, Proto};
use crate::units::{Cpu, Ktime, Nanos};
use clock::Clock;
use limits::limits;
use overlap::{ByTime, covered};
use ways::Ways;

/// Runs of probes that are told.
const RUNS: usize = 100;

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
