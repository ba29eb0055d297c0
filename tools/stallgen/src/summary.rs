//! A few lines for whoever looks on.

use crate::effects::Seen;
use crate::truth::{Header, Stall};

/// Prints to standard error what was made.
pub fn print(header: &Header, stalls: &[Stall], seen: Option<&Seen>) {
    eprintln!(
        "stallgen {}: {} of {} stalls on CPU {}, {}",
        header.kind,
        stalls.len(),
        header.count,
        header.cpu,
        spread(stalls.iter().map(|s| s.duration_ns))
    );
    let Some(seen) = seen else { return };
    eprintln!(
        "  longest wait of a packet in each: {}; {} packets, {} of them waited for more than a \
         quarter of their stall",
        spread(stalls.iter().map(|s| s.victim_wait_ns)),
        seen.packets.len(),
        stalls.iter().map(|s| s.victims).sum::<u32>()
    );
    let waits = stalls.iter().filter_map(|s| Some(s.ksoftirqd_in_ns? - s.ksoftirqd_woken_ns?));
    let woken = stalls.iter().filter(|s| s.ksoftirqd_woken_ns.is_some()).count();
    if woken > 0 {
        eprintln!(
            "  ksoftirqd/{} woken in {woken} of them, waited for the CPU: {}",
            header.cpu,
            spread(waits)
        );
    }
    if seen.strayed > 0 {
        eprintln!("  {} packets were handled on another CPU", seen.strayed);
    }
    if seen.lost > 0 {
        eprintln!("  {} observations lost", seen.lost);
    }
}

fn spread(values: impl Iterator<Item = u64>) -> String {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    let (Some(min), Some(max)) = (values.first(), values.last()) else { return "none".into() };
    let median = values[values.len() / 2];
    format!("{} / {} / {} ms (min/median/max)", ms(*min), ms(median), ms(*max))
}

fn ms(ns: u64) -> String {
    format!("{:.3}", ns as f64 / 1e6)
}
