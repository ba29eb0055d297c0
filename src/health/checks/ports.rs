//! Ports for connections from here.

use super::super::facts::Facts;
use super::super::finding::{Finding, Severity};
use super::super::words::{count, percent, permille};
use super::{Check, inside, namespaces, or_ok, unknown_in};

pub const EPHEMERAL: Check = Check {
    name: "ephemeral-ports",
    title: "ports for outgoing connections",
    run,
    why: "to one destination each connection from one address needs a port of its own: when they \
          are used up, connect fails with EADDRNOTAVAIL, and long before it searches long",
    prove: "cat /proc/net/sockstat; sysctl net.ipv4.ip_local_port_range; ss -tan | awk '{print \
            $1}' | sort | uniq -c",
    help: "a wider net.ipv4.ip_local_port_range; keep connections open (keep-alive, pools); \
           net.ipv4.tcp_tw_reuse=1; more source addresses",
};

/// Sockets of all destinations together, those that listen among them, so it may still be well
/// with each of them: never critical. The kernel tries odd ports only after the even ones
/// (`__inet_hash_connect`), so at half of the range its search becomes long; four fifths is when a
/// busy destination can be at its end.
const WARNING: u64 = 800;

fn run(facts: &Facts) -> Vec<Finding> {
    let (list, _) = match namespaces(facts) {
        Ok(known) => known,
        Err(unknown) => return unknown,
    };
    let (mut findings, mut unknown, mut most) = (Vec::new(), Vec::new(), None);
    for ns in list {
        let latest = ns.second.as_ref().unwrap_or(&ns.first);
        let (sockets, range) = match (&latest.sockets, &latest.ports) {
            (Ok(sockets), Ok(range)) => (sockets, range),
            (Err(why), _) | (_, Err(why)) => {
                unknown.push((ns.name.clone(), why.clone()));
                continue;
            }
        };
        let used = sockets.inuse.saturating_add(sockets.time_wait);
        let share = permille(used, range.count()).unwrap_or(0);
        let value = format!(
            "{} TCP sockets ({} in TIME-WAIT) for {} ports ({})",
            count(used),
            count(sockets.time_wait),
            count(range.count()),
            percent(used, range.count())
        );
        let severity = if share >= WARNING { Severity::Warning } else { Severity::Ok };
        let finding = Finding::new(severity, value)
            .on(&ns.name)
            .proved_by(inside(ns, EPHEMERAL.prove))
            .number("sockets", used)
            .number("time_wait", sockets.time_wait)
            .number("ports", range.count());
        if severity == Severity::Warning {
            findings.push(finding);
        } else if most.as_ref().is_none_or(|(s, _)| share > *s) {
            most = Some((share, finding));
        }
    }
    findings.extend(unknown_in(&unknown, list.len()));
    or_ok(findings, || most.map_or_else(|| Finding::unknown("no namespace was read"), |(_, f)| f))
}
