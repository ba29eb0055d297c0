//! The two ends of a pod's veth pair, and what its packets leave the node by.

use std::collections::HashMap;

use super::super::facts::{Facts, NamespaceFacts, NsFacts};
use super::super::finding::{Finding, Severity};
use super::super::words::plural;
use super::mtu::overhead;
use super::{Check, or_ok};
use crate::host::links::Link;

pub const PODS: Check = Check {
    name: "mtu-pods",
    title: "MTU of pods against the way out",
    run,
    why: "a packet longer than the MTU of the receiving end of a veth pair is dropped without a \
          word (is_skb_forwardable, net/core/dev.c); one longer than the way out depends on ICMP \
          \"fragmentation needed\" coming back, which many networks filter",
    prove: "ip link show type veth; nsenter -t PID -n ip link show; ip link show UPLINK",
    help: "set \"mtu\" in the CNI configuration to that of the overlay (or the uplink) and make \
           the pods anew",
};

fn run(facts: &Facts) -> Vec<Finding> {
    let namespaces = match &facts.namespaces {
        Ok(namespaces) => namespaces,
        Err(why) => return vec![Finding::unknown(why)],
    };
    let host = match namespaces.host().map(|host| &host.links) {
        Some(Ok(links)) => links,
        Some(Err(why)) => return vec![Finding::unknown(why)],
        None => return vec![Finding::unknown("the host's own network namespace cannot be seen")],
    };
    let pairs = pairs(namespaces, host);
    let mut findings: Vec<Finding> = pairs.iter().filter_map(ends_differ).collect();
    findings.extend(too_long_for_the_way_out(facts, host, &pairs));
    let unseen = namespaces.list.iter().filter(|ns| ns.links.is_err()).count();
    if let Some(ns) = namespaces.list.iter().find(|ns| ns.links.is_err()) {
        let why = ns.links.as_ref().err().map_or("", String::as_str);
        let namespaces = plural(unseen as u64, "network namespace");
        findings.push(Finding::unknown(format!("{namespaces}, such as {}: {why}", ns.name)));
    }
    or_ok(findings, || match pairs.len() {
        0 => Finding::new(Severity::Ok, "no pods behind veth pairs"),
        n => {
            Finding::new(Severity::Ok, format!("{} fit the way out", plural(n as u64, "veth pair")))
        }
    })
}

/// A veth pair between the host and another namespace.
struct Pair<'a> {
    ns: &'a NsFacts,
    pod: &'a Link,
    host: &'a Link,
}

/// The pairs: each end names the other's number, and the host's end also the namespace.
fn pairs<'a>(all: &'a NamespaceFacts, host: &'a [Link]) -> Vec<Pair<'a>> {
    let is_veth = |link: &&Link| link.kind.as_deref() == Some("veth");
    let by_index: HashMap<u32, &Link> =
        host.iter().filter(is_veth).map(|link| (link.index, link)).collect();
    let mut pairs = Vec::new();
    for ns in all.list.iter().filter(|ns| !ns.netns.own && ns.nsid.is_some()) {
        for pod in ns.links.iter().flatten().filter(is_veth).filter(|link| link.up) {
            let peer = pod.lower.and_then(|index| by_index.get(&index));
            let ours = |link: &&&Link| link.lower == Some(pod.index) && link.lower_nsid == ns.nsid;
            pairs.extend(peer.filter(ours).map(|host| Pair { ns, pod, host }));
        }
    }
    pairs
}

fn ends_differ(pair: &Pair<'_>) -> Option<Finding> {
    let (pod, host) = (pair.pod, pair.host);
    if pod.mtu == host.mtu {
        return None;
    }
    let value = format!(
        "{} in the namespace has MTU {}, its other end {} has {}: {} are dropped",
        pod.name,
        pod.mtu,
        host.name,
        host.mtu,
        if pod.mtu > host.mtu { "longer packets from it" } else { "longer packets to it" },
    );
    let prove = format!(
        "nsenter -t {} -n ip link show {}; ip link show {}",
        pair.ns.netns.pid, pod.name, host.name
    );
    let finding = Finding::new(Severity::Warning, value).on(&pair.ns.name).proved_by(prove);
    Some(finding.number("pod_mtu", pod.mtu.into()).number("host_mtu", host.mtu.into()))
}

/// Pods whose packets are longer than the narrowest way out: a tunnel, else the uplink. Told once
/// for each MTU, for all of a node's pods are made alike.
fn too_long_for_the_way_out(facts: &Facts, host: &[Link], pairs: &[Pair<'_>]) -> Vec<Finding> {
    let up = || host.iter().filter(|link| link.up);
    let tunnel = |link: &&Link| overhead(link.kind.as_deref().unwrap_or_default(), false).is_some();
    let tunnels = up().filter(tunnel);
    let uplinks = facts.uplinks.as_deref().unwrap_or_default();
    let narrowest = match tunnels.min_by_key(|link| link.mtu) {
        Some(tunnel) => Some(tunnel),
        None => up().filter(|link| uplinks.contains(&link.name)).min_by_key(|link| link.mtu),
    };
    let Some(way) = narrowest else { return Vec::new() };
    let mut by_mtu: HashMap<u32, Vec<&Pair<'_>>> = HashMap::new();
    for pair in pairs.iter().filter(|pair| pair.pod.mtu > way.mtu) {
        by_mtu.entry(pair.pod.mtu).or_default().push(pair);
    }
    let mut found: Vec<_> = by_mtu.into_iter().collect();
    found.sort_by_key(|(mtu, _)| *mtu);
    let told = found.into_iter().filter_map(|(mtu, pairs)| {
        let example = pairs.first()?;
        let value = format!(
            "{} with MTU {mtu}, such as {}, but {} has {}",
            plural(pairs.len() as u64, "namespace"),
            example.ns.name,
            way.name,
            way.mtu
        );
        let finding = Finding::new(Severity::Warning, value).on(&way.name);
        let finding = finding.number("pod_mtu", mtu.into()).number("way_mtu", way.mtu.into());
        Some(finding.number("namespaces", pairs.len() as u64))
    });
    told.collect()
}
