//! The log of a prober: a line of JSON that says what was probed, and one for each probe.
//!
//! Read from files that others made: lines that are none are counted, and memory is bounded.

use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::iputils;
use crate::units::{Ktime, Nanos};

/// Version of the lines.
pub const VERSION: u32 = 1;
/// Longest file that is read, in bytes: a day of probes at 10 ms has 2 GB; split such.
const MAX_FILE: u64 = 512 << 20;
/// Longest line; ours have some 150 bytes.
const MAX_LINE: usize = 4096;
/// Most probes.
const MAX_PROBES: usize = 4_000_000;

/// What is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proto {
    /// ICMP or ICMPv6 echo requests.
    #[default]
    Icmp,
    /// TCP connections.
    Tcp,
    /// UDP datagrams.
    Udp,
}

/// What was probed, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Header {
    /// [`VERSION`]; what tells this line from others.
    pub stallprof_ping: u32,
    /// Name of the probing host.
    pub host: String,
    /// Its boot id: whether a recording was made on the same kernel, by the same clock.
    pub boot_id: Option<String>,
    /// What was sent.
    pub proto: Proto,
    /// From where, as the prober knows it (before any NAT).
    pub source: Option<IpAddr>,
    /// To where.
    pub destination: Option<IpAddr>,
    /// To which port.
    pub port: Option<u16>,
    /// Identifier of the echo requests.
    pub icmp_id: Option<u16>,
    /// How often; 0 if not known.
    pub interval: Nanos,
    /// From when on a round trip is late.
    pub late: Nanos,
    /// How long an answer was waited for.
    pub wait: Nanos,
}

/// What came of a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// What was sent came back.
    Echo,
    /// The connection was made.
    Open,
    /// The connection was refused by a RST.
    Reset,
    /// ICMP said that it cannot be reached; of a UDP port that is an answer as good as any.
    Unreachable,
    /// None in time.
    #[default]
    Lost,
    /// It was still under way at the end.
    UnderWay,
    /// This host could not send it.
    NotSent,
}

/// One probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Probe {
    /// Its number, from 0 on.
    pub seq: u64,
    /// When it was sent, CLOCK_MONOTONIC of the prober; none where only the other is known.
    pub sent: Option<Ktime>,
    /// When it was sent, nanoseconds since 1970 UTC.
    pub sent_realtime: u64,
    /// How much later than planned: the prober's own lateness.
    pub send_late: Nanos,
    /// Time to the answer.
    pub rtt: Option<Nanos>,
    /// What came of it.
    pub answer: Answer,
    /// From which port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_port: Option<u16>,
    /// The receive queue of the target that it was meant for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<u32>,
    /// How often its SYN was sent again.
    #[serde(skip_serializing_if = "is_zero")]
    pub retransmits: u32,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// All that a log holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PingLog {
    /// What was probed.
    pub header: Header,
    /// The probes by number.
    pub probes: Vec<Probe>,
    /// Numbers that no line tells of.
    pub missing: u64,
    /// What is wrong with the file, in words.
    pub damage: Vec<String>,
}

/// Why a file is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The system refused.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Too long.
    #[error("is longer than {} MiB: split it", MAX_FILE >> 20)]
    Long,
    /// Something else.
    #[error("holds no probes: give what `stallprof ping -o FILE` wrote, or the output of ping -D")]
    Empty,
    /// A version that is not known.
    #[error(
        "was made by a newer stallprof (version {0} of its lines): update stallprof to read it"
    )]
    Newer(u32),
}

/// Reads a log, ours or what `ping -D` of iputils printed.
///
/// # Errors
/// It cannot be read, or holds no probe.
pub fn read(path: &Path) -> Result<PingLog, LogError> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(LogError::Long);
    }
    parse(&bytes)
}

/// Reads a log from memory.
///
/// # Errors
/// It holds no probe.
pub fn parse(bytes: &[u8]) -> Result<PingLog, LogError> {
    let mut log = PingLog::default();
    let (mut bad, mut left_out) = (0_u64, 0_u64);
    let mut foreign = iputils::Reader::default();
    let lines = bytes.split(|b| *b == b'\n').map(|line| line.trim_ascii());
    for line in lines.filter(|line| !line.is_empty()) {
        if log.probes.len() >= MAX_PROBES {
            left_out += 1;
            continue;
        }
        let text = if line.len() <= MAX_LINE { std::str::from_utf8(line).ok() } else { None };
        let Some(text) = text else {
            bad += 1;
            continue;
        };
        if !text.starts_with('{') {
            match foreign.line(text, &mut log.header) {
                iputils::Line::Probe(probe) => log.probes.push(probe),
                iputils::Line::Words => {}
                iputils::Line::Bad => bad += 1,
            }
        } else if text.contains("\"stallprof_ping\"") {
            match serde_json::from_str::<Header>(text) {
                Ok(header) if header.stallprof_ping > VERSION => {
                    return Err(LogError::Newer(header.stallprof_ping));
                }
                Ok(header) => log.header = header,
                Err(_) => bad += 1,
            }
        } else {
            match serde_json::from_str::<Probe>(text) {
                Ok(probe) => log.probes.push(probe),
                Err(_) => bad += 1,
            }
        }
    }
    if log.probes.is_empty() {
        return Err(LogError::Empty);
    }
    if bad > 0 {
        log.damage.push(format!("{bad} lines of the log of probes were not readable."));
    }
    if left_out > 0 {
        log.damage.push(format!("{left_out} lines were left out: there are too many."));
    }
    log.probes.sort_by_key(|p| (p.seq, p.sent_realtime));
    let before = log.probes.len();
    log.probes.dedup_by_key(|p| p.seq);
    if log.probes.len() < before {
        log.damage.push(format!("{} probes had the number of another.", before - log.probes.len()));
    }
    let numbers = log.probes.last().map_or(0, |p| p.seq) - log.probes.first().map_or(0, |p| p.seq);
    log.missing = numbers.saturating_add(1).saturating_sub(log.probes.len() as u64);
    Ok(log)
}
