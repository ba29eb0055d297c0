//! Queues of a device and what stands beside them in /sys/class/net.

use crate::host::HostRoot;
use crate::host::cpumask;
use crate::rxpath::{RxQueue, TxQueue};

/// The most queues that a device is believed to have: the kernel's limit is 4096.
const MAX_QUEUES: usize = 4096;

/// The queues `KIND-0`, `KIND-1`, ... of a device, each a path under the root.
fn paths(root: &HostRoot, device: &str, kind: &str) -> impl Iterator<Item = String> {
    let dir = format!("sys/class/net/{device}/queues");
    (0..MAX_QUEUES)
        .map(move |n| format!("{dir}/{kind}-{n}"))
        .take_while(|path| root.has(path))
        .collect::<Vec<_>>()
        .into_iter()
}

/// Receive queues in use (Documentation/networking/scaling.rst).
pub(super) fn rx(root: &HostRoot, device: &str) -> Vec<RxQueue> {
    paths(root, device, "rx")
        .map(|path| RxQueue {
            irq: None,
            rps_cpus: setting(root, &format!("{path}/rps_cpus"), cpumask::parse),
            rps_flow_cnt: setting(root, &format!("{path}/rps_flow_cnt"), |n| n.trim().parse().ok()),
        })
        .collect()
}

/// A setting of a queue. A kernel without the file (CONFIG_RPS) has it off; what cannot be read is
/// not known.
fn setting<T: Default>(
    root: &HostRoot,
    path: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    if root.has(path) { parse(&root.value(path)?) } else { Some(T::default()) }
}

/// Transmit queues; those of a device with a single one have no `xps_cpus`.
pub(super) fn tx(root: &HostRoot, device: &str) -> Vec<TxQueue> {
    paths(root, device, "tx")
        .map(|path| TxQueue {
            xps_cpus: cpumask::read(root, &format!("{path}/xps_cpus")).unwrap_or_default(),
        })
        .collect()
}

/// Devices below this one: `lower_eth0` -> `eth0`.
pub(super) fn lower(root: &HostRoot, device: &str) -> Vec<String> {
    let entries = root.list(format!("sys/class/net/{device}")).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|e| e.file_name().to_str()?.strip_prefix("lower_").map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// The driver by the device's link in sysfs; devices without hardware have none.
pub(super) fn driver(root: &HostRoot, device: &str) -> Option<String> {
    let target = root.link(format!("sys/class/net/{device}/device/driver")).ok()?;
    Some(target.file_name()?.to_string_lossy().into_owned())
}
