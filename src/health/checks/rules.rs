//! How many packet filter rules there are, and how kube-proxy finds its services.

use super::super::facts::Facts;
use super::super::finding::{Finding, Severity};
use super::super::words::{count, plural};
use super::Check;

pub const COUNT: Check = Check {
    name: "rules",
    title: "packet filter rules and kube-proxy's mode",
    run,
    why: "in iptables mode a connection's first packet is compared with the rules of all services \
          one after the other, and each change of a service writes all rules anew under a lock",
    prove: "iptables-save | grep -c '^-A'; iptables-save | grep -c '^-A KUBE-SERVICES'; nft list \
            ruleset | wc -l",
    help: "kube-proxy --proxy-mode=nftables (Linux 5.13), whose lookup does not grow with the \
           services, or a CNI that replaces kube-proxy",
};

/// Kubernetes' own advice for other modes than iptables begins at 1,000 services
/// (KEP-3866; IPVS deep dive, 2018).
const SERVICES_NOTICE: u64 = 1_000;
/// Comparing takes tens of nanoseconds a rule: from here on about 0.1 ms for a first packet, and
/// rewriting takes seconds.
const SERVICES_WARNING: u64 = 5_000;
/// Rules of any kind: with this many a rewrite under the lock takes most of a second.
const RULES_NOTICE: u64 = 10_000;
const RULES_WARNING: u64 = 50_000;

fn run(facts: &Facts) -> Vec<Finding> {
    let set = match &facts.rules {
        Ok(set) => set,
        Err(why) => return vec![Finding::unknown(why)],
    };
    let mut findings: Vec<Finding> =
        set.failed.iter().map(|why| Finding::unknown(why.to_string())).collect();
    if set.listed.is_empty() {
        return findings;
    }
    let sum = |of: fn(&crate::host::rules::Rules) -> u64| set.listed.iter().map(of).sum::<u64>();
    let (rules, services) = (sum(|r| r.rules), sum(|r| r.kube_services));
    let longest = set.listed.iter().map(|r| r.service_rules).max().unwrap_or(0);
    let by = |name: &str| set.listed.iter().any(|r| r.program == name && r.kube_services > 0);
    let mode = match (facts.ipvs.unwrap_or(0), by("nft")) {
        (n, _) if n > 0 => format!("kube-proxy in mode ipvs, {}", plural(n, "virtual service")),
        (_, true) => format!("kube-proxy in mode nftables, {}", plural(services, "service chain")),
        _ if services > 0 => format!(
            "kube-proxy in mode iptables, {}, up to {} compared for a first packet",
            plural(services, "service chain"),
            plural(longest, "rule")
        ),
        _ => "no rules of kube-proxy".to_owned(),
    };
    let severity = if longest >= SERVICES_WARNING || rules >= RULES_WARNING {
        Severity::Warning
    } else if longest >= SERVICES_NOTICE || rules >= RULES_NOTICE {
        Severity::Notice
    } else {
        Severity::Ok
    };
    let programs: Vec<String> =
        set.listed.iter().map(|r| format!("{} {}", r.program, count(r.rules))).collect();
    let value = format!("{} ({}); {mode}", plural(rules, "rule"), programs.join(", "));
    findings.push(
        Finding::new(severity, value)
            .number("rules", rules)
            .number("service_chains", services)
            .number("longest_service_chain", longest),
    );
    findings
}
