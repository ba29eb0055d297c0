//! Connection tracking: how full the tables are, and what is lost.

use super::super::facts::{Facts, NsFacts};
use super::super::finding::{Finding, Severity, Window};
use super::super::words::{count, percent, permille, plural};
use super::{Check, graded, inside, namespaces, or_ok, unknown_in};
use crate::host::conntrack::CtGrowth;
use crate::model::remedies::{LARGER_TABLE, NO_SHARE};

pub const FILL: Check = Check {
    name: "conntrack-fill",
    title: "connection tracking tables",
    run: fill,
    why: "in a full table a new connection's first packet is dropped unless an entry without an \
          answer can be thrown out",
    prove: "sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max",
    help: LARGER_TABLE,
};

pub const LOSS: Check = Check {
    name: "conntrack-loss",
    title: "packets lost in connection tracking",
    run: loss,
    why: "the first packet of a connection was dropped: TCP sends its SYN again after 1 s, then \
          after 3 s; DNS over UDP after the resolver's 5 s",
    prove: "conntrack -S",
    help: "for insert_failed: --random-fully on SNAT and MASQUERADE rules, more source addresses; \
           for drop and early_drop: a larger nf_conntrack_max",
};

/// Where the alert NodeHighNumberConntrackEntriesUsed of node_exporter's mixin begins.
const FILL_WARNING: u64 = 750;
/// Here the kernel begins to throw out connections that are still known (`nf_conntrack_max95` of
/// `gc_worker`, net/netfilter/nf_conntrack_core.c).
const FILL_CRITICAL: u64 = 950;

fn fill(facts: &Facts) -> Vec<Finding> {
    let (list, _) = match namespaces(facts) {
        Ok(known) => known,
        Err(unknown) => return unknown,
    };
    let (mut findings, mut unknown, mut worst) = (Vec::new(), Vec::new(), None);
    for ns in list {
        let latest = ns.second.as_ref().map_or(&ns.first.fill, |second| &second.fill);
        let fill = match latest.as_ref() {
            Ok(Some(fill)) => fill,
            Ok(None) => continue,
            Err(why) => {
                unknown.push((ns.name.clone(), why.clone()));
                continue;
            }
        };
        // 0 means no limit.
        let Some(share) = permille(fill.entries, fill.max) else { continue };
        let (entries, max) = (count(fill.entries), count(fill.max));
        let value = format!("{entries} of {max} entries ({})", percent(fill.entries, fill.max));
        let severity = graded(share, FILL_WARNING, FILL_CRITICAL);
        let finding = Finding::new(severity, &value)
            .on(&ns.name)
            .proved_by(inside(ns, FILL.prove))
            .number("entries", fill.entries)
            .number("max", fill.max);
        if severity == Severity::Ok {
            if worst.as_ref().is_none_or(|(most, _)| share > *most) {
                worst = Some((share, finding));
            }
        } else {
            findings.push(finding);
        }
    }
    findings.extend(unknown_in(&unknown, list.len()));
    or_ok(findings, || match worst {
        Some((_, fullest)) => fullest,
        None => Finding::new(Severity::Ok, "not in use"),
    })
}

fn loss(facts: &Facts) -> Vec<Finding> {
    let (list, window) = match namespaces(facts) {
        Ok(known) => known,
        Err(unknown) => return unknown,
    };
    let (mut findings, mut unknown, mut used) = (Vec::new(), Vec::new(), 0);
    for ns in list {
        match of_namespace(ns, window) {
            Ok(Some(found)) => {
                used += 1;
                findings.extend(
                    found.into_iter().map(|f| f.on(&ns.name).proved_by(inside(ns, LOSS.prove))),
                );
            }
            Ok(None) => {}
            Err(why) => unknown.push((ns.name.clone(), why)),
        }
    }
    findings.extend(unknown_in(&unknown, list.len()));
    or_ok(findings, || match used {
        0 => Finding::new(Severity::Ok, "not in use"),
        _ => Finding::new(Severity::Ok, "no insert_failed, drop or early_drop")
            .during(Window::SinceBoot),
    })
}

/// Drops of one namespace; none if it does not track connections.
fn of_namespace(ns: &NsFacts, window: Window) -> Result<Option<Vec<Finding>>, String> {
    let second = ns.second.as_ref().ok_or("read only once: time was up")?;
    let first = ns.first.conntrack.as_ref().map_err(Clone::clone)?;
    let second = second.conntrack.as_ref().map_err(Clone::clone)?;
    let (first, second) = match (first, second) {
        (_, None) => return Ok(None),
        (None, Some(_)) => return Err("it came into use between the readings".to_owned()),
        (Some(first), Some(second)) => (first, second),
    };
    let total = |name: &str| second.total(name).ok_or(format!("the kernel does not tell {name}"));
    let totals = (total("insert_failed")?, total("drop")?, second.total("early_drop"));
    let growth = second.since(first)?;
    let grown = |name: &str| growth.get(name).unwrap_or(0);
    // Each insert_failed is counted as a drop too (`nf_ct_resolve_clash`).
    let other = grown("drop").saturating_sub(grown("insert_failed"));
    let mut findings = Vec::new();
    if grown("insert_failed") > 0 {
        findings.push(failed(&growth, window).number("insert_failed_total", totals.0));
    }
    if other + grown("early_drop") > 0 {
        let value = format!(
            "drop {} (besides insert_failed), early_drop {}",
            count(other),
            count(grown("early_drop"))
        );
        let finding = Finding::new(Severity::Critical, value).during(window);
        findings.push(finding.number("drop", other).number("early_drop", grown("early_drop")));
    }
    let (failed, dropped, early) = (totals.0, totals.1, totals.2.unwrap_or(0));
    if findings.is_empty() && failed + dropped + early > 0 {
        let value = format!(
            "insert_failed {}, drop {}, early_drop {}; none of them {}",
            count(failed),
            count(dropped),
            count(early),
            window.words()
        );
        let finding = Finding::new(Severity::Notice, value).during(Window::SinceBoot);
        let finding = finding.number("insert_failed_total", failed).number("drop_total", dropped);
        findings.push(finding.number("early_drop_total", early));
    }
    Ok(Some(findings))
}

/// Lost races for a port: the share of new entries where the kernel counts those.
fn failed(growth: &CtGrowth, window: Window) -> Finding {
    let failed = growth.get("insert_failed").unwrap_or(0);
    let new = growth.get("new").filter(|new| *new >= failed && *new > 0);
    let share = match new {
        Some(new) => format!("{} of {} new entries", percent(failed, new), count(new)),
        None => NO_SHARE.to_owned(),
    };
    // More than ten lost connections a second are no accident of two that met.
    let seconds = match window {
        Window::Within(d) => d.secs().max(0.1),
        _ => 1.0,
    };
    let critical = failed as f64 / seconds > 10.0;
    let severity = if critical { Severity::Critical } else { Severity::Warning };
    let value = format!("{} ({share})", plural(failed, "failed insertion"));
    let finding = Finding::new(severity, value).during(window).number("insert_failed", failed);
    finding.because(
        "two connections were given the same source port by SNAT at once, and the one that \
         confirmed later lost its first packet: TCP sends its SYN again after 1 s, then after 3 s",
    )
}
