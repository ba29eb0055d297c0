//! What the checks conclude from. Everything here was read by [`super::gather()`]; a test makes its
//! own.

use std::collections::{HashMap, HashSet};

use crate::host::cni::{CniFile, LeaseDir};
use crate::host::links::Link;
use crate::host::memcg::DyingMemcgs;
use crate::host::neigh::{Family, NeighTable, Thresholds};
use crate::host::netns::{Netns, NetnsReading};
use crate::host::pressure::{Pressure, Resource};
use crate::host::rules::RuleSet;
use crate::host::throttle::CpuStat;
use crate::rxpath::{RxHost, SoftnetCpu};
use crate::units::{Cpu, Nanos};

/// A fact, or why it is not known.
pub type Known<T> = Result<T, String>;

/// Two readings of counters.
#[derive(Clone, Debug)]
pub struct Twice<T> {
    /// The first.
    pub first: Known<T>,
    /// The second.
    pub second: Known<T>,
    /// Time between them.
    pub window: Nanos,
}

impl<T> Twice<T> {
    /// Both readings.
    ///
    /// # Errors
    /// Why one of them is not known.
    pub fn both(&self) -> Result<(&T, &T), &String> {
        Ok((self.first.as_ref()?, self.second.as_ref()?))
    }
}

/// All that is known of a host.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Its name, empty if not known.
    pub host: String,
    /// Release of its kernel, empty if not known.
    pub kernel: String,
    /// How long reading took.
    pub took: Nanos,
    /// Dying memory cgroups.
    pub dying: Known<DyingMemcgs>,
    /// CPU limits and container ids.
    pub cgroups: Known<CgroupFacts>,
    /// Network namespaces.
    pub namespaces: Known<NamespaceFacts>,
    /// What each CPU received.
    pub softnet: Twice<Vec<SoftnetCpu>>,
    /// Receive queues and interrupts of devices.
    pub rx: Known<RxHost>,
    /// Neighbour tables.
    pub neigh: Vec<NeighFacts>,
    /// Steal time of each CPU.
    pub steal: Twice<Vec<(Cpu, Nanos)>>,
    /// Pressure; without `irq` where the kernel does not tell it.
    pub pressure: Vec<(Resource, Known<Pressure>)>,
    /// Devices of the default routes.
    pub uplinks: Known<Vec<String>>,
    /// Packet filter and NAT rules.
    pub rules: Known<RuleSet>,
    /// Virtual services of IPVS; none if it is not loaded.
    pub ipvs: Option<u64>,
    /// CNI configurations; none inside if there is no directory for them.
    pub cni: Known<Option<Vec<CniFile>>>,
    /// Leases of host-local; as above.
    pub leases: Known<Option<Vec<LeaseDir>>>,
    /// Whether a kubelet has its files here.
    pub kubelet: bool,
}

/// A neighbour table and its limits.
#[derive(Clone, Debug)]
pub struct NeighFacts {
    /// Which.
    pub family: Family,
    /// Its counters.
    pub table: Twice<NeighTable>,
    /// Its limits.
    pub thresholds: Known<Thresholds>,
}

/// What a walk over the cgroups found.
#[derive(Clone, Debug, Default)]
pub struct CgroupFacts {
    /// Those with a CPU limit.
    pub limited: Vec<Throttled>,
    /// Container ids in the names of cgroups.
    pub containers: HashSet<[u8; 64]>,
    /// Cgroups visited.
    pub visited: usize,
    /// There are more than were visited.
    pub cut: bool,
    /// Cgroups with a limit that were not asked.
    pub beyond: usize,
    /// Time between the two readings.
    pub window: Nanos,
}

/// A cgroup with a CPU limit.
#[derive(Clone, Debug)]
pub struct Throttled {
    /// Where its files are.
    pub path: String,
    /// Pod, container or unit, where the path tells.
    pub name: Option<String>,
    /// The limit, in thousandths of a CPU.
    pub milli_cpus: u64,
    /// The first reading; none if it was gone or cannot be understood.
    pub first: Option<CpuStat>,
    /// The second.
    pub second: Option<CpuStat>,
}

/// The network namespaces that were read.
#[derive(Clone, Debug)]
pub struct NamespaceFacts {
    /// Each of them, the host's own first.
    pub list: Vec<NsFacts>,
    /// Namespaces and processes that were not looked at, in words.
    pub left_out: Vec<String>,
    /// Time between two readings of the same namespace.
    pub window: Nanos,
    /// Forwarding entries of the host's own devices by number, where one of them has a limit.
    pub forwarding: Known<HashMap<u32, u32>>,
}

/// One network namespace.
#[derive(Clone, Debug)]
pub struct NsFacts {
    /// Which.
    pub netns: Netns,
    /// `host`, its pod or container, or its number.
    pub name: String,
    /// The first reading.
    pub first: NetnsReading,
    /// The second; none if it went away or the time was up.
    pub second: Option<NetnsReading>,
    /// Its devices.
    pub links: Known<Vec<Link>>,
    /// Under which number the host's own namespace knows it.
    pub nsid: Option<i32>,
}

impl NamespaceFacts {
    /// The host's own.
    #[must_use]
    pub fn host(&self) -> Option<&NsFacts> {
        self.list.iter().find(|ns| ns.netns.own)
    }
}

impl Facts {
    /// What was not looked at, in words.
    #[must_use]
    pub fn left_out(&self) -> Vec<String> {
        let mut out = Vec::new();
        if let Ok(namespaces) = &self.namespaces {
            out.extend(namespaces.left_out.iter().cloned());
        }
        if let Ok(cgroups) = &self.cgroups {
            if cgroups.cut {
                out.push(format!("cgroups beyond the first {}", cgroups.visited));
            }
            if cgroups.beyond > 0 {
                out.push(format!("{} cgroups with a CPU limit", cgroups.beyond));
            }
        }
        out
    }
}
