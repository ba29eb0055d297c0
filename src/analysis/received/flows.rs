//! Flows: each with the CPUs that it came in on.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::sums::{Sums, add, drawn, margin, times};
use crate::analysis::windows::Windows;
use crate::model::findings::*;
use crate::model::{Recording, RxFlow};
use crate::units::{Cpu, Ktime};

/// Flows that are told, and flows of ICMP besides.
const FLOWS: usize = 50;

/// What tells flows apart, as they stand on the wire.
type FlowKey = (u32, u32, u8, u8, [u64; 2], [u64; 2], u16, u16);

/// Sums of a flow by CPU and queue.
type FlowPlaces = BTreeMap<(Cpu, Option<u32>), Sums>;

/// Flows, the largest first.
pub(super) fn flows(r: &Recording, windows: &Windows) -> Vec<ReceivedFlow> {
    let mut names: BTreeMap<(u32, u32), &str> = BTreeMap::new();
    for row in &r.rx_rows {
        let at = (row.device.netns, row.device.ifindex);
        names.entry(at).or_insert_with(|| r.str(row.device.name));
    }
    let mut sampled: BTreeSet<(Ktime, Cpu, u32, u32)> = BTreeSet::new();
    for row in r.rx_rows.iter().filter(|row| row.packets > row.examined) {
        sampled.insert((row.time, row.cpu, row.device.netns, row.device.ifindex));
    }
    let mut by: BTreeMap<FlowKey, FlowPlaces> = BTreeMap::new();
    for f in &r.rx_flows {
        let (from, to) = (f.source_port, f.destination_port);
        let key = (f.netns, f.ifindex, f.family, f.protocol, f.source, f.destination, from, to);
        let places = by.entry(key).or_default();
        let sums = places.entry((f.cpu, f.queue_plus_1.checked_sub(1))).or_default();
        add(&mut sums.packets, times(f.packets, windows.factor(f.time, f.cpu)));
        if windows.is_look(f.time, f.cpu) {
            add(sums.looks.entry(f.time).or_default(), f.packets);
        } else if sampled.contains(&(f.time, f.cpu, f.netns, f.ifindex)) {
            sums.variance += drawn(f.packets);
        }
    }
    let mut flows: Vec<ReceivedFlow> =
        by.into_iter().map(|(key, places)| flow(&names, &key, &places, windows)).collect();
    flows.sort_by_key(|f| Reverse(f.packets));
    let (mut any, mut icmp) = (0, 0);
    flows.retain(|f| {
        any += 1;
        icmp += usize::from(f.protocol == "icmp");
        any <= FLOWS || (f.protocol == "icmp" && icmp <= FLOWS)
    });
    flows
}

fn flow(
    names: &BTreeMap<(u32, u32), &str>,
    key: &FlowKey,
    places: &FlowPlaces,
    windows: &Windows,
) -> ReceivedFlow {
    let &(netns, ifindex, family, protocol, source, destination, from, to) = key;
    let (source, destination): (IpAddr, IpAddr) =
        RxFlow { family, source, destination, ..RxFlow::default() }.addresses();
    let ports = protocol == 6 || protocol == 17;
    let mut cpus: BTreeMap<Cpu, u64> = BTreeMap::new();
    let mut off = 0;
    for ((cpu, _), sums) in places {
        add(cpus.entry(*cpu).or_default(), sums.packets);
        add(&mut off, margin(sums.variance, *cpu, &sums.looks, windows));
    }
    let mut order: Vec<Cpu> = cpus.keys().copied().collect();
    order.sort_by_key(|cpu| (Reverse(cpus[cpu]), *cpu));
    let most = places.iter().max_by_key(|&(at, sums)| (sums.packets, Reverse(at)));
    ReceivedFlow {
        device: names.get(&(netns, ifindex)).copied().unwrap_or_default().to_owned(),
        netns,
        protocol: match (family, protocol) {
            (_, 6) => "tcp".to_owned(),
            (_, 17) => "udp".to_owned(),
            (4, 1) | (6, 58) => "icmp".to_owned(),
            (_, other) => other.to_string(),
        },
        source,
        destination,
        source_port: Some(from).filter(|_| ports),
        destination_port: Some(to).filter(|_| ports),
        packets: cpus.values().fold(0, |sum, n| sum.saturating_add(*n)),
        margin: off,
        queue: most.and_then(|((_, queue), _)| *queue),
        cpus: order,
    }
}
