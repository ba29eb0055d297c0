//! Neighbour tables: ARP and NDISC.

use super::super::facts::{Facts, NeighFacts};
use super::super::finding::{Finding, Severity, Window};
use super::super::words::{count, percent, permille};
use super::{Check, graded};
use crate::host::counter::grown64;
use crate::host::neigh::Family;

pub const FILL: Check = Check {
    name: "neighbours",
    title: "neighbour tables (ARP, NDISC)",
    run,
    why: "one table serves all network namespaces: when it is full, packets to addresses that are \
          not in it are dropped everywhere on the node (\"neighbor table overflow!\")",
    prove: "cat /proc/net/stat/arp_cache /proc/net/stat/ndisc_cache (hexadecimal); sysctl \
            net.ipv4.neigh.default.gc_thresh3",
    help: "raise net.ipv4.neigh.default.gc_thresh3 (and net.ipv6...) with gc_thresh2; the entries \
           of each namespace: ip -s neigh",
};

/// A node that starts its pods again asks for all their addresses at once: a fifth is left.
const WARNING: u64 = 800;
/// Some entries cannot be collected (permanent, just used): it is as good as full.
const CRITICAL: u64 = 950;

fn run(facts: &Facts) -> Vec<Finding> {
    facts.neigh.iter().map(of_table).collect()
}

fn of_table(neigh: &NeighFacts) -> Finding {
    let name = match neigh.family {
        Family::V4 => "ARP",
        Family::V6 => "NDISC",
    };
    let (first, second) = match neigh.table.both() {
        Ok(both) => both,
        Err(why) => return Finding::unknown(why).on(name),
    };
    let refused = second.table_fulls.zip(first.table_fulls).and_then(|(b, a)| grown64(a, b));
    let entries = count(second.entries);
    let total = second.table_fulls.unwrap_or(0);
    let with = |finding: Finding| {
        let finding = finding.on(name).number("entries", second.entries);
        match second.table_fulls {
            Some(total) => finding.number("table_fulls_total", total),
            None => finding,
        }
    };
    if let Some(refused) = refused.filter(|n| *n > 0) {
        let value = format!("refused {} entries, {entries} in the table", count(refused));
        let window = Window::Within(neigh.table.window);
        return with(
            Finding::new(Severity::Critical, value).during(window).number("table_fulls", refused),
        );
    }
    let limits = match &neigh.thresholds {
        Ok(limits) => limits,
        Err(why) => return with(Finding::unknown(format!("{entries} entries; the limit: {why}"))),
    };
    // gc_thresh3 = 0 refuses all.
    let share = permille(second.entries, limits.third).unwrap_or(1_000);
    let mut severity = graded(share, WARNING, CRITICAL);
    let mut value = format!(
        "{entries} of {} entries ({})",
        count(limits.third),
        percent(second.entries, limits.third)
    );
    if second.entries > limits.second {
        value +=
            &format!(", over gc_thresh2 ({}): entries not used for 5 s go", count(limits.second));
        severity = severity.max(Severity::Notice);
    }
    if total > 0 {
        value += &format!("; refused {} since boot", count(total));
        severity = severity.max(Severity::Notice);
    }
    with(Finding::new(severity, value).number("gc_thresh3", limits.third))
}
