//! Which kernel runs, and what it lets us do.

use std::io::Read;

use super::root::{HostError, HostRoot};
use super::sys;
pub use crate::model::KernelVersion;

/// What `uname` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uname {
    /// `uname -r`, from `/proc/sys/kernel/osrelease`.
    pub release: String,
    /// `uname -v`, from `/proc/sys/kernel/version`. Empty if it cannot be read.
    pub version: String,
    /// `uname -n` of our UTS namespace, from `/proc/sys/kernel/hostname`. Under another root, whose
    /// init is in another such namespace: the name in its `/etc/hostname`, if it has one. Empty if
    /// neither can be read.
    pub hostname: String,
    /// `uname -m`, by uname(2).
    pub arch: String,
}

impl Uname {
    /// Reads them.
    ///
    /// # Errors
    /// The release cannot be read: there is no /proc.
    pub fn read(root: &HostRoot) -> Result<Uname, HostError> {
        let release = root.read_to_string("proc/sys/kernel/osrelease")?.trim().to_owned();
        let word = |name: &str| root.value(format!("proc/sys/kernel/{name}")).unwrap_or_default();
        Ok(Uname {
            release,
            version: word("version").trim().to_owned(),
            hostname: hostname(root, word("hostname").trim()),
            arch: sys::machine(),
        })
    }
}

/// The host's name, where `ours` is that of our own UTS namespace: in a container often the pod's.
fn hostname(root: &HostRoot, ours: &str) -> String {
    let theirs = || root.link("proc/1/ns/uts").ok();
    let own = || std::fs::read_link("/proc/self/ns/uts").ok();
    if root.is_slash() || root.is_live() && own().is_some() && theirs() == own() {
        return ours.to_owned();
    }
    // hostname(5): one name, lines that begin with # do not count.
    let text = root.value("etc/hostname").unwrap_or_default();
    let mut lines = text.lines().map(str::trim);
    let named = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    let whole = named.filter(|name| name.len() <= 253 && !name.contains(char::is_whitespace));
    match whole {
        Some(name) if root.is_live() || ours.is_empty() => name.to_owned(),
        _ => ours.to_owned(),
    }
}

/// What kernel lockdown forbids: `/sys/kernel/security/lockdown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lockdown {
    /// Nothing.
    None,
    /// Changing the running kernel.
    Integrity,
    /// Reading its secrets too: BPF programs may not read kernel memory.
    Confidentiality,
}

impl Lockdown {
    /// Reads the file's line: `none [integrity] confidentiality`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Lockdown> {
        match bracketed(text, '[', ']')? {
            "none" => Some(Lockdown::None),
            "integrity" => Some(Lockdown::Integrity),
            "confidentiality" => Some(Lockdown::Confidentiality),
            _ => None,
        }
    }

    /// Of this kernel; none if securityfs is not mounted or the kernel has no lockdown.
    #[must_use]
    pub fn read(root: &HostRoot) -> Option<Lockdown> {
        Lockdown::parse(&root.value("sys/kernel/security/lockdown")?)
    }
}

/// The chosen word of a kernel file that lists the choices.
pub(super) fn bracketed(text: &str, open: char, close: char) -> Option<&str> {
    let (_, rest) = text.split_once(open)?;
    Some(rest.split_once(close)?.0)
}

/// The settings in `/proc/sys/kernel` on which probes depend. None where there is no such file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sysctls {
    /// Who may use perf events: above 0 not for whole CPUs, above 1 not for the kernel; Debian has
    /// 3, not at all. CAP_PERFMON is above it.
    pub perf_event_paranoid: Option<i64>,
    /// Whether /proc/kallsyms shows addresses: 0 to all with CAP_SYSLOG or where
    /// perf_event_paranoid is low, 1 with CAP_SYSLOG, 2 never.
    pub kptr_restrict: Option<i64>,
    /// Samples a second at most; the kernel lowers it when sampling takes too long.
    pub perf_event_max_sample_rate: Option<i64>,
    /// 1: the kernel keeps run counts and times of BPF programs (and pays for it).
    pub bpf_stats_enabled: Option<i64>,
    /// bpf(2) without CAP_BPF: 0 allowed, 1 and 2 not.
    pub unprivileged_bpf_disabled: Option<i64>,
}

impl Sysctls {
    /// Reads them.
    #[must_use]
    pub fn read(root: &HostRoot) -> Sysctls {
        let number =
            |name: &str| root.value(format!("proc/sys/kernel/{name}"))?.trim().parse().ok();
        Sysctls {
            perf_event_paranoid: number("perf_event_paranoid"),
            kptr_restrict: number("kptr_restrict"),
            perf_event_max_sample_rate: number("perf_event_max_sample_rate"),
            bpf_stats_enabled: number("bpf_stats_enabled"),
            unprivileged_bpf_disabled: number("unprivileged_bpf_disabled"),
        }
    }
}

/// Whether this is a virtual machine: the `hypervisor` flag of `/proc/cpuinfo` (CPUID leaf 1, ECX
/// bit 31). None where there are no such flags, as on other architectures than x86.
#[must_use]
pub fn is_virtual(root: &HostRoot) -> Option<bool> {
    let mut head = [0; 8192];
    let read = root.open("proc/cpuinfo").ok()?.read(&mut head).ok()?;
    let text = String::from_utf8_lossy(&head[..read]);
    let flags = text.lines().find_map(|l| l.strip_prefix("flags"))?;
    Some(flags.split_whitespace().any(|flag| flag == "hypervisor"))
}

/// Whether the kernel carries its types, which CO-RE programs need: `/sys/kernel/btf/vmlinux`.
#[must_use]
pub fn has_btf(root: &HostRoot) -> bool {
    root.has("sys/kernel/btf/vmlinux")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_releases() {
        for (release, want) in [
            ("6.18.44-fc-v445\n", Some((6, 18))),
            ("5.10.0-32-amd64", Some((5, 10))),
            ("6.1.0-rc1+", Some((6, 1))),
            ("6.12-custom", Some((6, 12))),
            ("5.14.0-503.el9.x86_64", Some((5, 14))),
            ("", None),
            ("6", None),
            ("6.", None),
            ("+6.1", None),
            ("linux-6.1", None),
            ("99999999999999.1", None),
            ("6.99999999999999", None),
        ] {
            let want = want.map(|(major, minor)| KernelVersion { major, minor });
            assert_eq!(KernelVersion::parse(release), want, "{release}");
        }
        assert!(KernelVersion { major: 6, minor: 4 } < KernelVersion { major: 6, minor: 18 });
    }

    #[test]
    fn lockdown_is_the_word_in_brackets() {
        assert_eq!(Lockdown::parse("[none] integrity confidentiality\n"), Some(Lockdown::None));
        let line = "none integrity [confidentiality]";
        assert_eq!(Lockdown::parse(line), Some(Lockdown::Confidentiality));
        for odd in ["", "none", "[", "[none", "]none[", "[other]"] {
            assert_eq!(Lockdown::parse(odd), None, "{odd}");
        }
    }
}
