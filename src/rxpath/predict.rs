//! From a flow to the CPU that receives it.

use serde::Serialize;

use super::answer::Answer;
use super::fields::{FlowKind, HashFields, Transform, input};
use super::flow::Flow;
use super::nic::{Nic, RxHost};
use super::rss::HashFunction;
use super::steer::{arrival, steer};
use super::toeplitz::{table_entry, toeplitz};
use crate::units::Cpu;

/// The way of a flow, step by step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Prediction {
    /// The flow.
    pub flow: Flow,
    /// What the device hashes of it, if it tells.
    pub fields: Option<HashFields>,
    /// The device's hash.
    pub hash: Answer<u32>,
    /// The entry of the indirection table.
    pub entry: Answer<usize>,
    /// The receive queue.
    pub queue: Answer<u32>,
    /// The CPU that takes it from the device.
    pub arrival: Answer<Cpu>,
    /// The CPU on which the network stack receives it: another one only by RPS or RFS.
    pub cpu: Answer<Cpu>,
    /// What could make it otherwise.
    pub unless: Vec<String>,
}

/// Where packets of `flow` that arrive on `nic` are received.
#[must_use]
pub fn predict(host: &RxHost, nic: &Nic, flow: &Flow) -> Prediction {
    let fields = nic.rss.fields.0.get(&FlowKind::of(flow)).copied();
    let hash = hash(nic, flow, fields);
    let entry = hash.then(|hash| entry(nic, *hash));
    let queue = match nic.rx.len() {
        // One queue takes all, whatever the hash.
        1 if nic.lower.is_empty() => Answer::one(0),
        _ => entry.then(|entry| queue(nic, *entry)),
    };
    // The kernel takes the device's hash only if it is one of addresses and ports ("l4_hash").
    let given = nic.rx_hash == Some(true) && fields == Some(HashFields::Ports);
    let given = (given && flow.ports().is_some()).then_some(&hash);
    let queues = match queue.values() {
        [] => Answer::among((0..nic.rx.len() as u32).collect(), queue.why().unwrap_or_default()),
        _ => queue.clone(),
    };
    let cpu = queues.then(|queue| match given {
        // What leads to another queue may lead to another CPU: both follow from one hash.
        Some(_) if queue_is_sure(&queues) => steer(host, nic, flow, *queue, given),
        _ => steer(host, nic, flow, *queue, None),
    });
    Prediction {
        flow: *flow,
        fields,
        arrival: queues.then(|queue| arrival(nic, *queue)),
        cpu,
        hash,
        entry,
        queue,
        unless: unless(nic),
    }
}

fn queue_is_sure(queues: &Answer<u32>) -> bool {
    queues.known().is_some()
}

/// The hash that the device computes.
fn hash(nic: &Nic, flow: &Flow, fields: Option<HashFields>) -> Answer<u32> {
    let (rss, kind) = (&nic.rss, FlowKind::of(flow).name());
    let Some(key) = &rss.key else {
        return Answer::unknown(match &rss.missing {
            _ if rss.table.is_empty() => nic.why_no_queue(),
            Some(why) => format!("{} tells no hash key: {why}", nic.name),
            None => format!("{} tells no hash key", nic.name),
        });
    };
    let ports = match fields {
        Some(HashFields::Addresses) => false,
        Some(HashFields::Ports) => true,
        Some(HashFields::None) => {
            return Answer::unknown(format!(
                "{} does not hash {kind} packets; where it puts them it does not tell",
                nic.name
            ));
        }
        Some(HashFields::Other(bits)) => {
            return Answer::unknown(format!(
                "{} hashes a selection of {kind} packets ({bits:#x}) of which no layout is known",
                nic.name
            ));
        }
        None => {
            return Answer::unknown(format!(
                "{} does not tell what it hashes of {kind} packets: if you know, --fields says it",
                nic.name
            ));
        }
    };
    if rss.function != HashFunction::Toeplitz {
        let function = match rss.function {
            HashFunction::Xor => "xor",
            HashFunction::Crc32 => "CRC-32",
            _ => "a function that the driver does not name",
        };
        return Answer::unknown(format!("{} hashes by {function}, not by Toeplitz", nic.name));
    }
    let Some(input) = input(flow, ports, rss.transform) else {
        let bits = if let Transform::Other(bits) = rss.transform { bits } else { 0 };
        return Answer::unknown(format!("the input transform {bits:#x} is not known here"));
    };
    let mut hashes = vec![toeplitz(key, &input)];
    if rss.key_may_be_shifted {
        hashes.push(toeplitz(&key.shifted(), &input));
    }
    Answer::among(
        hashes,
        "virtio_net of this kernel may have given the device its key shifted by one byte",
    )
}

fn entry(nic: &Nic, hash: u32) -> Answer<usize> {
    if let Some(why) = &nic.rss.doubt {
        return Answer::unknown(why);
    }
    match (nic.rss.table.len(), table_entry(hash, nic.rss.table.len())) {
        (0, _) => Answer::unknown(nic.why_no_queue()),
        (_, Some(entry)) => Answer::one(entry),
        (n, None) => Answer::unknown(format!(
            "a table of {n} entries is no power of two: how the device looks it up is not known"
        )),
    }
}

fn queue(nic: &Nic, entry: usize) -> Answer<u32> {
    match nic.rss.table.get(entry) {
        Some(&queue) if (queue as usize) < nic.rx.len() => Answer::one(queue),
        Some(queue) => Answer::unknown(format!(
            "entry {entry} of the table names queue {queue}, but {} has {}",
            nic.name,
            nic.rx.len()
        )),
        None => Answer::unknown(nic.why_no_queue()),
    }
}

fn unless(nic: &Nic) -> Vec<String> {
    let mut unless = Vec::new();
    // VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET ends RSS in the device. What begins it again tells the device
    // how many queues there are; before 50bfcaedd78e (6.12) that is how many there were at first.
    if nic.driver.as_deref() == Some("virtio_net") && !nic.rss.table.is_empty() {
        let what = "its number of queues was changed (ethtool -L): virtio_net may then have lost RSS, \
                    or, before 6.12, use only as many queues as it began with";
        unless.push(what.to_owned());
    }
    if let Some(n) = nic.steering_rules.filter(|n| *n > 0) {
        let (rules, match_) = if n == 1 { ("rule", "matches") } else { ("rules", "match") };
        unless.push(format!(
            "{n} steering {rules} of {} ({match_} before the hash: ethtool -n {0})",
            nic.name
        ));
    }
    // The kernel leaves a queue alone that the receiving end does not have.
    let rps = nic.rx.iter().any(|q| q.rps_cpus.as_ref().is_none_or(|cpus| !cpus.is_empty()));
    if nic.driver.as_deref() == Some("veth") && rps {
        unless.push(format!(
            "the other end of the pair has more tx queues than {} has rx queues ({}): RPS leaves \
             packets of those on the CPU that sent them",
            nic.name,
            nic.rx.len()
        ));
    }
    unless
}
