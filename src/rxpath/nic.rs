//! What is known of the receive path of a host's devices.

use serde::{Deserialize, Serialize};

use super::rss::Rss;
use crate::units::{Cpu, Tid};

/// The receive path of a host (of one network namespace).
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct RxHost {
    /// CPUs that run now.
    pub cpus_online: Vec<Cpu>,
    /// Size of the table by which RFS finds the CPU of an application
    /// (`net.core.rps_sock_flow_entries`); 0 is off. Only the host's own network namespace tells.
    pub rps_sock_flow_entries: Option<u64>,
    /// Its devices, those without packets of their own (`lo`) too.
    pub nics: Vec<Nic>,
    /// What each CPU has received, for all devices and namespaces together.
    pub softnet: Vec<SoftnetCpu>,
    /// Why that is not known, where it is not.
    pub softnet_unknown: Option<String>,
}

/// A network device.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Nic {
    /// Its name.
    pub name: String,
    /// Its driver, as ETHTOOL_GDRVINFO or the driver link of sysfs names it.
    pub driver: Option<String>,
    /// Whether it is up (`operstate`), where that is known.
    pub up: Option<bool>,
    /// Devices whose packets it passes on (`lower_*`): those of a bond, bridge or VLAN.
    pub lower: Vec<String>,
    /// Receive queues in use, by number.
    pub rx: Vec<RxQueue>,
    /// Transmit queues.
    pub tx: Vec<TxQueue>,
    /// How many queues it could have, and has.
    pub channels: Option<Channels>,
    /// How it chooses the queue.
    pub rss: Rss,
    /// Whether it hands its hash to the kernel (`ethtool -k`: receive-hashing).
    pub rx_hash: Option<bool>,
    /// Filters that send packets to a queue whatever the hash says (`ethtool -n`).
    pub steering_rules: Option<u32>,
    /// Its interrupts.
    pub irqs: Vec<Irq>,
    /// Why its queues have no interrupts here, where they have none.
    pub no_irqs: Option<String>,
    /// Whether threads of its own poll it (threaded NAPI).
    pub threaded: bool,
    /// Those threads.
    pub threads: Vec<NapiThread>,
}

/// A receive queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct RxQueue {
    /// The interrupt that is its own, if it can be told.
    pub irq: Option<u32>,
    /// CPUs that RPS chooses from (`rps_cpus`); an empty list is off, none not known.
    pub rps_cpus: Option<Vec<Cpu>>,
    /// Size of its RFS table (`rps_flow_cnt`); 0 is off, none not known.
    pub rps_flow_cnt: Option<u64>,
}

/// A transmit queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct TxQueue {
    /// CPUs that send through it (`xps_cpus`).
    pub xps_cpus: Vec<Cpu>,
}

/// Answer of ETHTOOL_GCHANNELS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Channels {
    /// Receive queues of their own now, and at most.
    pub rx: (u32, u32),
    /// Transmit queues of their own.
    pub tx: (u32, u32),
    /// Queues that do both.
    pub combined: (u32, u32),
}

/// An interrupt of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Irq {
    /// Its number.
    pub number: u32,
    /// What the driver calls it.
    pub name: String,
    /// CPUs that serve it: the effective affinity, else all that it may have.
    pub cpus: Vec<Cpu>,
    /// CPUs that it moves to when it comes next, where its affinity was changed since it came last
    /// (x86 moves an interrupt only while it is served: kernel/irq/migration.c).
    pub moves_to: Vec<Cpu>,
}

/// A thread that polls a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct NapiThread {
    /// Its id.
    pub tid: Tid,
    /// Its name: `napi/eth0-8193`.
    pub name: String,
    /// CPUs it may run on.
    pub cpus: Vec<Cpu>,
}

/// A row of /proc/net/softnet_stat: counts since boot that wrap at 2^32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct SoftnetCpu {
    /// Which CPU.
    pub cpu: Cpu,
    /// Packets taken from devices and from the backlog.
    pub processed: u32,
    /// Packets dropped because the backlog was full.
    pub dropped: u32,
    /// How often polling ended with work left: the budget or the time was used up.
    pub time_squeeze: u32,
    /// How often another CPU woke this one to take packets that RPS had sent here.
    pub received_rps: u32,
    /// Packets dropped by the flow limit.
    pub flow_limit: u32,
    /// Packets waiting in the backlog now; kernels before 5.10 do not tell.
    pub backlog: Option<u32>,
}

impl RxHost {
    /// The device of this name.
    #[must_use]
    pub fn nic(&self, name: &str) -> Option<&Nic> {
        self.nics.iter().find(|nic| nic.name == name)
    }

    /// Whether RFS is on for this queue; none if that cannot be read.
    #[must_use]
    pub fn rfs(&self, queue: &RxQueue) -> Option<bool> {
        match (self.rps_sock_flow_entries, queue.rps_flow_cnt) {
            (Some(0), _) | (_, Some(0)) => Some(false),
            (entries, queue) => entries.and(queue).map(|_| true),
        }
    }
}

impl Nic {
    /// The interrupt of a receive queue.
    #[must_use]
    pub fn irq_of(&self, queue: u32) -> Option<&Irq> {
        let number = self.rx.get(queue as usize)?.irq?;
        self.irqs.iter().find(|irq| irq.number == number)
    }

    /// Why the queue of a packet cannot be computed where there is no indirection table.
    #[must_use]
    pub fn why_no_queue(&self) -> String {
        let name = &self.name;
        match (self.lower.as_slice(), self.driver.as_deref()) {
            ([], Some("veth")) => {
                "a veth device has no RSS: the rx queue follows the tx queue that the sender took"
                    .to_owned()
            }
            ([], Some("tun")) => {
                "a tun or tap device has no RSS: the process behind it chooses the queue".to_owned()
            }
            ([], _) => match &self.rss.missing {
                Some(why) => format!("{name} tells no indirection table: {why}"),
                None => format!("{name} tells no indirection table"),
            },
            (lower, _) => format!("packets of {name} arrive on {}: ask there", lower.join(", ")),
        }
    }
}
