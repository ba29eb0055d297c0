//! Adding up what was counted, and what of it is estimated.

use std::collections::BTreeMap;

use crate::analysis::windows::Windows;
use crate::model::findings::*;
use crate::model::rx::WEIGHT;
use crate::units::{Cpu, Ktime};

pub(super) fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}

/// How evenly CPUs share; none of a single one, or of nothing.
pub(super) fn balance(packets: impl Iterator<Item = u64>) -> Option<Balance> {
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

/// Adds up packets by what they carry.
pub(super) fn by_protocol(p: &mut Protocols, more: [u64; 9]) {
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
pub(super) struct Sums {
    pub packets: u64,
    pub bytes: u64,
    /// Of what was read at other times than looks.
    pub variance: f64,
    /// Packets of each look.
    pub looks: BTreeMap<Ktime, u64>,
    pub flows: u64,
    pub flows_full: bool,
    pub flows_missed: bool,
    pub protocols: Protocols,
}

pub(super) fn times(n: u64, factor: f64) -> u64 {
    if factor == 1.0 { n } else { (n as f64 * factor).round() as u64 }
}

/// Variance of a count of packets, so many of which were not looked at: each that stands for
/// `WEIGHT` was drawn with a chance of one in as many.
pub(super) fn drawn(not_examined: u64) -> f64 {
    f64::from(WEIGHT) * not_examined as f64
}

/// Two standard deviations of what was drawn, and what pauses leave open. That a look was a draw,
/// too, shows in how much looks differ.
pub(super) fn margin(
    variance: f64,
    cpu: Cpu,
    looks: &BTreeMap<Ktime, u64>,
    windows: &Windows,
) -> u64 {
    (2.0 * variance.sqrt() + windows.margin(cpu, looks)).ceil() as u64
}
