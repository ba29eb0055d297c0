//! What was received where: packets by device, queue and CPU.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::names::StrId;
use crate::units::{Cpu, Ktime};

/// Where packets come fast, one in so many is examined, and stands for as many.
pub const WEIGHT: u32 = 16;

/// What the receive path of one CPU did since the row before: /proc/net/softnet_stat, for all
/// devices and network namespaces together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxCpu {
    /// When it was read.
    pub time: Ktime,
    /// The CPU.
    pub cpu: Cpu,
    /// Packets received, as the kernel counts them: all of them.
    pub processed: u64,
    /// Packets dropped because the backlog was full.
    pub dropped: u64,
    /// Polls that ended with work left.
    pub squeezed: u64,
    /// Wakes by other CPUs that had packets for this one (RPS).
    pub rps_wakes: u64,
    /// Packets dropped by the flow limit.
    pub flow_limited: u64,
    /// Packets that wait in the backlog, plus one; 0 where the kernel does not tell.
    pub backlog_plus_1: u32,
    /// Packets that our program saw: all of them, also where it examined only some, unless it
    /// paused.
    pub seen: u64,
    /// Our program was off its tracepoint, as packets came fast. The row after is of a look that
    /// came by chance.
    pub paused: bool,
    /// Of these, estimated: those that are in no [`RxRow`] because there were too many.
    pub unplaced: u64,
}

/// Packets of one device and receive queue on one CPU since the row before. Counts are estimates
/// where not every packet was examined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxRow {
    /// When it was read.
    pub time: Ktime,
    /// The CPU that received: after RPS.
    pub cpu: Cpu,
    /// The device.
    pub device: RxDeviceId,
    /// Receive queue plus one; 0 where the packets do not tell.
    pub queue_plus_1: u32,
    /// Packets as the protocols get them: what GRO joined is one.
    pub packets: u64,
    /// Packets on the wire.
    pub segments: u64,
    /// Bytes from the IP header on.
    pub bytes: u64,
    /// Packets that were examined.
    pub examined: u64,
    /// TCP, UDP, ICMP and any other IPv4; the same of IPv6; not IP: packets.
    pub protocols: [u64; 9],
    /// Estimate of the distinct flows since the recording began.
    pub flows: u64,
    /// The estimate's upper end was reached: there may be many more.
    pub flows_full: bool,
}

/// A network device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RxDeviceId {
    /// Inode number of its network namespace.
    pub netns: u32,
    /// Its number there.
    pub ifindex: u32,
    /// Its name.
    pub name: StrId,
    /// What it is, where it has no hardware (`veth`, `tun`, ...).
    pub kind: StrId,
}

/// Packets of one flow on one CPU since the row before: of the largest flows of each second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxFlow {
    /// When it was read.
    pub time: Ktime,
    /// The CPU that received it.
    pub cpu: Cpu,
    /// Number of the network namespace.
    pub netns: u32,
    /// Number of the device there.
    pub ifindex: u32,
    /// Receive queue plus one; 0 where the packets do not tell.
    pub queue_plus_1: u32,
    /// Estimate of its packets.
    pub packets: u64,
    /// `IPPROTO_*`: 1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6.
    pub protocol: u8,
    /// 4 or 6.
    pub family: u8,
    /// Source and destination: the upper and the lower half of each address as a number; of IPv4
    /// the lower one alone.
    pub source: [u64; 2],
    /// Destination address.
    pub destination: [u64; 2],
    /// Source port; 0 where there are none.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
}

impl RxFlow {
    /// Source and destination address.
    #[must_use]
    pub fn addresses(&self) -> (IpAddr, IpAddr) {
        let address = |[upper, lower]: [u64; 2]| match self.family {
            4 => IpAddr::V4(Ipv4Addr::from_bits(lower as u32)),
            _ => IpAddr::V6(Ipv6Addr::from_bits(u128::from(upper) << 64 | u128::from(lower))),
        };
        (address(self.source), address(self.destination))
    }
}
