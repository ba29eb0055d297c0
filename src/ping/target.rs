//! What to probe, and from which ports.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use anyhow::{Context, Result, bail};

use super::log::Proto;
use crate::rxpath::{Flow, Goal, Nic, PortPair, RxHost, reach};

/// Ports that Linux uses for connections of its own (`ip_local_port_range`).
const PORTS: std::ops::RangeInclusive<u16> = 32_768..=60_999;
/// Ports used in turn to reach a queue: one whose last connection is under way cannot be used.
const PER_QUEUE: usize = 4;

/// What to probe.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// How.
    pub proto: Proto,
    /// Where; the port is 0 for ICMP.
    pub address: SocketAddr,
}

/// A source port, and the target's receive queue that it leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Port {
    /// 0: whatever the kernel takes.
    pub port: u16,
    /// Where that is known.
    pub queue: Option<u32>,
}

impl Target {
    /// Resolves a name; `v4` tells which family is wanted, if one is.
    ///
    /// # Errors
    /// There is no such host, or none of that family.
    pub fn resolve(host: &str, proto: Proto, port: u16, v4: Option<bool>) -> Result<Target> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found: Vec<SocketAddr> = (bare, port)
            .to_socket_addrs()
            .with_context(|| format!("{host} cannot be resolved"))?
            .collect();
        let wanted = found.iter().find(|a| v4.is_none_or(|v4| v4 == a.is_ipv4()));
        match wanted {
            Some(&address) => Ok(Target { proto, address }),
            None if found.is_empty() => bail!("{host} has no address"),
            None => {
                let family = if v4 == Some(true) { "IPv4" } else { "IPv6" };
                bail!("{host} has no {family} address")
            }
        }
    }
}

/// As many source ports as asked for.
#[must_use]
pub fn any_ports(count: u16) -> Vec<Port> {
    let step = (PORTS.end() - PORTS.start()) / count.max(1);
    // Not all next to each other: some devices hash with few bits.
    (0..count).map(|n| Port { port: PORTS.start() + n * step.max(1), queue: None }).collect()
}

/// Source ports that lead to each receive queue of a device of the target, a queue after the other
/// and then again.
///
/// # Errors
/// No port is known to lead to any queue.
pub fn ports_to_queues(
    host: &RxHost,
    nic: &Nic,
    source: IpAddr,
    target: &Target,
) -> Result<Vec<Port>> {
    let pair = PortPair { source: 0, destination: target.address.port() };
    let proto = match target.proto {
        Proto::Tcp => crate::rxpath::Proto::Tcp(pair),
        Proto::Udp => crate::rxpath::Proto::Udp(pair),
        Proto::Icmp => {
            bail!("ICMP has no ports: all of it lands in one queue; use --tcp or --udp to spread")
        }
    };
    let flow = Flow::new(source, target.address.ip(), proto)?;
    let mut queues: Vec<u32> = nic.rss.table.clone();
    queues.sort_unstable();
    queues.dedup();
    if queues.is_empty() {
        bail!("the queues of {} cannot be told: {}", nic.name, nic.why_no_queue());
    }
    let mut by_queue: Vec<Vec<Port>> = Vec::new();
    let mut why = None;
    for queue in queues {
        let found = reach(host, nic, &flow, PORTS, Goal::Queue(queue), PER_QUEUE);
        why = why.or(found.spread.why);
        let port = |port| Port { port, queue: Some(queue) };
        by_queue.push(found.ports.into_iter().map(port).collect());
    }
    let most = by_queue.iter().map(Vec::len).max().unwrap_or_default();
    let round = |n: usize| by_queue.iter().filter_map(move |ports| ports.get(n).copied());
    let ports: Vec<Port> = (0..most).flat_map(round).collect();
    if ports.is_empty() {
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        bail!("no source port is known to lead to a queue of {}{why}", nic.name);
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rxpath::{
        FlowKind, HashFields, HashFunction, HashKey, Rss, RxQueue, default_table, predict,
    };

    #[test]
    fn every_queue_is_reached() {
        let mut rss = Rss { table: default_table(4, 128), ..Rss::default() };
        rss.key = HashKey::new((1..=40).collect()).ok();
        rss.function = HashFunction::Toeplitz;
        rss.fields.0.insert(FlowKind::Tcp4, HashFields::Ports);
        let nic =
            Nic { name: "eth0".into(), rx: vec![RxQueue::default(); 4], rss, ..Nic::default() };
        let host = RxHost { nics: vec![nic], ..RxHost::default() };
        let address = "10.0.0.2:443".parse().expect("an address");
        let target = Target { proto: Proto::Tcp, address };
        let source = IpAddr::from([10, 0, 0, 1]);
        let ports = ports_to_queues(&host, &host.nics[0], source, &target).expect("ports");
        assert_eq!(ports.len(), 4 * PER_QUEUE);
        for Port { port, queue } in ports {
            let pair = PortPair { source: port, destination: 443 };
            let flow = Flow::new(source, address.ip(), crate::rxpath::Proto::Tcp(pair));
            let way = predict(&host, &host.nics[0], &flow.expect("a flow"));
            assert_eq!(way.queue.known(), queue.as_ref(), "{port}");
        }
        let icmp = Target { proto: Proto::Icmp, ..target };
        assert!(ports_to_queues(&host, &host.nics[0], source, &icmp).is_err());
    }

    #[test]
    fn ports_are_different() {
        let ports = any_ports(64);
        assert!(ports.windows(2).all(|two| two[0].port < two[1].port));
    }
}
