//! Devices: each with the queues and CPUs where packets came in.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::sums::{Sums, add, balance, by_protocol, drawn, margin, times};
use super::words::words;
use crate::analysis::windows::Windows;
use crate::model::findings::*;
use crate::model::{Recording, RxDeviceId, RxRow};
use crate::units::Cpu;

/// Devices that are told.
const DEVICES: usize = 64;

/// Sums by queue and CPU.
type Places = BTreeMap<(Option<u32>, Cpu), Sums>;

/// Devices by their number: one that was renamed keeps its first name here.
pub(super) fn devices(
    r: &Recording,
    flows: &[ReceivedFlow],
    windows: &Windows,
) -> Vec<ReceivedDevice> {
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
