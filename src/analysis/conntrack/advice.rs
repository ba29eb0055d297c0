//! What helps against losses in connection tracking.

use crate::model::findings::{CtNamespace, CtVerdict, FailedFlow, SnatRules, Translation};
use crate::model::remedies::{LARGER_TABLE, RANDOM_FULLY};

const ALREADY_RANDOM: &str = "the rules choose ports fully at random already: more source \
    addresses, or fewer connections to one address and port";

const NO_RULE: &str = "no source NAT rule was listed: look at what else translates addresses \
    (eBPF, IPVS, Open vSwitch)";

/// How to see which rules translate source addresses.
pub const LIST_RULES: &str = "iptables-save -t nat; ip6tables-save -t nat; nft list ruleset";

/// Against races of connections whose senders keep address and port. Two of them come to have the
/// same ends only if they had the same sender.
const RECEIVER_ONLY: &str = "where only the receiver was translated, two connections from one \
    address and port went to one backend by two addresses at once, and random source ports of NAT \
    rules do not help: let clients use one address of the service, or another port for each";

const DNS: &str = "a question to DNS that is lost is asked again after the resolver's timeout \
    (glibc: 5 s, unless resolv.conf says otherwise): a DNS cache on each node (NodeLocal DNSCache) \
    is asked without translation";

/// The advice that follows from what was lost, the most pressing first.
pub fn advice(
    namespaces: &[CtNamespace],
    failed: &[FailedFlow],
    rules: &[SnatRules],
) -> Vec<String> {
    let mut advice = Vec::new();
    let raced = |n: &&CtNamespace| n.count("insert_failed").unwrap_or(0) > 0;
    for n in namespaces.iter().filter(raced) {
        for words in races(n, failed, rules) {
            if !advice.contains(&words) {
                advice.push(words);
            }
        }
    }
    let full = |v: CtVerdict| {
        matches!(v, CtVerdict::TableFull | CtVerdict::NoEntry | CtVerdict::FullOrNoEntry)
    };
    let dropped = |n: &CtNamespace| {
        let count = |name| n.count(name).unwrap_or(0);
        count("early_drop") > 0 || count("drop") > count("insert_failed")
    };
    if failed.iter().any(|f| full(f.verdict)) || namespaces.iter().any(dropped) {
        advice.push(format!("room in the table: {LARGER_TABLE}"));
    }
    advice
}

/// Against lost races of one namespace.
fn races(n: &CtNamespace, failed: &[FailedFlow], rules: &[SnatRules]) -> Vec<String> {
    let mut advice = Vec::new();
    let lost = |f: &&FailedFlow| f.netns == n.netns && f.verdict == CtVerdict::InsertFailed;
    let lost: Vec<&FailedFlow> = failed.iter().filter(lost).collect();
    let sender =
        |f: &&&FailedFlow| matches!(f.translation, Translation::Snat | Translation::SnatDnat);
    let senders: Vec<&&FailedFlow> = lost.iter().filter(sender).collect();
    // Where no packet was seen, any rule may be the one.
    if lost.is_empty() || !senders.is_empty() {
        let concerns = |rule: &&SnatRules| {
            let family = |f: &&&FailedFlow| {
                rule.family.zip(f.family).is_none_or(|(rule, flow)| rule == flow)
            };
            rule.netns == n.netns && (senders.is_empty() || senders.iter().any(family))
        };
        advice.push(ports(rules.iter().filter(concerns)));
    }
    if lost.iter().any(|f| f.translation == Translation::Dnat) {
        advice.push(RECEIVER_ONLY.to_owned());
    }
    if lost.iter().any(|f| f.protocol == "UDP" && f.to.ends_with(":53")) {
        advice.push(DNS.to_owned());
    }
    advice
}

/// What the rules say on how source ports are chosen.
fn ports<'r>(rules: impl Iterator<Item = &'r SnatRules>) -> String {
    let (mut listed, mut failed, mut all, mut not_random) = (false, false, 0u64, 0u64);
    for rules in rules {
        listed |= rules.program.is_some();
        failed |= rules.program.is_none();
        all = all.saturating_add(rules.rules);
        not_random = not_random.saturating_add(rules.not_random);
    }
    match (not_random, all) {
        (1.., _) => format!("ports chosen fully at random: {RANDOM_FULLY}"),
        _ if failed || !listed => format!(
            "ports chosen fully at random, if rules translate source addresses and do not choose \
             them so yet: {RANDOM_FULLY}"
        ),
        (0, 1..) => ALREADY_RANDOM.to_owned(),
        (0, 0) => NO_RULE.to_owned(),
    }
}
