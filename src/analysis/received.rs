//! Where packets came in, and how evenly.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::windows::Windows;
use crate::model::findings::*;
use crate::model::rx::WEIGHT;
use crate::model::{Recording, RxDeviceId, RxFlow, RxRow};
use crate::units::{Cpu, Ktime};

/// Devices that are told.
const DEVICES: usize = 64;
/// Flows that are told, and flows of ICMP besides.
const FLOWS: usize = 50;
/// Flows named in a sentence.
const NAMED: usize = 3;
/// Fewer packets than this show no pattern.
const FEW: u64 = 20;

/// What was received; none where it was not recorded.
pub fn received(r: &Recording, stalls: &[Stall]) -> Option<Received> {
    if r.rx_cpus.is_empty() && r.rx_rows.is_empty() {
        return None;
    }
    let mut cpus = cpus(r);
    let windows = Windows::of(r);
    let flows = flows(r, &windows);
    let devices = devices(r, &flows, &windows);
    let stalled: BTreeSet<Cpu> = stalls.iter().map(|s| s.cpu).collect();
    for cpu in cpus.iter_mut().filter(|c| stalled.contains(&c.cpu)) {
        cpu.hurts = hurts(cpu.cpu, &devices, &flows);
    }
    let sum = |of: fn(&crate::model::RxCpu) -> u64| {
        r.rx_cpus.iter().fold(0_u64, |sum, row| sum.saturating_add(of(row)))
    };
    let looked = r.rx_rows.iter().fold(0_u64, |sum, row| sum.saturating_add(row.examined));
    let probe = r.meta.probes.iter().find(|p| p.name == "rxpath");
    let by_packet = probe.and_then(|p| p.method.as_deref()).is_some_and(|m| m != "procfs");
    let (seen, processed) = (sum(|row| row.seen), sum(|row| row.processed));
    let paused = windows.paused;
    let examined = by_packet.then(|| Examined {
        seen,
        paused,
        missed: processed.saturating_sub(seen).saturating_sub(paused),
        examined: looked,
        unplaced: sum(|row| row.unplaced),
        unseen: windows.unseen,
    });
    Some(Received {
        balance: balance(cpus.iter().map(|c| c.packets)),
        examined,
        cpus,
        devices,
        flows,
    })
}

fn cpus(r: &Recording) -> Vec<ReceivedCpu> {
    let mut by: BTreeMap<Cpu, ReceivedCpu> = BTreeMap::new();
    for row in &r.rx_cpus {
        let cpu = by.entry(row.cpu).or_insert_with(|| ReceivedCpu {
            cpu: row.cpu,
            packets: 0,
            dropped: 0,
            flow_limited: 0,
            squeezed: 0,
            rps_wakes: 0,
            backlog: None,
            hurts: None,
        });
        add(&mut cpu.packets, row.processed);
        add(&mut cpu.dropped, row.dropped);
        add(&mut cpu.flow_limited, row.flow_limited);
        add(&mut cpu.squeezed, row.squeezed);
        add(&mut cpu.rps_wakes, row.rps_wakes);
        cpu.backlog = cpu.backlog.max(row.backlog_plus_1.checked_sub(1));
    }
    by.into_values().collect()
}

fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}

/// How evenly CPUs share; none of a single one, or of nothing.
fn balance(packets: impl Iterator<Item = u64>) -> Option<Balance> {
    let all: Vec<f64> = packets.map(|n| n as f64).collect();
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    if all.len() < 2 || mean <= 0.0 {
        return None;
    }
    let variance = all.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / all.len() as f64;
    let worst = all.iter().copied().fold(0.0, f64::max);
    let rounded = |ratio: f64| (ratio * 1000.0).round() / 1000.0;
    Some(Balance {
        variation: rounded(variance.sqrt() / mean),
        worst_by_mean: rounded(worst / mean),
    })
}

/// Sums by queue and CPU.
type Places = BTreeMap<(Option<u32>, Cpu), Sums>;

/// Devices by their number: one that was renamed keeps its first name here.
fn devices(r: &Recording, flows: &[ReceivedFlow], windows: &Windows) -> Vec<ReceivedDevice> {
    let mut by: BTreeMap<(u32, u32), (ReceivedDevice, Places)> = BTreeMap::new();
    for seen in &r.rx_rows {
        let factor = windows.factor(seen.time, seen.cpu);
        let row = with_pauses(seen, factor);
        let RxDeviceId { netns, ifindex, name, kind } = row.device;
        let (device, places) = by.entry((netns, ifindex)).or_insert_with(|| {
            let own = r.meta.netns.map(|own| own == netns);
            let kind = r.str(kind).to_owned();
            let device = ReceivedDevice {
                name: r.str(name).to_owned(),
                netns,
                own,
                device_kind: Some(kind).filter(|kind| !kind.is_empty()),
                packets: 0,
                segments: 0,
                bytes: 0,
                protocols: Protocols::default(),
                balance: None,
                places: Vec::new(),
                words: Vec::new(),
            };
            (device, Places::new())
        });
        add(&mut device.packets, row.packets);
        add(&mut device.segments, row.segments);
        add(&mut device.bytes, row.bytes);
        by_protocol(&mut device.protocols, row.protocols);
        let sums = places.entry((row.queue_plus_1.checked_sub(1), row.cpu)).or_default();
        add(&mut sums.packets, row.packets);
        add(&mut sums.bytes, row.bytes);
        if windows.is_look(seen.time, seen.cpu) {
            add(sums.looks.entry(seen.time).or_default(), seen.packets);
        } else {
            sums.variance += drawn(seen.packets.saturating_sub(seen.examined));
        }
        sums.flows = sums.flows.max(row.flows);
        sums.flows_full |= row.flows_full;
        sums.flows_missed |= row.packets > row.examined;
        by_protocol(&mut sums.protocols, row.protocols);
    }
    let mut devices: Vec<ReceivedDevice> = by
        .into_values()
        .map(|(mut device, places)| {
            device.balance = spread(r, &places);
            device.places = places.into_iter().map(|p| place(p, windows)).collect();
            device.places.sort_by_key(|p| (Reverse(p.packets), p.queue, p.cpu));
            device.words = words(r, &device, flows);
            device
        })
        .collect();
    devices.sort_by(|a, b| {
        (Reverse(a.packets), &a.name, a.netns).cmp(&(Reverse(b.packets), &b.name, b.netns))
    });
    devices.truncate(DEVICES);
    devices
}

/// Adds up packets by what they carry.
fn by_protocol(p: &mut Protocols, more: [u64; 9]) {
    let sums = [
        &mut p.tcp,
        &mut p.udp,
        &mut p.icmp,
        &mut p.ip,
        &mut p.tcp6,
        &mut p.udp6,
        &mut p.icmp6,
        &mut p.ip6,
        &mut p.not_ip,
    ];
    sums.into_iter().zip(more).for_each(|(sum, more)| add(sum, more));
}

/// Sums of the rows of a place.
#[derive(Default)]
struct Sums {
    packets: u64,
    bytes: u64,
    /// Of what was read at other times than looks.
    variance: f64,
    /// Packets of each look.
    looks: BTreeMap<Ktime, u64>,
    flows: u64,
    flows_full: bool,
    flows_missed: bool,
    protocols: Protocols,
}

/// A row, and what came in the pauses that it stands for.
fn with_pauses(row: &RxRow, factor: f64) -> RxRow {
    RxRow {
        packets: times(row.packets, factor),
        segments: times(row.segments, factor),
        bytes: times(row.bytes, factor),
        protocols: row.protocols.map(|packets| times(packets, factor)),
        ..*row
    }
}

fn times(n: u64, factor: f64) -> u64 {
    if factor == 1.0 { n } else { (n as f64 * factor).round() as u64 }
}

/// Variance of a count of packets, so many of which were not looked at: each that stands for
/// `WEIGHT` was drawn with a chance of one in as many.
fn drawn(not_examined: u64) -> f64 {
    f64::from(WEIGHT) * not_examined as f64
}

/// Two standard deviations of what was drawn, and what pauses leave open. That a look was a draw,
/// too, shows in how much looks differ.
fn margin(variance: f64, cpu: Cpu, looks: &BTreeMap<Ktime, u64>, windows: &Windows) -> u64 {
    (2.0 * variance.sqrt() + windows.margin(cpu, looks)).ceil() as u64
}

fn place(((queue, cpu), sums): ((Option<u32>, Cpu), Sums), windows: &Windows) -> Place {
    Place {
        queue,
        cpu,
        packets: sums.packets,
        margin: margin(sums.variance, cpu, &sums.looks, windows),
        bytes: sums.bytes,
        flows: sums.flows,
        flows_full: sums.flows_full,
        flows_missed: sums.flows_missed,
        protocols: sums.protocols,
    }
}

/// How evenly the CPUs of the host share the packets of a device.
fn spread(r: &Recording, places: &Places) -> Option<Balance> {
    let mut cpus: BTreeMap<Cpu, u64> = r.meta.cpus_online.iter().map(|c| (Cpu(*c), 0)).collect();
    for ((_, cpu), sums) in places {
        add(cpus.entry(*cpu).or_default(), sums.packets);
    }
    balance(cpus.into_values())
}

/// What is remarkable of a device.
fn words(r: &Recording, d: &ReceivedDevice, flows: &[ReceivedFlow]) -> Vec<String> {
    let mut words = Vec::new();
    let most = match d.places.first() {
        Some(most) if d.packets >= FEW && r.meta.cpus_online.len() > 1 => most,
        _ => return words,
    };
    if most.packets > d.packets / 2 && d.name != "lo" {
        words.push(format!("{} came in on CPU {}{}", share(most, d), most.cpu, queue(d, most)));
    }
    let spreads = r.meta.rx_path.as_ref().and_then(|host| host.nic(&d.name)).is_some_and(|nic| {
        let rps = |q: &crate::rxpath::RxQueue| q.rps_cpus.as_ref().is_some_and(|c| c.len() > 1);
        d.own == Some(true) && (nic.rx.len() > 1 || nic.rx.iter().any(rps))
    });
    let here = |f: &&ReceivedFlow| {
        (f.netns, &f.device) == (d.netns, &d.name) && f.protocol == "icmp" && f.packets >= FEW
    };
    let seen = match d.places.iter().any(|place| place.flows_missed) {
        true => " that was looked at",
        false => "",
    };
    for flow in flows.iter().filter(here).filter(|f| f.cpus.len() == 1).take(NAMED) {
        let why = if spreads {
            ": ICMP has no ports, so that all of it between two hosts has one hash and one CPU"
        } else {
            ""
        };
        words.push(format!(
            "all ICMP from {} to {}{seen} came in on CPU {}{why}",
            flow.source, flow.destination, flow.cpus[0]
        ));
    }
    words
}

/// `94 % of the packets of eth0`.
fn share(place: &Place, device: &ReceivedDevice) -> String {
    let percent = place.packets as f64 * 100.0 / device.packets.max(1) as f64;
    let percent = if percent >= 10.0 || percent == 0.0 {
        format!("{percent:.0}")
    } else {
        format!("{percent:.1}")
    };
    format!("{percent}\u{a0}% of the packets of {}", device.name)
}

/// ` (rx queue 11)`; a device that showed only its first queue may well have no other.
fn queue(device: &ReceivedDevice, place: &Place) -> String {
    let several = device.places.iter().any(|p| p.queue.is_some_and(|queue| queue > 0));
    let queue = place.queue.filter(|_| several);
    queue.map(|queue| format!(" (rx queue {queue})")).unwrap_or_default()
}

/// What came in on a CPU, for whom its stalls are bad; none where that is not known.
fn hurts(cpu: Cpu, devices: &[ReceivedDevice], flows: &[ReceivedFlow]) -> Option<String> {
    let from_outside = |d: &&ReceivedDevice| d.own != Some(false) && d.name != "lo";
    let mut parts: Vec<String> = Vec::new();
    for device in devices.iter().filter(from_outside) {
        let Some(place) = device.places.iter().find(|p| p.cpu == cpu) else { continue };
        // A few packets of one device hurt nobody who has another.
        if place.packets >= FEW && parts.len() < NAMED {
            parts.push(format!("{}{}", share(place, device), queue(device, place)));
        }
    }
    if parts.is_empty() {
        return None;
    }
    let there = |f: &&ReceivedFlow| {
        let known = devices.iter().filter(from_outside);
        let mut known = known.filter(|d| (d.netns, &d.name) == (f.netns, &f.device));
        f.cpus.first() == Some(&cpu) && known.next().is_some()
    };
    let named: Vec<String> =
        flows.iter().filter(there).take(NAMED).map(ToString::to_string).collect();
    let among = match named.is_empty() {
        true => String::new(),
        false => format!(", among them {}", named.join(", ")),
    };
    Some(format!("it receives {}{among}", parts.join(", ")))
}

/// What tells flows apart, as they stand on the wire.
type FlowKey = (u32, u32, u8, u8, [u64; 2], [u64; 2], u16, u16);

/// Sums of a flow by CPU and queue.
type FlowPlaces = BTreeMap<(Cpu, Option<u32>), Sums>;

/// Flows, the largest first.
fn flows(r: &Recording, windows: &Windows) -> Vec<ReceivedFlow> {
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
