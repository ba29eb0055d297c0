//! The checks: each a function from facts to findings. Thresholds stand beside their reason.

mod cni;
mod conntrack;
mod coverage;
mod fdb;
mod fragments;
mod ipam;
mod memcg;
mod mtu;
mod mtu_pods;
mod neighbours;
mod ports;
mod pressure;
mod rules;
mod rx;
mod snat;
mod softnet;
mod steal;
mod tcp;
mod throttling;

use super::facts::{Facts, NsFacts};
use super::finding::{Finding, Severity, Window};
use crate::host::counter::grown64;
use crate::host::mib::NetCounters;

pub(super) use coverage::COVERAGE;
pub use mtu::overhead;

/// A check.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Its name, as in JSON and for `--only` and `--skip`.
    pub name: &'static str,
    /// What it looks at, in a few words.
    pub title: &'static str,
    /// Concludes.
    pub run: fn(&Facts) -> Vec<Finding>,
    /// Why its findings matter, unless they say it themselves.
    pub why: &'static str,
    /// The command that shows the same.
    pub prove: &'static str,
    /// What helps.
    pub help: &'static str,
}

/// All checks, in the order they are told where they are equally bad.
pub const CHECKS: &[Check] = &[
    memcg::DYING,
    conntrack::FILL,
    conntrack::LOSS,
    snat::RANDOM,
    softnet::DROPS,
    softnet::SQUEEZE,
    rx::SPREAD,
    neighbours::FILL,
    fdb::FILL,
    mtu::TUNNELS,
    mtu_pods::PODS,
    fragments::FAILS,
    rules::COUNT,
    tcp::LISTEN,
    tcp::SYN,
    ports::EPHEMERAL,
    pressure::PRESSURE,
    steal::STEAL,
    throttling::CPU,
    cni::CONFIGURATION,
    ipam::LEASES,
    COVERAGE,
];

/// The check of a name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.name == name)
}

/// Of a value that grows worse: the severity it has reached.
fn graded(value: u64, warning: u64, critical: u64) -> Severity {
    if value >= critical {
        Severity::Critical
    } else if value >= warning {
        Severity::Warning
    } else {
        Severity::Ok
    }
}

/// One finding that all is well, unless there are others.
fn or_ok(mut findings: Vec<Finding>, ok: impl FnOnce() -> Finding) -> Vec<Finding> {
    if findings.is_empty() {
        findings.push(ok());
    }
    findings
}

/// A counter of a namespace's protocols: its growth between the readings, and its total.
struct Counted {
    grown: u64,
    total: u64,
}

/// The growth and total of a counter; none if this kernel does not have it, an error if one of them
/// is not known.
fn counted(
    ns: &NsFacts,
    of: impl Fn(&NetCounters) -> Option<u64>,
) -> Result<Option<Counted>, String> {
    let second = ns.second.as_ref().ok_or("read only once: time was up")?;
    let first = of(ns.first.counters.as_ref().map_err(Clone::clone)?);
    let total = of(second.counters.as_ref().map_err(Clone::clone)?);
    let (Some(first), Some(total)) = (first, total) else { return Ok(None) };
    let grown = grown64(first, total).ok_or("its counters were reset meanwhile")?;
    Ok(Some(Counted { grown, total }))
}

/// The namespaces, or the one finding that they are not known.
fn namespaces(facts: &Facts) -> Result<(&[NsFacts], Window), Vec<Finding>> {
    match &facts.namespaces {
        Ok(all) => Ok((&all.list, Window::Within(all.window))),
        Err(why) => Err(vec![Finding::unknown(why)]),
    }
}

/// A finding that something was not known in some of many namespaces, told once.
fn unknown_in(reasons: &[(String, String)], of: usize) -> Option<Finding> {
    let (name, why) = reasons.first()?;
    let value = match reasons.len() {
        1 => format!("{name}: {why}"),
        n => format!("{n} of {of} network namespaces, such as {name}: {why}"),
    };
    Some(Finding::unknown(value).number("namespaces", reasons.len() as u64))
}

/// The command of a finding, inside the namespace it is about.
fn inside(ns: &NsFacts, command: &str) -> String {
    if ns.netns.own {
        command.to_owned()
    } else {
        format!("nsenter -t {} -n {command}", ns.netns.pid)
    }
}
