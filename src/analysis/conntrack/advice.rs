//! What helps against losses in connection tracking.

use crate::model::findings::{CtNamespace, CtVerdict, FailedFlow, SnatRules};

/// Against lost races for a source port.
pub const RANDOM_FULLY: &str = "kube-proxy, flannel and the CNI plugins set it where the kernel \
    (3.14) and iptables (1.6.2) know it: update them; own rules: add --random-fully (iptables) or \
    fully-random (nft)";

/// Against full tables.
pub const LARGER_TABLE: &str = "raise net.netfilter.nf_conntrack_max (and nf_conntrack_buckets \
    with it); shorten nf_conntrack_tcp_timeout_established; find who opens so many: conntrack -L";

/// The advice that follows from what was lost, the most pressing first.
pub fn advice(
    namespaces: &[CtNamespace],
    failed: &[FailedFlow],
    rules: &[SnatRules],
) -> Vec<String> {
    let mut advice = Vec::new();
    let raced = namespaces.iter().any(|n| n.count("insert_failed").unwrap_or(0) > 0);
    if raced {
        let listed = rules.iter().filter(|rules| rules.program.is_some());
        let (all, not_random) = listed.fold((0u64, 0u64), |(all, not), rules| {
            (all.saturating_add(rules.rules), not.saturating_add(rules.not_random))
        });
        advice.push(match (all, not_random) {
            (_, 1..) => format!("ports chosen fully at random: {RANDOM_FULLY}"),
            (1.., 0) => "the rules choose ports fully at random already: more source addresses, \
                         or fewer connections to one address and port"
                .to_owned(),
            (0, 0) => "no source NAT rule was listed: look at what else translates addresses \
                       (eBPF, IPVS, Open vSwitch)"
                .to_owned(),
        });
    }
    let full = |v: CtVerdict| matches!(v, CtVerdict::TableFull | CtVerdict::NoEntry);
    let dropped = |n: &CtNamespace| {
        let count = |name| n.count(name).unwrap_or(0);
        count("early_drop") > 0 || count("drop") > count("insert_failed")
    };
    if failed.iter().any(|f| full(f.verdict)) || namespaces.iter().any(dropped) {
        advice.push(format!("room in the table: {LARGER_TABLE}"));
    }
    advice
}
