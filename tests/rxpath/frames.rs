//! Flows and the frames that carry them.

use std::net::IpAddr;

use stallprof::rxpath::{Flow, PortPair, Proto};

/// What our frames are known by; four bytes with a number follow.
pub const MAGIC: &[u8; 8] = b"stallrxp";

/// An Ethernet frame of a flow, to everybody: no address of the device is needed.
pub fn frame(flow: &Flow, seq: u32) -> Vec<u8> {
    let mut payload = MAGIC.to_vec();
    payload.extend(seq.to_be_bytes());
    let (number, mut inner) = match flow.proto {
        Proto::Icmp => (if flow.source.is_ipv4() { 1 } else { 58 }, icmp(flow)),
        Proto::Tcp(ports) => (6, tcp(ports, seq)),
        Proto::Udp(ports) => (17, udp(ports, payload.len())),
    };
    inner.extend(payload);
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, 9]);
    match (flow.source, flow.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let mut header = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, number, 0, 0];
            header[2..4].copy_from_slice(&(20 + inner.len() as u16).to_be_bytes());
            header.extend(source.octets());
            header.extend(destination.octets());
            let sum = checksum(&header);
            header[10..12].copy_from_slice(&sum.to_be_bytes());
            frame.extend([8, 0]);
            frame.extend(header);
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend((inner.len() as u16).to_be_bytes());
            frame.extend([number, 64]);
            frame.extend(source.octets());
            frame.extend(destination.octets());
        }
        _ => unreachable!("a flow is of one family"),
    }
    frame.extend(inner);
    frame
}

/// An echo request without a checksum: nobody is to answer it.
fn icmp(flow: &Flow) -> Vec<u8> {
    vec![if flow.source.is_ipv4() { 8 } else { 128 }, 0, 0, 0, 0, 1, 0, 1]
}

fn udp(ports: PortPair, payload: usize) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(ports.source.to_be_bytes());
    header.extend(ports.destination.to_be_bytes());
    header.extend((8 + payload as u16).to_be_bytes());
    header.extend([0, 0]);
    header
}

/// A segment in the middle of a connection.
fn tcp(ports: PortPair, seq: u32) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(ports.source.to_be_bytes());
    header.extend(ports.destination.to_be_bytes());
    header.extend(seq.to_be_bytes());
    header.extend([0, 0, 0, 1, 0x50, 0x18, 1, 0, 0, 0, 0, 0]);
    header
}

/// RFC 1071.
fn checksum(header: &[u8]) -> u16 {
    let sum: u32 = header.chunks(2).map(|b| u32::from(b[0]) << 8 | u32::from(b[1])).sum();
    !(((sum & 0xffff) + (sum >> 16)) as u16)
}

/// Flows of all kinds between random hosts.
pub fn flows(count: usize) -> Vec<Flow> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut v4 = {
        let mut next = next;
        move || IpAddr::from([10, next() as u8, next() as u8, next() as u8 | 1])
    };
    let mut v6 = {
        let mut next = next;
        move || {
            let [a, b] = [next(), next()].map(u64::to_be_bytes);
            let mut octets = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            octets[4..8].copy_from_slice(&a[4..]);
            octets[8..].copy_from_slice(&b);
            IpAddr::from(octets)
        }
    };
    let make = |nth: usize| {
        let (source, destination) = if nth.is_multiple_of(2) { (v4(), v4()) } else { (v6(), v6()) };
        let ports = PortPair { source: next() as u16 | 1024, destination: next() as u16 | 1 };
        let proto = match nth / 2 % 3 {
            0 => Proto::Icmp,
            1 => Proto::Tcp(ports),
            _ => Proto::Udp(ports),
        };
        Flow::new(source, destination, proto).expect("of one family")
    };
    (0..count).map(make).collect()
}
