//! Rules that translate source addresses without choosing ports at random.

use super::super::facts::Facts;
use super::super::finding::{Finding, Severity};
use super::super::words::plural;
use super::{Check, or_ok};
use crate::host::rules::Rules;
use crate::model::remedies::RANDOM_FULLY;

pub const RANDOM: Check = Check {
    name: "snat-random",
    title: "SNAT rules that pick ports in order",
    run,
    why: "without --random-fully two connections that start at once from one source port get the \
          same translated port, and one of them loses its first packet (insert_failed); with it \
          4,000 such pairs lost none",
    prove: "iptables-save -t nat | grep -E 'MASQUERADE|SNAT'; nft list ruleset | grep -E \
            'masquerade|snat'",
    help: RANDOM_FULLY,
};

fn run(facts: &Facts) -> Vec<Finding> {
    let set = match &facts.rules {
        Ok(set) => set,
        Err(why) => return vec![Finding::unknown(why)],
    };
    let mut findings = Vec::new();
    if !set.failed.is_empty() {
        findings.push(Finding::unknown("not all rules are known: see the check \"rules\""));
    }
    // A rule that has cost somebody a connection is worse than one that could.
    let failed = failed_ever(facts);
    let severity = if failed > 0 { Severity::Warning } else { Severity::Notice };
    for rules in set.listed.iter().filter(|r| r.not_random() > 0) {
        let example = rules.example().unwrap_or_default();
        let mut value = format!("{}, such as: {example}", plural(rules.not_random(), "rule"));
        if failed > 0 {
            value += &format!(" ({} since boot)", plural(failed, "failed insertion"));
        }
        let finding = Finding::new(severity, value).on(rules.program);
        findings.push(
            finding.number("rules", rules.not_random()).number("insert_failed_total", failed),
        );
    }
    or_ok(findings, || {
        let all: u64 = set.listed.iter().map(Rules::all_snat).sum();
        match all {
            0 => Finding::new(Severity::Ok, "no SNAT rules"),
            n => Finding::new(Severity::Ok, format!("{}, all at random", plural(n, "SNAT rule")))
                .number("rules", n),
        }
    })
}

/// insert_failed in the namespace whose rules these are.
fn failed_ever(facts: &Facts) -> u64 {
    let host = facts.namespaces.as_ref().ok().and_then(|n| n.host());
    let stats = host.and_then(|ns| ns.first.conntrack.as_ref().ok()?.as_ref());
    stats.and_then(|stats| stats.total("insert_failed")).unwrap_or(0)
}
