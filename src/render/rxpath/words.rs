//! The receive path in words.

use super::super::text::{cpus, plural};
use crate::rxpath::{
    Answer, Flow, FlowKind, HashFields, HashFunction, Nic, PortPair, Proto, RxHost, Transform,
    steer,
};
use crate::units::Cpu;

/// Who receives the packets of a device.
pub(super) fn receivers(host: &RxHost, nic: &Nic) -> String {
    let queues = nic.rx.len() as u32;
    let answers: Vec<_> = (0..queues).map(|q| lead(host, nic, q)).collect();
    let who: Vec<Cpu> = answers.iter().flat_map(|a| a.values().iter().copied()).collect();
    if let Some(Answer::Unknown { why }) = answers.iter().find(|a| a.values().is_empty()) {
        return format!("Which CPUs receive its packets cannot be told: {why}.");
    }
    if who.is_empty() {
        return "It has no rx queue: it receives nothing.".to_owned();
    }
    let rps = nic.rx.iter().filter(|q| q.rps_cpus.as_ref().is_some_and(|c| !c.is_empty())).count();
    let how = match (rps, queues) {
        (0, 1) => "the CPU of its only queue".to_owned(),
        (0, _) if nic.threaded => "where its NAPI threads may run".to_owned(),
        (0, n) => {
            let mut single = who.clone();
            single.sort_unstable();
            single.dedup();
            match single.len() as u32 {
                1 => format!("all {n} queues share it"),
                c if c < n => format!("{n} queues share them"),
                _ => "a queue each".to_owned(),
            }
        }
        (rps, n) if rps as u32 == n => "chosen by RPS".to_owned(),
        (rps, n) => format!("{rps} of {n} queues by RPS"),
    };
    format!("Its packets are received on {}: {how}.", cpus(&who))
}

/// Where a queue leads, RFS left aside.
fn lead(host: &RxHost, nic: &Nic, queue: u32) -> Answer<Cpu> {
    let zero = std::net::Ipv4Addr::UNSPECIFIED.into();
    let icmp = Flow { source: zero, destination: zero, proto: Proto::Icmp };
    steer(host, nic, &icmp, queue, None)
}

/// How flows spread, and why ICMP does not.
pub(super) fn spreading(host: &RxHost, nic: &Nic) -> Option<String> {
    // Of a device that receives on its sender's CPU there is nothing to say.
    let queues = 0..nic.rx.len() as u32;
    if !nic.lower.is_empty() || queues.clone().all(|q| lead(host, nic, q).values().is_empty()) {
        return None;
    }
    let rps = nic.rx.iter().any(|q| q.rps_cpus.as_ref().is_some_and(|cpus| cpus.len() > 1));
    if nic.rx.len() < 2 && !rps {
        return Some(
            "There is nothing to spread over: TCP, UDP and ICMP of all hosts land there."
                .to_owned(),
        );
    }
    let place = if nic.threaded && !rps { "in one queue" } else { "on one CPU" };
    let icmp = format!("ICMP has no ports: all of it between two hosts lands {place}.");
    if nic.rss.doubt.is_some() {
        return Some(icmp);
    }
    if nic.rss.table.is_empty() {
        return rps.then(|| format!("RPS spreads TCP and UDP by addresses and ports. {icmp}"));
    }
    let of = |kind| nic.rss.fields.0.get(&kind).copied();
    Some(match (of(FlowKind::Tcp4), of(FlowKind::Udp4)) {
        (Some(HashFields::Ports), Some(HashFields::Ports)) => {
            format!("TCP and UDP spread over the queues by addresses and ports. {icmp}")
        }
        (Some(HashFields::Ports), Some(HashFields::Addresses)) => format!(
            "TCP spreads over the queues by addresses and ports, UDP by addresses alone: all UDP \
             between two hosts lands on one CPU. {icmp}"
        ),
        (Some(HashFields::Addresses), _) => {
            "TCP is hashed by addresses alone: all packets between \
             two hosts land on one CPU, ICMP too."
                .to_owned()
        }
        _ => icmp,
    })
}

/// What is hashed.
pub(super) fn fields(fields: HashFields) -> String {
    match fields {
        HashFields::None => "nothing".to_owned(),
        HashFields::Addresses => "addresses".to_owned(),
        HashFields::Ports => "addresses and ports".to_owned(),
        HashFields::Other(bits) => format!("a selection ({bits:#x})"),
    }
}

/// The hash of a device.
pub(super) fn function(nic: &Nic) -> String {
    let function = match nic.rss.function {
        HashFunction::Unknown => "a hash that the driver does not name",
        HashFunction::Toeplitz => "Toeplitz",
        HashFunction::Xor => "xor",
        HashFunction::Crc32 => "CRC-32",
    };
    match nic.rss.transform {
        Transform::None => function.to_owned(),
        Transform::SymmetricXor => format!("{function}, symmetric by xor"),
        Transform::SymmetricOrXor => format!("{function}, symmetric by or and xor"),
        Transform::Other(bits) => format!("{function}, input transform {bits:#x}"),
    }
}

/// A flow of which only one end's port is known.
pub(super) fn from_any_port(flow: &Flow) -> String {
    match flow.proto {
        Proto::Icmp => flow.to_string(),
        Proto::Tcp(PortPair { destination, .. }) | Proto::Udp(PortPair { destination, .. }) => {
            let to = std::net::SocketAddr::new(flow.destination, destination);
            format!("{} {} -> {to}", flow.protocol(), flow.source)
        }
    }
}

/// The beginning of a list of names and how many follow.
pub(super) fn some(names: &[String], most: usize, noun: &str) -> String {
    let mut shown = names.iter().take(most).cloned().collect::<Vec<_>>().join(" · ");
    if names.len() > most {
        shown += &format!(" · {}", plural(names.len() - most, noun));
    }
    shown
}
