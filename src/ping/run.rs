//! Sends probes at their times, and takes what comes back.
//!
//! The times are laid down beforehand: a probe that could not be sent in time is sent late, not
//! left out, and says by how much. Nothing waits for an answer before the next is sent.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::log::{Answer, Header, Probe, Proto, VERSION};
use super::socket::{Arrival, Datagrams, be_punctual, wait};
use super::target::{Port, Target};
use super::tcp::{Connecting, refusal};
use crate::host::{HostRoot, monotonic, realtime};
use crate::units::{Ktime, Nanos};

/// Probes that are kept for the summary.
pub const MOST: u64 = 4_000_000;
/// Probes under way; each of TCP has a descriptor.
const UNDER_WAY: usize = 512;
/// How far CLOCK_REALTIME may be off between sending and receiving before it counts as set anew.
const STEP: u64 = 1_000_000;

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// What to probe.
    pub target: Target,
    /// How often.
    pub interval: Nanos,
    /// From when on a round trip is late.
    pub late: Nanos,
    /// How long to wait for an answer.
    pub wait: Nanos,
    /// How many probes at most.
    pub count: Option<u64>,
    /// For how long.
    pub duration: Option<Nanos>,
    /// Source ports to use in turn; empty for one that the kernel takes.
    pub ports: Vec<Port>,
}

/// Sockets that are open, and the probes under way.
pub struct Prober {
    options: Options,
    /// What is probed; the first line of a log.
    pub header: Header,
    sockets: Vec<(Port, Datagrams)>,
    connecting: Vec<Connecting>,
    under_way: BTreeMap<u64, Probe>,
    answered: Vec<Probe>,
}

impl Prober {
    /// Opens the sockets: whatever is wrong with the target shows here.
    ///
    /// # Errors
    /// No permission, no route, a source port is taken.
    pub fn open(options: Options) -> Result<Prober> {
        let Target { proto, address } = options.target;
        let root = HostRoot::default();
        let mut sockets = Vec::new();
        let ports =
            if options.ports.is_empty() { vec![Port::default()] } else { options.ports.clone() };
        // A socket of UDP tells the way to the target for TCP, too; it sends nothing.
        let kind = if proto == Proto::Tcp { Proto::Udp } else { proto };
        for port in &ports {
            let from = if proto == Proto::Udp { port.port } else { 0 };
            let socket = Datagrams::open(kind, address, from)
                .map_err(|e| refused(&e, address.ip(), from))?;
            sockets.push((*port, socket));
            if proto == Proto::Tcp {
                break;
            }
        }
        let first = sockets.first().map(|(_, socket)| socket).context("no source port")?;
        let file = |path: &str| root.value(path).map(|text| text.trim().to_owned());
        let header = Header {
            stallprof_ping: VERSION,
            host: file("proc/sys/kernel/hostname").unwrap_or_default(),
            boot_id: file("proc/sys/kernel/random/boot_id"),
            proto,
            source: first.local().map(|local| local.ip()),
            destination: Some(address.ip()),
            port: (proto != Proto::Icmp).then(|| address.port()),
            icmp_id: first.icmp_id,
            interval: options.interval,
            late: options.late,
            wait: options.wait,
        };
        let options = Options { ports, ..options };
        let (connecting, under_way, answered) = Default::default();
        Ok(Prober { options, header, sockets, connecting, under_way, answered })
    }

    /// Probes until the count or the time is reached or `stop` says so, and hands over each probe
    /// once it is known what came of it.
    ///
    /// # Errors
    /// Those of `each`: the probing ends.
    pub fn run(
        mut self,
        stop: impl Fn() -> bool,
        mut each: impl FnMut(&Probe) -> Result<()>,
    ) -> Result<()> {
        be_punctual();
        let start = monotonic();
        let most = self.options.count.unwrap_or(MOST).min(MOST);
        let end = self.options.duration.map(|d| start.after(d));
        let mut next = 0_u64;
        while !stop() {
            let now = monotonic();
            let due = start.after(Nanos(self.options.interval.0.saturating_mul(next)));
            let more = next < most && end.is_none_or(|end| due < end);
            if !more && self.under_way.is_empty() {
                break;
            }
            if more && now >= due {
                self.send(next, now.since(due));
                next += 1;
            } else {
                let first = self.under_way.values().next().and_then(|p| p.sent);
                let gives_up = first.map(|sent| sent.after(self.options.wait));
                let until = gives_up.into_iter().chain(more.then_some(due)).min().unwrap_or(due);
                self.wait(until.since(now));
            }
            self.receive();
            self.give_up();
            for probe in std::mem::take(&mut self.answered) {
                each(&probe)?;
            }
        }
        for mut probe in std::mem::take(&mut self.under_way).into_values() {
            probe.answer = Answer::UnderWay;
            each(&probe)?;
        }
        Ok(())
    }

    fn send(&mut self, seq: u64, send_late: Nanos) {
        let turn = seq as usize % self.options.ports.len();
        let port = self.options.ports[turn];
        let mut probe = Probe {
            seq,
            send_late,
            queue: port.queue,
            source_port: Some(port.port).filter(|port| *port != 0),
            answer: Answer::UnderWay,
            ..Probe::default()
        };
        let mut sent = Err(io::ErrorKind::WouldBlock.into());
        (probe.sent, probe.sent_realtime) = (Some(monotonic()), realtime());
        if self.options.target.proto != Proto::Tcp {
            if let Some((_, socket)) = self.sockets.get(turn) {
                sent = socket.send(seq);
                let udp = self.options.target.proto == Proto::Udp;
                probe.source_port = socket.local().map(|local| local.port()).filter(|_| udp);
            }
        } else if self.connecting.len() < UNDER_WAY {
            match Connecting::start(seq, self.options.target.address, port.port) {
                Ok(connecting) => {
                    probe.source_port = connecting.source_port();
                    self.connecting.push(connecting);
                    sent = Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    probe.answer = Answer::Reset;
                    probe.rtt = probe.sent.map(|sent| monotonic().since(sent));
                    return self.answered.push(probe);
                }
                Err(error) => sent = Err(error),
            }
        }
        match sent {
            Ok(()) => {
                self.under_way.insert(seq, probe);
            }
            Err(error) => {
                probe.answer = match refusal(&error) {
                    Answer::Unreachable => Answer::Unreachable,
                    _ => Answer::NotSent,
                };
                self.answered.push(probe);
            }
        }
    }

    /// Waits for answers.
    fn wait(&self, time: Nanos) {
        let poll = |fd: RawFd, events| libc::pollfd { fd, events, revents: 0 };
        let sockets = self.sockets.iter().map(|(_, socket)| poll(socket.fd(), libc::POLLIN));
        let connecting = self.connecting.iter().map(|c| poll(c.fd(), libc::POLLOUT));
        // Not for long: whoever stops us is heard.
        wait(
            &mut sockets.chain(connecting).collect::<Vec<_>>(),
            Duration::from_nanos(time.0.min(200_000_000)),
        );
    }

    fn receive(&mut self) {
        for at in 0..self.sockets.len() {
            while let Some(arrival) = self.sockets[at].1.receive() {
                self.arrived(&arrival);
            }
        }
        if self.connecting.is_empty() {
            return;
        }
        let ready = |c: &Connecting| {
            let mut one = [libc::pollfd { fd: c.fd(), events: libc::POLLOUT, revents: 0 }];
            wait(&mut one, Duration::ZERO);
            one[0].revents != 0
        };
        let (done, rest) = std::mem::take(&mut self.connecting).into_iter().partition(ready);
        self.connecting = rest;
        for connecting in Vec::<Connecting>::into_iter(done) {
            let back = monotonic();
            let Some(mut probe) = self.under_way.remove(&connecting.seq) else { continue };
            (probe.answer, probe.retransmits) = connecting.answer();
            let came = matches!(probe.answer, Answer::Open | Answer::Reset);
            probe.rtt = probe.sent.map(|sent| back.since(sent)).filter(|_| came);
            self.answered.push(probe);
        }
    }

    fn arrived(&mut self, arrival: &Arrival) {
        let now = monotonic();
        let Some(mut probe) = self.under_way.remove(&arrival.seq) else { return };
        probe.answer = if arrival.unreachable { Answer::Unreachable } else { Answer::Echo };
        probe.rtt =
            probe.sent.map(|sent| round_trip(sent, probe.sent_realtime, now, arrival.realtime));
        // Only a port that is not open answers so; a host that is not there has not been reached.
        if arrival.unreachable && self.options.target.proto == Proto::Icmp {
            probe.rtt = None;
        }
        self.answered.push(probe);
    }

    /// Probes that were waited for long enough.
    fn give_up(&mut self) {
        let now = monotonic();
        while let Some(first) = self.under_way.first_entry() {
            let sent = first.get().sent.unwrap_or(Ktime(0));
            if now.since(sent) < self.options.wait {
                break;
            }
            let mut probe = first.remove();
            probe.answer = Answer::Lost;
            self.connecting.retain(|c| c.seq != probe.seq);
            self.answered.push(probe);
        }
    }
}

/// Time to the kernel's own receive timestamp, unless the clock on the wall was set meanwhile: then
/// to when we saw it.
fn round_trip(sent: Ktime, sent_realtime: u64, now: Ktime, stamp: Option<u64>) -> Nanos {
    let seen = now.since(sent);
    let kernel = stamp.and_then(|stamp| stamp.checked_sub(sent_realtime)).map(Nanos);
    kernel.filter(|kernel| kernel.0 <= seen.0.saturating_add(STEP)).unwrap_or(seen)
}

/// A refusal in words that a person can act on.
fn refused(error: &io::Error, to: std::net::IpAddr, port: u16) -> anyhow::Error {
    let words = match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) => {
            "no permission for ICMP: it takes a group in net.ipv4.ping_group_range, or CAP_NET_RAW \
             (try sudo); --tcp PORT takes neither"
                .to_owned()
        }
        Some(libc::ENETUNREACH | libc::EHOSTUNREACH) => format!("there is no route to {to}"),
        Some(libc::EADDRINUSE) => format!("source port {port} is taken by another program"),
        Some(libc::EAFNOSUPPORT) => {
            format!("this host has no way to use {to}: no such address family")
        }
        _ => format!("{to} cannot be probed"),
    };
    anyhow::anyhow!("{words}: {error}")
}

/// Whether an interval makes sense.
///
/// # Errors
/// It does not.
pub fn check_interval(interval: Nanos) -> Result<()> {
    if interval < Nanos(100_000) {
        bail!("--interval {interval}: that is a flood; give 100us or more");
    }
    Ok(())
}
