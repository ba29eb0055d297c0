//! Handshakes that did not get through at once.

use super::super::facts::{Facts, NsFacts};
use super::super::finding::{Finding, Severity, Window};
use super::super::words::{count, percent, permille, plural};
use super::{Check, counted, inside, namespaces, or_ok, unknown_in};

pub const LISTEN: Check = Check {
    name: "listen-overflows",
    title: "accept queues that were full",
    run: listen,
    why: "the program takes its connections too slowly: the last packet of a handshake was \
          dropped, and the client waits for a retransmit",
    prove: "nstat -asz TcpExtListenOverflows TcpExtListenDrops; ss -ltn (Recv-Q against Send-Q)",
    help: "a longer queue: listen(2)'s backlog and net.core.somaxconn; more threads that accept; \
           stallprof record shows whether the program is kept from its CPU",
};

pub const SYN: Check = Check {
    name: "syn-retransmits",
    title: "handshakes sent again",
    run: syn,
    why: "a SYN or SYN-ACK was not answered and was sent again after 1 s: somebody's connect took \
          that much longer",
    prove: "nstat -asz TcpExtTCPSynRetrans TcpActiveOpens",
    help: "look for the loss on the way: conntrack-loss, softnet-drops, listen-overflows of the \
           other side, a server that is gone",
};

fn listen(facts: &Facts) -> Vec<Finding> {
    each(facts, "no overflows", |ns, window| {
        let (overflows, drops) =
            match (counted(ns, |c| c.listen_overflows)?, counted(ns, |c| c.listen_drops)?) {
                (Some(overflows), Some(drops)) => (overflows, drops),
                _ => return Err("the kernel does not tell ListenOverflows".to_owned()),
            };
        let now = overflows.grown.max(drops.grown);
        let finding = if now > 0 {
            let value = format!("{} dropped", plural(now, "handshake"));
            Finding::new(Severity::Warning, value).during(window)
        } else if drops.total > 0 {
            let (all, over) = (count(drops.total), count(overflows.total));
            let value = format!(
                "{all} handshakes dropped, {over} of them for a full queue; none {}",
                window.words()
            );
            Finding::new(Severity::Notice, value).during(Window::SinceBoot)
        } else {
            return Ok(None);
        };
        let finding = finding.proved_by(inside(ns, LISTEN.prove)).number("drops", now);
        Ok(Some(
            finding.number("overflows_total", overflows.total).number("drops_total", drops.total),
        ))
    })
}

/// One in a hundred handshakes is more than a network loses that is well.
const SYN_WARNING: u64 = 10;
/// One in ten: something drops them.
const SYN_CRITICAL: u64 = 100;
/// Fewer than this in the window are no share.
const SYN_FEW: u64 = 5;

fn syn(facts: &Facts) -> Vec<Finding> {
    each(facts, "below 1 % of the connections opened", |ns, window| {
        let read = (counted(ns, |c| c.syn_retrans)?, counted(ns, |c| c.active_opens)?);
        let (Some(again), Some(opens)) = read else {
            return Err("the kernel does not tell TCPSynRetrans".to_owned());
        };
        let (now, opened) = (again.grown, opens.grown);
        // Those sent again in the window may have been opened before it.
        let share = permille(now, opened.max(now)).unwrap_or(0);
        let severity = match share {
            _ if now == 0 => None,
            n if n >= SYN_CRITICAL && now >= 4 * SYN_FEW => Some(Severity::Critical),
            n if n >= SYN_WARNING && now >= SYN_FEW => Some(Severity::Warning),
            _ => Some(Severity::Notice),
        };
        let finding = match severity {
            Some(severity) => {
                let value =
                    format!("{} sent again, {} opened", count(now), plural(opened, "connection"));
                Finding::new(severity, value).during(window)
            }
            None if permille(again.total, opens.total).is_none_or(|p| p >= SYN_WARNING)
                && again.total >= 4 * SYN_FEW =>
            {
                let of = match opens.total {
                    0 => "no connections were opened".to_owned(),
                    n => {
                        format!("{} of {} opened", percent(again.total, n), plural(n, "connection"))
                    }
                };
                let value =
                    format!("{} sent again, {of}; none {}", count(again.total), window.words());
                Finding::new(Severity::Notice, value).during(Window::SinceBoot)
            }
            None => return Ok(None),
        };
        let finding = finding.proved_by(inside(ns, SYN.prove)).number("syn_retrans", now);
        Ok(Some(finding.number("active_opens", opened).number("syn_retrans_total", again.total)))
    })
}

fn each(
    facts: &Facts,
    ok: &str,
    of: impl Fn(&NsFacts, Window) -> Result<Option<Finding>, String>,
) -> Vec<Finding> {
    let (list, window) = match namespaces(facts) {
        Ok(known) => known,
        Err(unknown) => return unknown,
    };
    let (mut findings, mut unknown) = (Vec::new(), Vec::new());
    for ns in list {
        match of(ns, window) {
            Ok(finding) => findings.extend(finding.map(|f| f.on(&ns.name))),
            Err(why) => unknown.push((ns.name.clone(), why)),
        }
    }
    findings.extend(unknown_in(&unknown, list.len()));
    or_ok(findings, || Finding::new(Severity::Ok, ok).during(Window::SinceBoot))
}
