//! Many flows: how they spread over the queues, and which of them reach a given one.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Serialize;

use super::flow::Flow;
use super::nic::{Nic, RxHost};
use super::predict::predict;
use crate::units::Cpu;

/// How flows from a range of source ports spread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// How many flows were looked at.
    pub flows: usize,
    /// How many go to each queue; a queue that none reaches is not there.
    pub queues: BTreeMap<u32, usize>,
    /// How many each CPU receives.
    pub cpus: BTreeMap<Cpu, usize>,
    /// Of how many the queue is not known.
    pub queue_unknown: usize,
    /// Of how many the CPU is not known.
    pub cpu_unknown: usize,
    /// Why, of the first such flow.
    pub why: Option<String>,
}

/// What a flow shall reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// A receive queue.
    Queue(u32),
    /// A CPU.
    Cpu(Cpu),
}

/// Source ports that reach a goal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// The goal.
    pub goal: Goal,
    /// The first of them, in ascending order. With ICMP, which has none: the flow itself as 0.
    pub ports: Vec<u16>,
    /// How many there are.
    pub found: usize,
    /// How all of them spread.
    pub spread: Spread,
}

/// Looks at `flow` from each of `ports`; a flow without ports is looked at once.
#[must_use]
pub fn spread(host: &RxHost, nic: &Nic, flow: &Flow, ports: RangeInclusive<u16>) -> Spread {
    over(host, nic, flow, ports, |_, _, _| {})
}

/// The source ports in `ports` from which `flow` surely reaches `goal`; the first `most` of them.
#[must_use]
pub fn reach(
    host: &RxHost,
    nic: &Nic,
    flow: &Flow,
    ports: RangeInclusive<u16>,
    goal: Goal,
    most: usize,
) -> Reach {
    let (mut first, mut found) = (Vec::new(), 0);
    let spread = over(host, nic, flow, ports, |port, queue, cpu| {
        let reached = match goal {
            Goal::Queue(wanted) => queue == Some(wanted),
            Goal::Cpu(wanted) => cpu == Some(wanted),
        };
        if reached {
            found += 1;
            if first.len() < most {
                first.push(port);
            }
        }
    });
    Reach { goal, ports: first, found, spread }
}

fn over(
    host: &RxHost,
    nic: &Nic,
    flow: &Flow,
    ports: RangeInclusive<u16>,
    mut each: impl FnMut(u16, Option<u32>, Option<Cpu>),
) -> Spread {
    let mut spread = Spread::default();
    let ports = if flow.ports().is_some() { ports } else { 0..=0 };
    for port in ports {
        let way = predict(host, nic, &flow.from_port(port));
        let (queue, cpu) = (way.queue.known().copied(), way.cpu.known().copied());
        spread.flows += 1;
        match queue {
            Some(queue) => *spread.queues.entry(queue).or_default() += 1,
            None => spread.queue_unknown += 1,
        }
        match cpu {
            Some(cpu) => *spread.cpus.entry(cpu).or_default() += 1,
            None => spread.cpu_unknown += 1,
        }
        if spread.why.is_none() {
            spread.why = way.queue.why().or(way.cpu.why()).map(str::to_owned);
        }
        each(port, queue, cpu);
    }
    spread
}
