//! Files of the whole machine: a few milliseconds, twice.

use std::io;
use std::time::{Duration, Instant};

use crate::health::facts::{Known, NeighFacts, Twice};
use crate::host::cni::{self, CniFile, LeaseDir};
use crate::host::links::default_devices;
use crate::host::neigh::{Family, NeighTable, Thresholds};
use crate::host::pressure::{Pressure, Resource};
use crate::host::rules::ipvs_services;
use crate::host::stat::StealReader;
use crate::host::{CpuList, HostError, HostRoot, netns, rxpath, softnet};
use crate::rxpath::{RxHost, SoftnetCpu};
use crate::units::{Cpu, Nanos};

/// What they tell; fields as in [`crate::health::Facts`].
pub struct Quick {
    pub softnet: Twice<Vec<SoftnetCpu>>,
    pub rx: Known<RxHost>,
    pub neigh: Vec<NeighFacts>,
    pub steal: Twice<Vec<(Cpu, Nanos)>>,
    pub pressure: Vec<(Resource, Known<Pressure>)>,
    pub uplinks: Known<Vec<String>>,
    pub ipvs: Option<u64>,
    pub cni: Known<Option<Vec<CniFile>>>,
    pub leases: Known<Option<Vec<LeaseDir>>>,
    pub kubelet: bool,
}

/// The counters among them.
struct Sample {
    at: Instant,
    softnet: Known<Vec<SoftnetCpu>>,
    steal: Known<Vec<(Cpu, Nanos)>>,
    neigh: Vec<Known<NeighTable>>,
}

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

fn known<T>(read: Result<T, HostError>) -> Known<T> {
    read.map_err(|e| e.to_string())
}

impl Sample {
    fn take(root: &HostRoot, home: u32) -> Sample {
        let at = Instant::now();
        let online = CpuList::online(root).map(|list| list.cpus().to_vec());
        let softnet = online.and_then(|online| softnet::read(root, &online));
        let steal = StealReader::open(root)
            .and_then(|mut reader| Ok(reader.read()?.iter().map(|s| (s.cpu, s.total)).collect()));
        let neigh = FAMILIES.iter().map(|f| known(NeighTable::read(root, home, *f))).collect();
        Sample { at, softnet: known(softnet), steal: known(steal), neigh }
    }
}

pub fn read(root: &HostRoot, window: Duration) -> Quick {
    let home = netns::home(root);
    // The limits of the neighbour tables are settings of the host's own namespace.
    let inside = netns::enter_home(root);
    let first = Sample::take(root, home);
    let thresholds = FAMILIES.map(|family| {
        inside.clone()?;
        known(Thresholds::read(root, family))
    });
    let rx = rxpath::read(root, None, None).map_err(|e| e.to_string());
    let uplinks = known(default_devices(root, home));
    let (cni, leases) = (known(cni::configurations(root)), known(cni::leases(root)));
    let pressure = pressure(root);
    let kubelet = root.has("var/lib/kubelet/config.yaml") || root.has("var/lib/kubelet/pods");
    std::thread::sleep(window.saturating_sub(first.at.elapsed()));
    let second = Sample::take(root, home);
    let window = Nanos((second.at - first.at).as_nanos() as u64);
    let tables = first.neigh.into_iter().zip(second.neigh);
    let neigh = FAMILIES.into_iter().zip(tables).zip(thresholds);
    Quick {
        softnet: Twice { first: first.softnet, second: second.softnet, window },
        steal: Twice { first: first.steal, second: second.steal, window },
        neigh: neigh
            .map(|((family, (first, second)), thresholds)| NeighFacts {
                family,
                table: Twice { first, second, window },
                thresholds,
            })
            .collect(),
        ipvs: ipvs_services(root, home),
        rx,
        pressure,
        uplinks,
        cni,
        leases,
        kubelet,
    }
}

fn pressure(root: &HostRoot) -> Vec<(Resource, Known<Pressure>)> {
    let mut all = Vec::new();
    for of in [Resource::Cpu, Resource::Memory, Resource::Io, Resource::Irq] {
        let read = Pressure::read(root, of);
        let absent = matches!(&read, Err(HostError::Io { source, .. })
            if source.kind() == io::ErrorKind::NotFound);
        // Of interrupts only some kernels tell; without the others there is no PSI at all.
        if of != Resource::Irq || !absent {
            all.push((of, known(read)));
        }
    }
    all
}

impl Quick {
    /// Nothing came in time.
    pub fn unknown(why: &str) -> Quick {
        let nothing = || why.to_owned();
        Quick {
            softnet: Twice { first: Err(nothing()), second: Err(nothing()), window: Nanos(0) },
            steal: Twice { first: Err(nothing()), second: Err(nothing()), window: Nanos(0) },
            rx: Err(nothing()),
            neigh: FAMILIES
                .map(|family| NeighFacts {
                    family,
                    table: Twice {
                        first: Err(nothing()),
                        second: Err(nothing()),
                        window: Nanos(0),
                    },
                    thresholds: Err(nothing()),
                })
                .to_vec(),
            pressure: vec![(Resource::Cpu, Err(nothing()))],
            uplinks: Err(nothing()),
            ipvs: None,
            cni: Err(nothing()),
            leases: Err(nothing()),
            kubelet: false,
        }
    }
}
