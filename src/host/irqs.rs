//! Interrupts of devices: their names and who serves them.

use std::path::Path;

use super::cpulist::CpuList;
use super::root::HostRoot;
use crate::rxpath::Irq;

/// A device with more vectors than this is not listed whole: the largest NICs have 2048.
const MAX_IRQS: usize = 8192;

/// The interrupts of a network device, in order of their numbers.
///
/// They are those of `msi_irqs` of the device or of what it hangs on (a virtio device on its PCI
/// device); where there is no such directory, those that bear the device's name or its parent's.
#[must_use]
pub fn of_device(root: &HostRoot, device: &str) -> Vec<Irq> {
    let link = root.place(format!("sys/class/net/{device}/device"));
    let (Ok(place), Ok(top)) = (link.and_then(|l| l.canonicalize()), root.place("")) else {
        return Vec::new();
    };
    let Ok(place) = place.strip_prefix(&top) else { return Vec::new() };
    let own = place.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    // Of a virtio device they are its parent's. Elsewhere the parent is a bridge with its own.
    let parent = place.parent().filter(|_| own.starts_with("virtio"));
    let from = [Some(place), parent];
    let listed = from.into_iter().flatten().map(|dir| numbers(root, &dir.join("msi_irqs")));
    let mut irqs: Vec<Irq> = match listed.into_iter().find(|n| !n.is_empty()) {
        Some(numbers) => numbers.into_iter().filter_map(|n| read(root, n)).collect(),
        None => {
            // Several devices may share one: "ahci,eth0".
            let ours = |irq: &Irq| {
                irq.name.split(',').any(|name| of_name(name, device) || of_name(name, &own))
            };
            let all = numbers(root, Path::new("sys/kernel/irq"));
            all.into_iter().filter_map(|n| read(root, n)).filter(ours).collect()
        }
    };
    irqs.sort_by_key(|irq| irq.number);
    irqs
}

/// Names of files that are numbers.
fn numbers(root: &HostRoot, dir: &Path) -> Vec<u32> {
    let entries = root.list(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|e| e.file_name().to_str().and_then(|n| n.parse().ok()))
        .take(MAX_IRQS)
        .collect()
}

/// Whether an interrupt's name begins with a device's, and not with a longer one.
fn of_name(irq: &str, device: &str) -> bool {
    let rest = irq.strip_prefix(device).filter(|_| !device.is_empty());
    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

/// An interrupt that somebody handles: its name (`/sys/kernel/irq/N/actions`) and its CPUs
/// (`/proc/irq/N/effective_affinity_list`, else `smp_affinity_list`),
/// and where it is on the way to.
fn read(root: &HostRoot, number: u32) -> Option<Irq> {
    let name = root.value(format!("sys/kernel/irq/{number}/actions")).filter(|n| !n.is_empty())?;
    let cpus = |file: &str| {
        let list = root.value(format!("proc/irq/{number}/{file}"))?;
        let list = CpuList::from_kernel(&list).ok()?;
        Some(list.cpus().to_vec()).filter(|cpus| !cpus.is_empty())
    };
    let allowed = cpus("smp_affinity_list").unwrap_or_default();
    let serve = cpus("effective_affinity_list").unwrap_or_else(|| allowed.clone());
    // An affinity that the effective one is not part of has not taken effect yet.
    let moving = !serve.iter().all(|cpu| allowed.contains(cpu));
    Some(Irq { number, name, cpus: serve, moves_to: if moving { allowed } else { Vec::new() } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices() {
        assert!(of_name("eth1-rx-0", "eth1") && of_name("eth1", "eth1"));
        assert!(!of_name("eth10-rx-0", "eth1"));
        assert!(!of_name("eth1-rx-0", "") && !of_name("acpi", "eth1"));
    }
}
