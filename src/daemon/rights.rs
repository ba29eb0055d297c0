//! Rights: what is not needed is given up before anything else is done.

use std::collections::HashSet;

use anyhow::{Context, Result};
use caps::{CapSet, Capability};

use super::log::say;

/// What is kept, of what is held, and what for.
const KEPT: [Capability; 7] = [
    Capability::CAP_BPF,             // programs and maps
    Capability::CAP_PERFMON,         // the sampling timers, programs on tracepoints
    Capability::CAP_SYSLOG,          // addresses in /proc/kallsyms and /proc/modules
    Capability::CAP_SYS_PTRACE,      // /proc of other users' tasks
    Capability::CAP_DAC_READ_SEARCH, // tracefs, cgroups
    Capability::CAP_NET_ADMIN,       // conntrack statistics
    Capability::CAP_SYS_RESOURCE,    // memory for maps on kernels before 5.11
];

/// Gives up all other rights, for good: of this thread and all that it starts.
///
/// # Errors
/// The kernel refuses to take them.
pub fn drop_others() -> Result<()> {
    let held = caps::read(None, CapSet::Permitted).context("reading the capabilities")?;
    let mut keep: HashSet<_> = KEPT.iter().copied().filter(|cap| held.contains(cap)).collect();
    if !knows_bpf() && held.contains(&Capability::CAP_SYS_ADMIN) {
        // Before 5.8 it stands for CAP_BPF and CAP_PERFMON.
        keep.insert(Capability::CAP_SYS_ADMIN);
    }
    let none = HashSet::new();
    // Programs that are run, and there are none, get nothing either.
    let _ = caps::clear(None, CapSet::Ambient);
    caps::set(None, CapSet::Inheritable, &none).context("dropping capabilities")?;
    if held.contains(&Capability::CAP_SETPCAP) {
        for cap in caps::all().difference(&keep) {
            // One that this kernel does not know cannot be held.
            let _ = caps::drop(None, CapSet::Bounding, *cap);
        }
    }
    caps::set(None, CapSet::Effective, &keep).context("dropping capabilities")?;
    caps::set(None, CapSet::Permitted, &keep).context("dropping capabilities")?;
    // SAFETY: prctl takes no pointers here.
    let refused = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0;
    if refused {
        return Err(std::io::Error::last_os_error()).context("PR_SET_NO_NEW_PRIVS");
    }
    let mut names: Vec<String> = keep.iter().map(ToString::to_string).collect();
    names.sort();
    let names = if names.is_empty() { "no capability".to_owned() } else { names.join(", ") };
    say(&format_args!("holds {names}; cannot gain others"));
    Ok(())
}

/// Gives up every capability of the calling thread, and of those that it starts.
///
/// # Errors
/// The kernel refuses to take them.
#[cfg(feature = "upload")]
pub fn drop_all() -> Result<()> {
    let none = HashSet::new();
    caps::set(None, CapSet::Effective, &none).context("dropping capabilities")?;
    caps::set(None, CapSet::Permitted, &none).context("dropping capabilities")
}

/// Whether the kernel has CAP_BPF (5.8).
fn knows_bpf() -> bool {
    let last = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap").unwrap_or_default();
    last.trim().parse::<u8>().is_ok_and(|last| last >= Capability::CAP_BPF.index())
}
