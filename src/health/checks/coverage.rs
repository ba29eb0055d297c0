//! Whether everything was looked at.

use super::super::facts::Facts;
use super::super::finding::Finding;
use super::super::finding::Severity;
use super::super::words::plural;
use super::{Check, or_ok};

pub const COVERAGE: Check = Check {
    name: "coverage",
    title: "what was looked at",
    run,
    why: "what was not looked at may be ill: the other checks tell only of what was read",
    prove: "lsns -t net; find /sys/fs/cgroup -type d | wc -l",
    help: "run it as root; on a node that has more than a second can read, look into single \
           namespaces: nsenter -t PID -n",
};

fn run(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<Finding> = facts
        .left_out()
        .into_iter()
        .map(|what| Finding::unknown(format!("not read: {what}")))
        .collect();
    let (mut namespaces, mut cgroups) = (0, 0);
    match &facts.namespaces {
        Ok(known) => namespaces = known.list.len() as u64,
        Err(why) => findings.push(Finding::unknown(why).on("network namespaces")),
    }
    match &facts.cgroups {
        Ok(known) => cgroups = known.visited as u64,
        Err(why) => findings.push(Finding::unknown(why).on("cgroups")),
    }
    or_ok(findings, || {
        let value =
            format!("{}, {}", plural(namespaces, "network namespace"), plural(cgroups, "cgroup"));
        let finding = Finding::new(Severity::Ok, value).number("namespaces", namespaces);
        finding.number("cgroups", cgroups)
    })
}
