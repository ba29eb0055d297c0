//! Where packets came in.

use std::net::IpAddr;

use serde::Serialize;

use crate::units::Cpu;

/// What the CPUs of a host received during a recording: all of them, not only those recorded.
#[derive(Clone, Debug, Serialize)]
pub struct Received {
    /// How evenly the CPUs shared the packets.
    pub balance: Option<Balance>,
    /// Each CPU, in order: from the kernel's own counters, exact.
    pub cpus: Vec<ReceivedCpu>,
    /// How the packets were looked at; none where only the kernel's counters were read, and so
    /// neither devices nor flows are known.
    pub examined: Option<Examined>,
    /// Devices, the one with most packets first.
    pub devices: Vec<ReceivedDevice>,
    /// The largest flows, those of ICMP among them.
    pub flows: Vec<ReceivedFlow>,
}

/// How evenly CPUs share packets.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Balance {
    /// Coefficient of variation: standard deviation of the CPUs' packets by their mean; 0 is even.
    pub variation: f64,
    /// Packets of the busiest CPU by the mean; 1 is even.
    pub worst_by_mean: f64,
}

/// What one CPU received.
#[derive(Clone, Debug, Serialize)]
pub struct ReceivedCpu {
    /// The CPU.
    pub cpu: Cpu,
    /// Packets.
    pub packets: u64,
    /// Packets dropped because its backlog was full.
    pub dropped: u64,
    /// Packets dropped by the flow limit.
    pub flow_limited: u64,
    /// Polls that ended with work left.
    pub squeezed: u64,
    /// Wakes by other CPUs that had packets for it (RPS).
    pub rps_wakes: u64,
    /// The longest backlog at a reading; none where the kernel does not tell.
    pub backlog: Option<u32>,
    /// Of a CPU that stalled: what came in there, in words.
    pub hurts: Option<String>,
}

/// How the packets were looked at.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Examined {
    /// Packets that passed by our program.
    pub seen: u64,
    /// Packets that came while it paused, as it does for most of a second in which packets come
    /// fast: of what kind they were is estimated by looks in between.
    pub paused: u64,
    /// Packets that the kernel counted beyond those that passed by our program: it counts one again
    /// for each virtual device on its way (`another_round` of `__netif_receive_skb_core`).
    pub missed: u64,
    /// Those that were looked at.
    pub examined: u64,
    /// Estimate of those that are in no device below, because there were too many places.
    pub unplaced: u64,
    /// Of those that came while it paused: packets that are in no device below, because none like
    /// them passed by.
    pub unseen: u64,
}

/// What came in by a device.
#[derive(Clone, Debug, Serialize)]
pub struct ReceivedDevice {
    /// Its name.
    pub name: String,
    /// Inode number of its network namespace.
    pub netns: u32,
    /// Whether that is the one stallprof ran in; none where that is not known.
    pub own: Option<bool>,
    /// What it is, where it has no hardware (`veth`, ...).
    pub device_kind: Option<String>,
    /// Packets as the protocols get them: what GRO joined is one.
    pub packets: u64,
    /// Packets on the wire.
    pub segments: u64,
    /// Bytes from the IP header on.
    pub bytes: u64,
    /// Packets by what they carry.
    pub protocols: Protocols,
    /// How evenly the CPUs shared its packets.
    pub balance: Option<Balance>,
    /// Queues and CPUs, the one with most packets first.
    pub places: Vec<Place>,
    /// What is remarkable, in words.
    pub words: Vec<String>,
}

/// Packets by what they carry.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Protocols {
    /// TCP over IPv4.
    pub tcp: u64,
    /// UDP over IPv4.
    pub udp: u64,
    /// ICMP.
    pub icmp: u64,
    /// Other IPv4, and fragments without a header.
    pub ip: u64,
    /// TCP over IPv6.
    pub tcp6: u64,
    /// UDP over IPv6.
    pub udp6: u64,
    /// ICMPv6.
    pub icmp6: u64,
    /// Other IPv6.
    pub ip6: u64,
    /// Neither.
    pub not_ip: u64,
}

/// A receive queue of a device on a CPU.
#[derive(Clone, Debug, Serialize)]
pub struct Place {
    /// The queue; none where packets do not tell.
    pub queue: Option<u32>,
    /// The CPU that received: after RPS.
    pub cpu: Cpu,
    /// Packets.
    pub packets: u64,
    /// The true number lies within plus or minus this, 19 times of 20; 0 where it was counted.
    pub margin: u64,
    /// Bytes.
    pub bytes: u64,
    /// Distinct flows, estimated; of packets that were looked at.
    pub flows: u64,
    /// There may be many more flows.
    pub flows_full: bool,
    /// Packets passed by without a look, as they came fast: flows of such packets alone are not
    /// among these.
    pub flows_missed: bool,
    /// Packets by what they carry.
    pub protocols: Protocols,
}

/// A flow. It was counted in the seconds in which it was one of the largest. Where packets came
/// fast that is an estimate, as each packet that was looked at stands for others.
#[derive(Clone, Debug, Serialize)]
pub struct ReceivedFlow {
    /// Name of the device.
    pub device: String,
    /// Inode number of its network namespace.
    pub netns: u32,
    /// `tcp`, `udp`, `icmp`, or the number of the protocol.
    pub protocol: String,
    /// Sender.
    pub source: IpAddr,
    /// Receiver.
    pub destination: IpAddr,
    /// Sender's port, where there is one.
    pub source_port: Option<u16>,
    /// Receiver's port.
    pub destination_port: Option<u16>,
    /// Packets.
    pub packets: u64,
    /// As of a [`Place`], of the seconds in which it was one of the largest.
    pub margin: u64,
    /// The queue of most of them; none where packets do not tell.
    pub queue: Option<u32>,
    /// CPUs that received it, the one with most packets first.
    pub cpus: Vec<Cpu>,
}

impl std::fmt::Display for ReceivedFlow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let end = |address: IpAddr, port: Option<u16>| match port {
            None => address.to_string(),
            Some(port) => std::net::SocketAddr::new(address, port).to_string(),
        };
        let name = match self.protocol.parse::<u8>() {
            Ok(number) => format!("IP protocol {number}"),
            Err(_) => self.protocol.to_uppercase(),
        };
        let source = end(self.source, self.source_port);
        write!(f, "{name} {source} -> {}", end(self.destination, self.destination_port))
    }
}
