//! Packets that had to be fragmented and must not be, and fragments that never became a packet.

use super::super::facts::Facts;
use super::super::finding::{Finding, Severity, Window};
use super::super::words::count;
use super::{Check, counted, inside, namespaces, or_ok, unknown_in};

pub const FAILS: Check = Check {
    name: "fragmentation",
    title: "packets too long for their way",
    run,
    why: "packets were dropped because they are too long for the next link and must not be \
          fragmented: the sender has to learn it by ICMP, else the connection hangs",
    prove: "nstat -asz IpFragFails IpReasmFails",
    help: "see the MTU checks; let ICMP \"fragmentation needed\" through; clamp TCP's segments: \
           iptables ... -j TCPMSS --clamp-mss-to-pmtu",
};

fn run(facts: &Facts) -> Vec<Finding> {
    let (list, window) = match namespaces(facts) {
        Ok(known) => known,
        Err(unknown) => return unknown,
    };
    let (mut findings, mut unknown) = (Vec::new(), Vec::new());
    for ns in list {
        let read = (counted(ns, |c| c.frag_fails), counted(ns, |c| c.reasm_fails));
        let (fails, reasm) = match read {
            (Ok(Some(fails)), Ok(Some(reasm))) => (fails, reasm),
            (Err(why), _) | (_, Err(why)) => {
                unknown.push((ns.name.clone(), why));
                continue;
            }
            _ => {
                unknown.push((ns.name.clone(), "the kernel does not tell FragFails".to_owned()));
                continue;
            }
        };
        let now = fails.grown;
        let lost = reasm.grown;
        let finding = if now > 0 {
            Finding::new(
                Severity::Warning,
                format!("{} dropped as too long (FragFails)", count(now)),
            )
            .during(window)
        } else if fails.total > 0 || reasm.total > 0 {
            let value = format!(
                "FragFails {}, ReasmFails {}{}",
                count(fails.total),
                count(reasm.total),
                if lost > 0 {
                    format!(", {} of them {}", count(lost), window.words())
                } else {
                    String::new()
                }
            );
            Finding::new(Severity::Notice, value).during(Window::SinceBoot)
        } else {
            continue;
        };
        findings.push(
            finding
                .on(&ns.name)
                .proved_by(inside(ns, FAILS.prove))
                .number("frag_fails", now)
                .number("frag_fails_total", fails.total)
                .number("reasm_fails_total", reasm.total),
        );
    }
    findings.extend(unknown_in(&unknown, list.len()));
    or_ok(findings, || Finding::new(Severity::Ok, "none dropped").during(Window::SinceBoot))
}
