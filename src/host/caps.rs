//! What this process may do: its effective capabilities.

use super::root::{HostError, HostRoot};

/// A capability, by its number in include/uapi/linux/capability.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Cap {
    /// Reading any file, and opening a cgroup by its id.
    DacReadSearch = 2,
    /// Network settings and statistics of other users' namespaces.
    NetAdmin = 12,
    /// Looking into other processes: maps, file descriptors.
    SysPtrace = 19,
    /// Nearly all; stands in for CAP_BPF and CAP_PERFMON on kernels before 5.8.
    SysAdmin = 21,
    /// Locking memory past RLIMIT_MEMLOCK; BPF maps need it on kernels before 5.11.
    SysResource = 24,
    /// Kernel addresses in /proc/kallsyms.
    Syslog = 34,
    /// perf events of whole CPUs and of the kernel, and BPF programs on tracepoints.
    Perfmon = 38,
    /// Loading BPF programs and maps.
    Bpf = 39,
}

/// Names of all capabilities, by number, as of Linux 6.18.
const NAMES: [&str; 41] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

impl Cap {
    /// Its name, such as `CAP_BPF`.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

/// A set of capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps(u64);

impl Caps {
    /// The effective ones of this process: `CapEff` of `/proc/self/status`.
    ///
    /// # Errors
    /// The file cannot be read or has no such line.
    pub fn effective(root: &HostRoot) -> Result<Caps, HostError> {
        let rel = "proc/self/status";
        Caps::parse_status(&root.read_to_string(rel)?).ok_or_else(|| HostError::Content {
            path: root.path(rel),
            what: "no line CapEff".to_owned(),
        })
    }

    /// The same by our own /proc; none where that cannot be read.
    #[must_use]
    pub fn own() -> Caps {
        Caps::effective(&HostRoot::default()).unwrap_or_default()
    }

    /// Reads the line `CapEff:` of a status file. (The `procfs` crate wants every line of it in
    /// order, and a name that is UTF-8.)
    #[must_use]
    pub fn parse_status(status: &str) -> Option<Caps> {
        let hex = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
        u64::from_str_radix(hex.trim(), 16).ok().map(Caps)
    }

    /// Whether `cap` is in the set.
    #[must_use]
    pub fn has(self, cap: Cap) -> bool {
        self.0 >> (cap as u8) & 1 == 1
    }

    /// Names of those in the set; one that this program does not know is `CAP_41`.
    pub fn names(self) -> impl Iterator<Item = String> {
        (0..64).filter(move |bit| self.0 >> bit & 1 == 1).map(|bit| match NAMES.get(bit) {
            Some(name) => (*name).to_owned(),
            None => format!("CAP_{bit}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read_by_name() {
        let caps = Caps::parse_status("Name:\tx\nCapEff:\t000001fffeffffff\nCapBnd:\t0\n");
        let caps = caps.expect("a set");
        assert!(caps.has(Cap::Bpf) && caps.has(Cap::Perfmon) && !caps.has(Cap::SysResource));
        assert_eq!(caps.names().count(), 40);
        assert_eq!((Cap::Bpf.name(), Cap::Syslog.name()), ("CAP_BPF", "CAP_SYSLOG"));
        assert_eq!(
            (Cap::SysPtrace.name(), Cap::NetAdmin.name()),
            ("CAP_SYS_PTRACE", "CAP_NET_ADMIN")
        );
        let future: Vec<_> = Caps(1 << 41 | 4).names().collect();
        assert_eq!(future, ["CAP_DAC_READ_SEARCH", "CAP_41"]);
        for odd in ["", "CapEff:", "CapEff:\t-1", "CapEff:\tfffffffffffffffff", "CapBnd:\t0"] {
            assert_eq!(Caps::parse_status(odd), None, "{odd}");
        }
    }
}
