//! Gathers the receive path of this host's devices.

mod queues;
mod threads;

use super::cpulist::CpuList;
use super::ethtool::{self, Ask, Told};
use super::kernel::{KernelVersion, Uname};
use super::root::{HostError, HostRoot};
use super::{irqs, softnet};
use crate::rxpath::{Nic, RxHost, vectors};
use crate::units::Cpu;

/// Devices that are read at most: each costs about a millisecond.
const MAX_DEVICES: usize = 1024;

/// Why a device's receive path could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RxError {
    /// A file of the host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// There is no such device.
    #[error("there is no network device {name} here; there are: {}", shown(there))]
    NoDevice {
        /// The name asked for.
        name: String,
        /// Those that there are.
        there: Vec<String>,
    },
    /// /sys shows the devices of another network namespace.
    #[error(
        "/sys shows another network namespace than this process is in: run it by `ip netns exec`, \
         or mount sysfs there anew"
    )]
    OtherNamespace,
}

fn shown(names: &[String]) -> String {
    let more = if names.len() > 20 { ", ..." } else { "" };
    format!("{}{more}", names.iter().take(20).cloned().collect::<Vec<_>>().join(", "))
}

/// Names of this namespace's network devices, in order.
///
/// # Errors
/// /sys/class/net cannot be read.
pub fn devices(root: &HostRoot) -> Result<Vec<String>, HostError> {
    let (dir, path) = ("sys/class/net", || root.path("sys/class/net"));
    let entries = root.list(dir).map_err(|source| HostError::Io { path: path(), source })?;
    let names = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    // bonding_masters is a file among them.
    let mut names: Vec<_> =
        names.filter(|name| root.has(format!("sys/class/net/{name}/queues"))).collect();
    names.sort();
    names.truncate(MAX_DEVICES);
    Ok(names)
}

/// The receive path of one device, or of all that are not the loopback.
///
/// `ask` answers for the devices' drivers: the kernel ([`ethtool::Socket`]) where `root` is this
/// host; without it, only files are read.
///
/// # Errors
/// There is no such device; or /proc or /sys cannot be read.
pub fn read(
    root: &HostRoot,
    ask: Option<&dyn Ask>,
    device: Option<&str>,
) -> Result<RxHost, RxError> {
    let there = devices(root)?;
    let wanted: Vec<String> = match device {
        Some(name) if there.iter().any(|d| d == name) => vec![name.to_owned()],
        Some(name) => return Err(RxError::NoDevice { name: name.to_owned(), there }),
        None => there.into_iter().filter(|name| name != "lo").collect(),
    };
    let online = CpuList::online(root)?.cpus().to_vec();
    let version = Uname::read(root).ok().and_then(|uname| KernelVersion::parse(&uname.release));
    let mut nics = Vec::with_capacity(wanted.len());
    for name in wanted {
        let told = match ask {
            Some(ask) => {
                same_namespace(root, ask, &name)?;
                ethtool::read(ask, &name)
            }
            None => Told::default(),
        };
        nics.push(nic(root, name, told, version));
    }
    Ok(whole(root, online, nics))
}

/// The receive path for a recording: of at most `most` devices, those with hardware first, without
/// the counts of softnet_stat. What cannot be read is left out.
#[must_use]
pub fn picture(root: &HostRoot, ask: Option<&dyn Ask>, most: usize) -> Option<RxHost> {
    let mut names = devices(root).ok()?;
    names.retain(|name| name != "lo");
    names.sort_by_key(|name| !root.has(format!("sys/class/net/{name}/device")));
    names.truncate(most);
    let read_one = |name: &String| read(root, ask, Some(name)).ok()?.nics.pop();
    let nics = names.iter().filter_map(read_one).collect();
    let online = CpuList::online(root).ok()?.cpus().to_vec();
    Some(RxHost { softnet: Vec::new(), ..whole(root, online, nics) })
}

fn whole(root: &HostRoot, online: Vec<Cpu>, nics: Vec<Nic>) -> RxHost {
    let softnet = softnet::read(root, &online);
    // Only the host's own namespace shows it, but it holds for all.
    let sock_flow = root.value("proc/sys/net/core/rps_sock_flow_entries");
    RxHost {
        rps_sock_flow_entries: sock_flow.and_then(|n| n.trim().parse().ok()),
        softnet_unknown: softnet.as_ref().err().map(ToString::to_string),
        softnet: softnet.unwrap_or_default(),
        cpus_online: online,
        nics,
    }
}

/// The files and the ioctl must tell of the same device: of the same number and address, for every
/// namespace may have an eth0.
fn same_namespace(root: &HostRoot, ask: &dyn Ask, name: &str) -> Result<(), RxError> {
    let file = |rel: &str| root.value(format!("sys/class/net/{name}/{rel}")).unwrap_or_default();
    let shown = |bytes: [u8; 6]| bytes.map(|b| format!("{b:02x}")).join(":");
    let index = ask.index(name).is_ok_and(|index| file("ifindex").trim().parse() == Ok(index));
    // Devices without an address have an empty file; those with a longer one begin with this.
    let in_sys = file("address");
    let address = in_sys.trim().len() < 17
        || ask.address(name).is_ok_and(|bytes| in_sys.starts_with(&shown(bytes)));
    if index && address { Ok(()) } else { Err(RxError::OtherNamespace) }
}

fn nic(root: &HostRoot, name: String, told: Told, kernel: Option<KernelVersion>) -> Nic {
    let file = |rel: &str| root.value(format!("sys/class/net/{name}/{rel}"));
    let mut rx = queues::rx(root, &name);
    let irqs = irqs::of_device(root, &name);
    let no_irqs = match vectors::assign(&name, &irqs, rx.len()) {
        Ok(own) => {
            own.into_iter().for_each(|(queue, irq)| {
                if let Some(rx) = rx.get_mut(queue as usize) {
                    rx.irq = Some(irq);
                }
            });
            None
        }
        Err(why) => Some(why),
    };
    let driver = told.driver.or_else(|| queues::driver(root, &name));
    let threaded = file("threaded").is_some_and(|v| matches!(v.trim(), "1" | "2"));
    let mut rss = told.rss;
    let virtio = driver.as_deref() == Some("virtio_net") && !rss.table.is_empty();
    rss.key_may_be_shifted = virtio && may_shift(kernel);
    // RSS is off after `rxhash on` and `off` (virtnet_set_features), and before 6.12 after the
    // driver has set the number of queues: at its start, too.
    rss.doubt = (virtio && told.rx_hash != Some(true)).then(|| {
        format!(
            "with receive-hashing off, virtio_net may have RSS off, too: ethtool -K {name} rxhash \
             on settles it"
        )
    });
    Nic {
        up: file("operstate").and_then(|state| match state.trim() {
            "up" => Some(true),
            "down" | "lowerlayerdown" | "notpresent" | "dormant" => Some(false),
            _ => None,
        }),
        lower: queues::lower(root, &name),
        tx: queues::tx(root, &name),
        channels: told.channels,
        rx_hash: told.rx_hash,
        steering_rules: told.steering_rules,
        threads: if threaded { threads::of_device(root, &name) } else { Vec::new() },
        threaded,
        driver,
        rx,
        rss,
        irqs,
        no_irqs,
        name,
    }
}

/// Kernels whose virtio_net may hand the device a shifted key: see
/// [`crate::rxpath::Rss::key_may_be_shifted`]. 6.12 stable took the change that 6.15 brought.
/// Of 6.18 only the first six stable releases have it, but a distribution's number tells little.
fn may_shift(kernel: Option<KernelVersion>) -> bool {
    kernel.is_none_or(|v| (v.major, v.minor) >= (6, 12) && (v.major, v.minor) < (6, 19))
}
