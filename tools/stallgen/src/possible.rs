//! What this kernel lets stallgen do.

use std::fmt;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use libbpf_rs::btf::{Btf, BtfType};

use crate::cli::Kind;

/// A kind of stall that cannot be made on this kernel: no fault of anybody's.
#[derive(Debug)]
pub struct NotPossible(pub String);

impl NotPossible {
    /// The exit status that says so.
    pub const STATUS: u8 = 3;
}

impl fmt::Display for NotPossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not possible on this kernel: {}", self.0)
    }
}

impl std::error::Error for NotPossible {}

/// Where a program that spins is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    SysEnter,
    NetDevQueue,
    RstatLocked,
    HrtimerStart,
    NetifReceive,
    PerfEvent,
}

impl Place {
    /// The place of a kind; none for kinds that need no program.
    pub fn of(kind: Kind) -> Result<Option<Self>> {
        let place = match kind {
            Kind::Fifo | Kind::Memcg => return Ok(None),
            Kind::Syscall => Self::SysEnter,
            Kind::Bh => Self::NetDevQueue,
            // The lock that real stalls are about, where it keeps interrupts off.
            Kind::Irqsoff if !is_realtime() && has(Self::RstatLocked)? => Self::RstatLocked,
            Kind::Irqsoff => Self::HrtimerStart,
            Kind::Softirq => Self::NetifReceive,
            Kind::Hardirq => Self::PerfEvent,
        };
        if let Some((tracepoint, config)) = place.tracepoint() {
            ensure!(
                has(place)?,
                NotPossible(format!("it has no tracepoint {tracepoint} ({config} is off)"))
            );
        }
        Ok(Some(place))
    }

    /// Its tracepoint, and without which option a kernel lacks it.
    fn tracepoint(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::SysEnter => Some(("sys_enter", "CONFIG_FTRACE_SYSCALLS")),
            Self::NetDevQueue => Some(("net_dev_queue", "CONFIG_NET")),
            Self::RstatLocked => Some(("cgroup_rstat_locked", "CONFIG_CGROUPS")),
            Self::HrtimerStart => Some(("hrtimer_start", "CONFIG_TRACEPOINTS")),
            Self::NetifReceive => Some(("netif_receive_skb", "CONFIG_NET")),
            Self::PerfEvent => None,
        }
    }
}

fn has(place: Place) -> Result<bool> {
    let Some((tracepoint, _)) = place.tracepoint() else { return Ok(true) };
    let btf = Btf::from_vmlinux().context("this kernel has no /sys/kernel/btf/vmlinux")?;
    Ok(btf.type_by_name::<BtfType<'_>>(&format!("btf_trace_{tracepoint}")).is_some())
}

/// Whether spinning locks sleep here, and leave interrupts on.
fn is_realtime() -> bool {
    fs::read_to_string("/sys/kernel/realtime").is_ok_and(|text| text.trim() == "1")
}
