//! Receive packet steering: which CPU the kernel hands a packet to after the device chose a queue.

use super::answer::Answer;
use super::flow::{Flow, Proto};
use super::nic::{Nic, RxHost};
use crate::units::Cpu;

/// Where RPS looks into a mask of `len` CPUs in ascending order: `reciprocal_scale(hash, len)`
/// (include/linux/kernel.h), the hash's high bits.
#[must_use]
pub fn rps_index(hash: u32, len: usize) -> usize {
    ((u64::from(hash) * len as u64) >> 32) as usize
}

/// The CPU that the interrupt of a queue, or its thread, brings a packet to.
pub(super) fn arrival(nic: &Nic, queue: u32) -> Answer<Cpu> {
    // These have no interrupts; of veth and tun only some packets go by a NAPI thread.
    let unserved = !nic.lower.is_empty()
        || nic.name == "lo"
        || matches!(nic.driver.as_deref(), Some("veth" | "tun"));
    if unserved {
        return Answer::unknown(why_no_irq(nic, queue));
    }
    if nic.threaded {
        let cpus = nic.threads.iter().flat_map(|t| t.cpus.iter().copied()).collect();
        let why = format!(
            "threads of their own poll {} (threaded NAPI): the scheduler places them",
            nic.name
        );
        return Answer::among(cpus, why);
    }
    let Some(irq) = nic.irq_of(queue) else {
        return Answer::unknown(why_no_irq(nic, queue));
    };
    let number = irq.number;
    let why = if irq.moves_to.is_empty() {
        format!("the affinity of interrupt {number} allows several, and the kernel tells no more")
    } else {
        format!("interrupt {number} moves when it comes next: its affinity was changed")
    };
    Answer::among([&irq.cpus[..], &irq.moves_to[..]].concat(), why)
}

/// Why the CPU that takes a packet of this queue from the device cannot be told.
fn why_no_irq(nic: &Nic, queue: u32) -> String {
    if !nic.lower.is_empty() {
        return nic.why_no_queue();
    }
    match (nic.name.as_str(), nic.driver.as_deref(), &nic.no_irqs) {
        ("lo", _, _) => "a loopback packet is received on the CPU that sent it".to_owned(),
        (_, Some("veth"), _) => {
            "a veth packet is received on the CPU that sent it, whichever that was".to_owned()
        }
        (_, Some("tun"), _) => {
            "a packet of a tun or tap device is received on the CPU of the process that wrote it"
                .to_owned()
        }
        (_, _, Some(why)) => why.clone(),
        (name, _, None) => format!("no interrupt of {name} is known to be of queue {queue}"),
    }
}

/// The CPU on which the kernel's network stack receives a packet of `flow` from `queue`:
/// `get_rps_cpu` of net/core/dev.c. `hash` is the device's, if it gives one of addresses and ports
/// to the kernel: any other is computed anew, with a key that is random at each boot
/// (`skb_get_hash` of include/linux/skbuff.h, `__flow_hash_from_keys` of
/// net/core/flow_dissector.c).
#[must_use]
pub fn steer(
    host: &RxHost,
    nic: &Nic,
    flow: &Flow,
    queue: u32,
    hash: Option<&Answer<u32>>,
) -> Answer<Cpu> {
    let arrival = || arrival(nic, queue);
    let Some(settings) = nic.rx.get(queue as usize) else {
        return arrival();
    };
    // RFS knows connections; ICMP has none.
    let rfs = if flow.proto == Proto::Icmp { Some(false) } else { host.rfs(settings) };
    let mask = match (rfs, &settings.rps_cpus) {
        (Some(true), _) => {
            let why = "RFS sends it to the CPU where the application last read from its connection";
            return Answer::unknown(why);
        }
        (None, _) => {
            let why = "whether RFS is on does not show here: only in the host's network namespace";
            return Answer::unknown(why);
        }
        (_, None) => {
            let why = format!("rps_cpus of queue {queue} of {} cannot be read", nic.name);
            return Answer::unknown(why);
        }
        (Some(false), Some(mask)) => mask,
    };
    let choose = |cpu: &Cpu| {
        // A CPU that was taken offline since is passed over, and the packet stays.
        if host.cpus_online.contains(cpu) { Answer::one(*cpu) } else { arrival() }
    };
    match (mask.as_slice(), hash) {
        ([], _) => arrival(),
        (mask, Some(hash)) => hash.then(|hash| match hash {
            0 => arrival(),
            hash => choose(&mask[rps_index(*hash, mask.len())]),
        }),
        (mask, None) => {
            let why = "RPS chooses one of them by a hash whose key is random at each boot";
            Answer::among(mask.to_vec(), why).then(choose)
        }
    }
}
