//! Where probes are received.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Recording;
use crate::model::findings::{Findings, ReceivedFlow};
use crate::ping::{Header, Probe, Proto};
use crate::rxpath::{Flow, predict};
use crate::units::Cpu;

/// On which CPUs probes are received.
pub struct Ways {
    pub all: Option<Vec<Cpu>>,
    by_port: BTreeMap<u16, Vec<Cpu>>,
    pub known_by: String,
}

impl Ways {
    pub fn of(r: &Recording, f: &Findings, header: &Header) -> Ways {
        let mut ways = Ways { all: None, by_port: BTreeMap::new(), known_by: String::new() };
        let protocol = match header.proto {
            Proto::Icmp => "icmp",
            Proto::Tcp => "tcp",
            Proto::Udp => "udp",
        };
        let ours = |flow: &&ReceivedFlow| {
            flow.protocol == protocol
                && Some(flow.destination) == header.destination
                && header.source.is_none_or(|source| source == flow.source)
                && flow.destination_port == header.port
        };
        let flows: Vec<_> = f.received.iter().flat_map(|r| &r.flows).filter(ours).collect();
        let mut all: BTreeSet<Cpu> = BTreeSet::new();
        for flow in &flows {
            all.extend(&flow.cpus);
            if let Some(port) = flow.source_port {
                ways.by_port.entry(port).or_default().extend(&flow.cpus);
            }
        }
        // Of many short connections only some are among the flows: the rest may go elsewhere.
        if header.proto == Proto::Icmp && !all.is_empty() {
            ways.all = Some(all.into_iter().collect());
        }
        ways.known_by = match (flows.is_empty(), &f.received) {
            (false, _) => "the packets recorded".to_owned(),
            (true, None) => {
                "not known: the recording does not say where packets came in".to_owned()
            }
            (true, Some(_)) => "not known: the probes are not among the flows recorded".to_owned(),
        };
        if flows.is_empty()
            && let Some(cpu) = predicted(r, header)
        {
            ways.all = Some(vec![cpu]);
            ways.known_by = "prediction from the receive path of the recorded host".to_owned();
        }
        ways
    }

    pub fn of_probe(&self, probe: &Probe) -> Option<&[Cpu]> {
        let by_port = probe.source_port.and_then(|port| self.by_port.get(&port));
        by_port.or(self.all.as_ref()).map(Vec::as_slice)
    }
}

/// The CPU that all devices with hardware agree on, for ICMP: other flows have ports of their own.
fn predicted(r: &Recording, header: &Header) -> Option<Cpu> {
    let (source, destination) = (header.source?, header.destination?);
    if header.proto != Proto::Icmp {
        return None;
    }
    let flow = Flow::new(source, destination, crate::rxpath::Proto::Icmp).ok()?;
    let host = r.meta.rx_path.as_ref()?;
    let devices = host.nics.iter().filter(|nic| nic.up == Some(true) && !nic.irqs.is_empty());
    let mut cpus = devices.map(|nic| {
        let way = predict(host, nic, &flow);
        way.cpu.known().copied().filter(|_| way.unless.is_empty())
    });
    let first = cpus.next()??;
    cpus.all(|cpu| cpu == Some(first)).then_some(first)
}
