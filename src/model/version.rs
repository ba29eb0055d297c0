//! Versions of kernels.

/// Version of a kernel, as far as its behaviour is known by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KernelVersion {
    /// 6 of `6.18.44-cloud`.
    pub major: u32,
    /// 18 of it.
    pub minor: u32,
}

impl KernelVersion {
    /// Since this one (v6.5-rc1: d15121be7485, "Revert "softirq: Let ksoftirqd do its job"") the exit
    /// of any interrupt runs pending softirqs, also while ksoftirqd is runnable.
    pub const SOFTIRQS_DO_NOT_WAIT: KernelVersion = KernelVersion { major: 6, minor: 5 };

    /// Reads the release of `uname -r`: it must start with two numbers.
    #[must_use]
    pub fn parse(release: &str) -> Option<KernelVersion> {
        let (major, rest) = release.trim().split_once('.')?;
        let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        let number = |digits: &str| digits.parse().ok().filter(|n| *n < 10_000);
        let plain = major.bytes().all(|b| b.is_ascii_digit());
        Some(KernelVersion { major: number(major).filter(|_| plain)?, minor: number(minor)? })
    }
}
