//! What is remarkable, in words.

use std::collections::BTreeMap;

use super::{FEW, NAMED};
use crate::model::Recording;
use crate::model::findings::*;
use crate::units::Cpu;

/// What is remarkable of a device.
pub(super) fn words(r: &Recording, d: &ReceivedDevice, flows: &[ReceivedFlow]) -> Vec<String> {
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

/// Of each CPU the place of each device that brings packets from outside: the one with most.
pub(super) type Places<'d> = BTreeMap<Cpu, Vec<(&'d ReceivedDevice, &'d Place)>>;

fn from_outside(device: &&ReceivedDevice) -> bool {
    device.own != Some(false) && device.name != "lo"
}

/// Finds them.
pub(super) fn places(devices: &[ReceivedDevice]) -> Places<'_> {
    let mut by_cpu = Places::new();
    for device in devices.iter().filter(from_outside) {
        for place in &device.places {
            let of_cpu = by_cpu.entry(place.cpu).or_default();
            if of_cpu.last().is_none_or(|(last, _)| !std::ptr::eq(*last, device)) {
                of_cpu.push((device, place));
            }
        }
    }
    by_cpu
}

/// What came in on a CPU, for whom its stalls are bad; none where that is not known.
pub(super) fn hurts(
    cpu: Cpu,
    devices: &[ReceivedDevice],
    places: &Places<'_>,
    flows: &[ReceivedFlow],
) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    for (device, place) in places.get(&cpu).into_iter().flatten() {
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
