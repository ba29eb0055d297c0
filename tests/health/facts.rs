//! Facts of a node on which all is well.

use stallprof::health::{
    CgroupFacts, Facts, NamespaceFacts, NeighFacts, NsFacts, Throttled, Twice,
};
use stallprof::host::conntrack::{CtFill, CtRow, CtSource, CtStats};
use stallprof::host::links::Link;
use stallprof::host::memcg::{DyingMemcgs, DyingMethod};
use stallprof::host::mib::NetCounters;
use stallprof::host::neigh::{Family, NeighTable, Thresholds};
use stallprof::host::netns::{Netns, NetnsReading};
use stallprof::host::pressure::{Pressure, Resource};
use stallprof::host::rules::{RuleSet, Rules};
use stallprof::host::sockets::{PortRange, SockStat};
use stallprof::host::throttle::CpuStat;
use stallprof::rxpath::{Irq, Nic, RxHost, RxQueue, SoftnetCpu};
use stallprof::units::{Cpu, Nanos};

pub const WINDOW: Nanos = Nanos::from_millis(500);

pub fn twice<T: Clone>(value: T) -> Twice<T> {
    Twice { first: Ok(value.clone()), second: Ok(value), window: WINDOW }
}

pub fn conntrack(failed: u32, drop: u32, early_drop: u32) -> CtStats {
    let columns = ["insert_failed", "drop", "early_drop", "clash_resolve"];
    let values = [failed, drop, early_drop, 7].map(Some).to_vec();
    CtStats {
        source: CtSource::Netlink,
        columns: columns.map(str::to_owned).to_vec(),
        rows: vec![CtRow { cpu: Some(Cpu(0)), values }],
    }
}

pub fn reading() -> NetnsReading {
    NetnsReading {
        conntrack: Ok(Some(conntrack(0, 0, 0))),
        fill: Ok(Some(CtFill { entries: 100, max: 262_144 })),
        counters: Ok(NetCounters {
            active_opens: Some(1_000),
            syn_retrans: Some(1),
            listen_overflows: Some(0),
            listen_drops: Some(0),
            frag_fails: Some(0),
            frag_creates: Some(0),
            reasm_fails: Some(0),
        }),
        sockets: Ok(SockStat { inuse: 10, time_wait: 0 }),
        ports: Ok(PortRange { low: 32_768, high: 60_999 }),
    }
}

pub fn link(index: u32, name: &str, mtu: u32, kind: &str) -> Link {
    let kind = Some(kind.to_owned()).filter(|k| !k.is_empty());
    Link { index, name: name.to_owned(), mtu, up: true, kind, ..Link::default() }
}

pub fn namespace(pid: u32, own: bool, links: Vec<Link>) -> NsFacts {
    let netns =
        Netns { inode: 4_026_531_840 + u64::from(pid), pid, processes: 1, cgroup: None, own };
    NsFacts {
        name: if own { "host".to_owned() } else { format!("pod {pid}") },
        netns,
        first: reading(),
        second: Some(reading()),
        links: Ok(links),
        nsid: (!own).then_some(pid as i32),
    }
}

pub fn nic(queues: u32, cpus: &[u32]) -> Nic {
    let queue = |irq| RxQueue { irq: Some(irq), rps_cpus: Some(Vec::new()), rps_flow_cnt: Some(0) };
    let irq = |(number, cpu): (u32, &u32)| Irq {
        number,
        name: format!("eth0-rx-{number}"),
        cpus: vec![Cpu(*cpu)],
        ..Irq::default()
    };
    Nic {
        name: "eth0".to_owned(),
        up: Some(true),
        rx: (0..queues).map(queue).collect(),
        irqs: (0..queues).zip(cpus.iter().cycle()).map(irq).collect(),
        ..Nic::default()
    }
}

pub fn healthy() -> Facts {
    let table = NeighTable { entries: 20, table_fulls: Some(0), forced_gc: Some(0) };
    let neigh = |family| NeighFacts {
        family,
        table: twice(table),
        thresholds: Ok(Thresholds { second: 512, third: 1_024 }),
    };
    let row = SoftnetCpu { processed: 1_000, ..SoftnetCpu::default() };
    let rules = Rules { program: "iptables-save", rules: 30, ..Rules::default() };
    let stat = CpuStat { periods: 1_000, throttled: 10, time: Nanos::from_millis(50) };
    Facts {
        host: "node7".to_owned(),
        kernel: "6.18.0".to_owned(),
        took: Nanos::from_millis(620),
        dying: Ok(DyingMemcgs { count: 12, method: DyingMethod::V2Memory }),
        cgroups: Ok(CgroupFacts {
            limited: vec![Throttled {
                path: "/kubepods/a".to_owned(),
                name: None,
                milli_cpus: 500,
                first: Some(stat),
                second: Some(stat),
            }],
            visited: 40,
            window: WINDOW,
            ..CgroupFacts::default()
        }),
        namespaces: Ok(NamespaceFacts {
            list: vec![namespace(1, true, vec![link(2, "eth0", 1500, "")])],
            left_out: Vec::new(),
            window: WINDOW,
            forwarding: Ok(std::collections::HashMap::new()),
        }),
        softnet: twice(vec![row, SoftnetCpu { cpu: Cpu(1), ..row }]),
        rx: Ok(RxHost {
            cpus_online: (0..8).map(Cpu).collect(),
            nics: vec![nic(4, &[0, 1, 2, 3])],
            ..RxHost::default()
        }),
        neigh: vec![neigh(Family::V4), neigh(Family::V6)],
        steal: twice(vec![(Cpu(0), Nanos(0)), (Cpu(1), Nanos::from_millis(700))]),
        pressure: vec![(Resource::Cpu, Ok(Pressure { some: Some(100), full: Some(0) }))],
        uplinks: Ok(vec!["eth0".to_owned()]),
        rules: Ok(RuleSet { listed: vec![rules], ..RuleSet::default() }),
        ipvs: None,
        cni: Ok(None),
        leases: Ok(None),
        kubelet: false,
    }
}
