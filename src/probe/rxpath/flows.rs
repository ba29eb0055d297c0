//! The largest flows of each reading.

use std::cmp::Reverse;

use libbpf_rs::MapHandle;

use super::super::wire::types::sp_rx_flow;
use super::super::wire::wire;
use super::rows::Rows;
use super::take;
use crate::model::RxFlow;
use crate::units::{Cpu, Ktime};

wire!(sp_rx_flow);

/// As many flows as the map holds.
const FLOWS: u32 = 4096;
/// Flows that are recorded of each reading, and how many of ICMP besides: those are few, but they
/// are what people measure latency with.
const MOST: usize = 48;
const MOST_ICMP: usize = 16;

/// The largest flows since the last reading, and the largest of ICMP.
pub fn read(map: &MapHandle, time: Ktime, rows: &Rows) -> Vec<RxFlow> {
    let mut flows: Vec<RxFlow> = take::<sp_rx_flow>(map, FLOWS)
        .into_iter()
        .map(|(key, value)| RxFlow {
            time,
            cpu: Cpu(key.at.cpu),
            netns: key.at.netns,
            ifindex: key.at.ifindex,
            queue_plus_1: rows.queue_plus_1(&key.at),
            packets: value.first_chunk().map_or(0, |count| u64::from_ne_bytes(*count)),
            protocol: key.proto,
            family: key.family,
            source: halves(key.family, key.source),
            destination: halves(key.family, key.destination),
            source_port: u16::from_be(key.source_port),
            destination_port: u16::from_be(key.destination_port),
        })
        .collect();
    flows.sort_by_key(|f| {
        (Reverse(f.packets), f.source, f.destination, f.source_port, f.destination_port, f.cpu)
    });
    let icmp = |f: &RxFlow| matches!((f.family, f.protocol), (4, 1) | (6, 58));
    let (mut any, mut pings) = (0, 0);
    flows.retain(|f| {
        any += 1;
        pings += usize::from(icmp(f));
        any <= MOST || (icmp(f) && pings <= MOST_ICMP)
    });
    flows
}

/// An address as it was on the wire, as two numbers.
fn halves(family: u8, words: [u64; 2]) -> [u64; 2] {
    match family {
        4 => [0, u64::from(u32::from_be(words[0] as u32))],
        _ => words.map(u64::from_be),
    }
}
