//! Where packets came in, and how evenly.

mod devices;
mod flows;
mod sums;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use super::windows::Windows;
use crate::model::Recording;
use crate::model::findings::*;
use crate::units::Cpu;
use devices::devices;
use flows::flows;
use sums::{add, balance};
use words::{hurts, places};

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
    let harmed = stalls.iter().filter(|s| !s.served_meanwhile());
    let stalled: BTreeSet<Cpu> = harmed.map(|s| s.cpu).collect();
    let places = places(&devices);
    for cpu in cpus.iter_mut().filter(|c| stalled.contains(&c.cpu)) {
        cpu.hurts = hurts(cpu.cpu, &devices, &places, &flows);
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
