//! Forwarding tables of bridges and VXLAN devices, where they have a limit.

use super::super::facts::Facts;
use super::super::finding::{Finding, Severity};
use super::super::words::{count, percent, permille};
use super::{Check, graded, or_ok};

pub const FILL: Check = Check {
    name: "fdb",
    title: "forwarding tables of bridges and VXLAN",
    run,
    why: "an address that no longer fits is flooded to every port, or on VXLAN not reached at all",
    prove: "bridge fdb show | wc -l; ip -d link show type bridge (fdb_max_learned); ip -d link \
            show type vxlan (maxaddr)",
    help: "raise the limit: ip link set DEV type bridge fdb_max_learned N; a vxlan device is made \
           anew with maxaddress N",
};

/// As of the neighbour tables: pods that start again bring their addresses at once.
const WARNING: u64 = 800;
const CRITICAL: u64 = 950;

fn run(facts: &Facts) -> Vec<Finding> {
    let namespaces = match &facts.namespaces {
        Ok(namespaces) => namespaces,
        Err(why) => return vec![Finding::unknown(why)],
    };
    let links = match namespaces.host().map(|host| &host.links) {
        Some(Ok(links)) => links,
        Some(Err(why)) => return vec![Finding::unknown(why)],
        None => return vec![Finding::unknown("the host's own network namespace cannot be seen")],
    };
    let mut findings = Vec::new();
    for link in links {
        let Some(max) = link.fdb_max else { continue };
        let held = match (link.fdb_learned, &namespaces.forwarding) {
            (Some(learned), _) => learned,
            (None, Ok(counts)) => counts.get(&link.index).copied().unwrap_or(0),
            (None, Err(why)) => {
                findings.push(Finding::unknown(why).on(&link.name));
                continue;
            }
        };
        let (held, max) = (u64::from(held), u64::from(max));
        let share = permille(held, max).unwrap_or(0);
        let value = format!("{} of {} entries ({})", count(held), count(max), percent(held, max));
        let finding = Finding::new(graded(share, WARNING, CRITICAL), value).on(&link.name);
        findings.push(finding.number("entries", held).number("max", max));
    }
    or_ok(findings, || Finding::new(Severity::Ok, "no device limits its table"))
}
