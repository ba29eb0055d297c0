//! Network devices that poll in threads of their own.

use super::HostRoot;

/// Devices of this network namespace with threaded NAPI: `/sys/class/net/DEV/threaded` is 1 (all
/// queues; 29863d41bb6e, Linux 5.12). Their packets wait for `napi/DEV-N` threads, not for a
/// softirq.
#[must_use]
pub fn threaded(root: &HostRoot) -> Vec<String> {
    let Ok(entries) = root.list("sys/class/net") else { return Vec::new() };
    let names = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    let mut devices: Vec<String> = names
        .filter(|name| {
            let value = root.value(format!("sys/class/net/{name}/threaded"));
            value.is_some_and(|v| v.trim() == "1")
        })
        .collect();
    devices.sort();
    devices
}
