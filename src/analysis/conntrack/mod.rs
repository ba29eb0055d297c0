//! What was lost in connection tracking: which connections, why, and what it cost them.

mod advice;
mod join;
mod losses;
mod namespaces;
pub mod series;

use crate::model::conntrack::{CtDrop, Flow};
use crate::model::findings::{
    Conntrack, CtNamespace, CtVerdict, FailedFlow, SnatRules, Translation,
};
use crate::model::{Recording, StrId};
use join::Again;
use losses::Losses;

use super::blame::identity;

/// Bits of `enum ip_conntrack_status` (include/uapi/linux/netfilter/nf_conntrack_common.h).
const SRC_NAT: u32 = 1 << 4;
const DST_NAT: u32 = 1 << 5;
const SRC_NAT_DONE: u32 = 1 << 7;

const V4: &str = "IPv4";
const V6: &str = "IPv6";

/// Frames that are looked at for the hook, which is among the first few.
const DEEPEST: usize = 16;

/// Concludes; none if neither counters nor packets were recorded.
pub fn conntrack(r: &Recording) -> Option<Conntrack> {
    let ran = |name| r.meta.probes.iter().any(|p| p.name == name && p.method.is_some());
    if !ran("ct_stats") && !ran("conntrack") {
        return None;
    }
    let losses = Losses::of(r);
    let again = Again::of(r);
    let (mut failed, mut by_rules) = (Vec::new(), 0u64);
    for drop in &r.ct_drops {
        match losses.verdict(r, drop) {
            Some(verdict) => failed.push(flow(r, drop, verdict, &again)),
            None => by_rules = by_rules.saturating_add(drop.held_back).saturating_add(1),
        }
    }
    let namespaces = namespaces::namespaces(r);
    let rules = r.nat_rules.iter().map(|rules| SnatRules {
        netns: rules.netns,
        program: known(r, rules.program),
        family: match rules.family {
            4 => Some(V4),
            6 => Some(V6),
            _ => None,
        },
        rules: rules.rules,
        not_random: rules.not_random,
        example: known(r, rules.example),
        problem: known(r, rules.problem),
    });
    let rules: Vec<SnatRules> = rules.collect();
    let left_out = r.ct_left_out.iter().map(|left| r.str(left.what).to_owned());
    let left_out = left_out.chain(not_listed(&namespaces, &rules)).collect();
    let unseen = namespaces.iter().fold(0u64, |sum, n| sum.saturating_add(unseen(n, &failed)));
    Some(Conntrack {
        advice: advice::advice(&namespaces, &failed, &rules),
        namespaces,
        failed,
        by_rules,
        unseen,
        syn_retransmits: r.syn_retransmits.len(),
        rules,
        left_out,
    })
}

fn flow(r: &Recording, drop: &CtDrop, verdict: CtVerdict, again: &Again<'_>) -> FailedFlow {
    let ends = |flow: &Flow| {
        [(flow.source, flow.source_port), (flow.target, flow.target_port)]
            .map(|(address, port)| end(r, drop.protocol, address, port))
    };
    let [from, to] = ends(&drop.sent);
    let [translated_from, translated_to] =
        ends(&drop.translated).map(|end| drop.tracked.then_some(end));
    let (joined, not_joined) = match again.after(r, drop) {
        Ok(syn) => (Some(syn), None),
        Err(why) => (None, Some(why)),
    };
    let who = [Some(drop.task), joined.map(|syn| syn.task)];
    FailedFlow {
        time: drop.time,
        cpu: drop.cpu,
        netns: drop.netns,
        verdict,
        family: family(r.str(drop.sent.source)),
        protocol: protocol(drop.protocol),
        from,
        to,
        translation: translation(drop),
        translated_from,
        translated_to,
        hook: hook(r, drop),
        reason: known(r, drop.reason),
        function: known(r, r.frame(drop.location).function),
        task: who.into_iter().flatten().find(|t| t.is_some()).map(|task| identity(r, task)),
        in_softirq: drop.in_softirq,
        sent_again_after: joined.map(|syn| syn.time.since(drop.time)),
        not_joined,
    }
}

fn known(r: &Recording, text: StrId) -> Option<String> {
    text.is_some().then(|| r.str(text).to_owned())
}

/// `10.0.0.2:80`, `[fd00::1]:80`; without ports for what has none.
fn end(r: &Recording, protocol: u8, address: StrId, port: u16) -> String {
    let address = r.str(address);
    match protocol {
        6 | 17 if address.contains(':') => format!("[{address}]:{port}"),
        6 | 17 => format!("{address}:{port}"),
        _ => address.to_owned(),
    }
}

fn family(address: &str) -> Option<&'static str> {
    match (address.contains(':'), address.contains('.')) {
        (true, _) => Some(V6),
        (_, true) => Some(V4),
        _ => None,
    }
}

/// Losses of a namespace that were counted, and no packet was seen to be one of them.
fn unseen(n: &CtNamespace, failed: &[FailedFlow]) -> u64 {
    let raced = |f: &&FailedFlow| f.netns == n.netns && f.verdict == CtVerdict::InsertFailed;
    let seen = failed.iter().filter(raced).count() as u64;
    n.count("insert_failed").unwrap_or(0).saturating_sub(seen)
}

/// Where races were lost by rules that no program listed.
fn not_listed(namespaces: &[CtNamespace], rules: &[SnatRules]) -> Option<String> {
    let raced = |n: &&CtNamespace| n.count("insert_failed").unwrap_or(0) > 0;
    let unknown = |n: &&CtNamespace| !rules.iter().any(|rules| rules.netns == n.netns);
    let all: Vec<&CtNamespace> = namespaces.iter().filter(raced).filter(unknown).collect();
    let of = match all[..] {
        [] => return None,
        [one] => one.name.clone(),
        _ => format!("{} network namespaces", all.len()),
    };
    let how = advice::LIST_RULES;
    Some(format!("the rules of {of} that translate source addresses (to see them: {how})"))
}

fn protocol(number: u8) -> String {
    match number {
        1 => "ICMP".to_owned(),
        6 => "TCP".to_owned(),
        17 => "UDP".to_owned(),
        58 => "ICMPv6".to_owned(),
        n => format!("protocol {n}"),
    }
}

fn translation(drop: &CtDrop) -> Translation {
    match (drop.tracked, drop.status & SRC_NAT != 0, drop.status & DST_NAT != 0) {
        (false, ..) => Translation::Unknown,
        (_, false, false) => Translation::None,
        (_, true, false) => Translation::Snat,
        (_, false, true) => Translation::Dnat,
        (_, true, true) => Translation::SnatDnat,
    }
}

/// Which hook dropped it: who called the function that drops. Functions that only go on to the
/// next step leave no frame, so the hook of what is there counts.
fn hook(r: &Recording, drop: &CtDrop) -> Option<&'static str> {
    let inner = r.functions(drop.stack).take(DEEPEST);
    let after = inner.skip_while(|name| !name.contains("nf_hook_slow")).nth(1)?;
    Some(match after {
        "ip_output" | "ip_mc_output" | "ip6_output" | "ip6_finish_output" => "postrouting",
        "ip_local_deliver" | "ip6_input" | "ip6_mc_input" => "input",
        "ip_forward" | "ip6_forward" => "forward",
        "__ip_local_out" | "ip_local_out" | "__ip6_local_out" | "ip6_local_out" | "ip6_xmit" => {
            "output"
        }
        "ip_rcv" | "ipv6_rcv" | "ip_list_rcv" | "ip_sabotage_in" => "prerouting",
        _ => return None,
    })
}
