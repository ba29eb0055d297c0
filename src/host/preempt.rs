//! The kernel's preemption model: what decides whether a long system call keeps ksoftirqd waiting.

use super::kconfig::KernelConfig;
use super::kernel::{KernelVersion, bracketed};
use super::root::HostRoot;

/// A preemption model, by the name the kernel has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preemption {
    /// Kernel code is never preempted.
    None,
    /// Only at marked places.
    Voluntary,
    /// Anywhere.
    Full,
    /// Anywhere for real-time tasks, at the tick for others (Linux >= 6.13).
    Lazy,
    /// PREEMPT_RT.
    Rt,
}

impl Preemption {
    /// As [`crate::model::Meta`] has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Preemption::None => "none",
            Preemption::Voluntary => "voluntary",
            Preemption::Full => "full",
            Preemption::Lazy => "lazy",
            Preemption::Rt => "rt",
        }
    }

    /// Of this kernel, `uname_v` being its `uname -v`; none where it cannot be told. `config` is
    /// asked only where nothing else tells.
    ///
    /// In this order: PREEMPT_RT; what is in force (debugfs); for a kernel that chooses at boot
    /// (PREEMPT_DYNAMIC) its command line, else the default it was built with; what it was built
    /// with.
    #[must_use]
    pub fn read<'a>(
        root: &HostRoot,
        uname_v: &str,
        version: Option<KernelVersion>,
        config: impl FnOnce() -> Option<&'a KernelConfig>,
    ) -> Option<Preemption> {
        let flag = |name: &str| uname_v.split_ascii_whitespace().any(|word| word == name);
        if flag("PREEMPT_RT") {
            return Some(Preemption::Rt);
        }
        let in_force = root.value("sys/kernel/debug/sched/preempt");
        if let Some(model) = in_force.as_deref().and_then(Preemption::parse_debugfs) {
            return Some(model);
        }
        if flag("PREEMPT_DYNAMIC") {
            let cmdline = root.value("proc/cmdline").unwrap_or_default();
            return Preemption::parse_cmdline(&cmdline)
                .or_else(|| Preemption::of_config(config()?));
        }
        // Before lazy preemption came, this flag meant one thing.
        if flag("PREEMPT") && version.is_some_and(|v| v < KernelVersion { major: 6, minor: 13 }) {
            return Some(Preemption::Full);
        }
        Preemption::of_config(config()?)
    }

    /// Reads `/sys/kernel/debug/sched/preempt`: `none (voluntary) full`.
    #[must_use]
    pub fn parse_debugfs(text: &str) -> Option<Preemption> {
        Preemption::by_name(bracketed(text, '(', ')')?)
    }

    /// Reads `preempt=` of the kernel's command line; the last one counts, as in the kernel.
    #[must_use]
    pub fn parse_cmdline(text: &str) -> Option<Preemption> {
        let values = text.split_ascii_whitespace().filter_map(|word| word.strip_prefix("preempt="));
        values.filter_map(Preemption::by_name).next_back()
    }

    /// What a kernel was built with, or for one that chooses at boot its default.
    #[must_use]
    pub fn of_config(config: &KernelConfig) -> Option<Preemption> {
        [
            ("CONFIG_PREEMPT_RT", Preemption::Rt),
            ("CONFIG_PREEMPT_NONE", Preemption::None),
            ("CONFIG_PREEMPT_VOLUNTARY", Preemption::Voluntary),
            ("CONFIG_PREEMPT_LAZY", Preemption::Lazy),
            ("CONFIG_PREEMPT", Preemption::Full),
        ]
        .into_iter()
        .find_map(|(option, model)| config.has(option).then_some(model))
    }

    fn by_name(name: &str) -> Option<Preemption> {
        match name {
            "none" => Some(Preemption::None),
            "voluntary" => Some(Preemption::Voluntary),
            "full" => Some(Preemption::Full),
            "lazy" => Some(Preemption::Lazy),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(uname_v: &str, minor: u32, config: Option<&str>) -> Option<Preemption> {
        let nowhere = HostRoot::new("/nonexistent");
        let config = config.map(KernelConfig::parse);
        let version = Some(KernelVersion { major: 6, minor });
        Preemption::read(&nowhere, uname_v, version, || config.as_ref())
    }

    #[test]
    fn the_model_is_told_or_not_but_never_guessed() {
        use Preemption::{Full, Lazy, None as Never, Rt, Voluntary};
        let (none, voluntary) = ("CONFIG_PREEMPT_NONE=y\n", "CONFIG_PREEMPT_VOLUNTARY=y");
        for (uname_v, minor, config, want) in [
            ("#1 SMP PREEMPT_RT Debian", 1, None, Some(Rt)),
            ("#1 SMP PREEMPT Tue", 1, None, Some(Full)),
            ("#1 SMP PREEMPT Tue", 18, None, None),
            (
                "#1 SMP PREEMPT Tue",
                18,
                Some("CONFIG_PREEMPT_LAZY=y\nCONFIG_PREEMPT_BUILD=y"),
                Some(Lazy),
            ),
            ("#1 SMP PREEMPT_DYNAMIC Debian", 1, Some(voluntary), Some(Voluntary)),
            ("#1 SMP PREEMPT_DYNAMIC @0", 18, Some(none), Some(Never)),
            ("#1 SMP PREEMPT_DYNAMIC @0", 18, None, None),
            ("#1 SMP Debian", 1, None, None),
            (
                "#1 SMP Debian",
                1,
                Some("# CONFIG_PREEMPT is not set\nCONFIG_PREEMPT_NONE=y"),
                Some(Never),
            ),
            ("", 1, Some(""), None),
        ] {
            assert_eq!(told(uname_v, minor, config), want, "{uname_v} {config:?}");
        }
    }

    #[test]
    fn words_of_debugfs_and_the_command_line() {
        use Preemption::{Full, Lazy, Voluntary};
        assert_eq!(Preemption::parse_debugfs("none (voluntary) full \n"), Some(Voluntary));
        assert_eq!(Preemption::parse_debugfs("full (lazy)\n"), Some(Lazy));
        assert_eq!(Preemption::parse_debugfs("none voluntary full"), None);
        let line = "quiet preempt=none xpreempt=lazy preempt=full preempt=bogus";
        assert_eq!(Preemption::parse_cmdline(line), Some(Full));
        assert_eq!(Preemption::parse_cmdline("preempt quiet"), None);
        assert_eq!(Preemption::parse_cmdline(""), None);
    }
}
