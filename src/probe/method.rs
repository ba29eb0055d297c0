//! The rungs of the probe ladder.

use std::fmt;
use std::str::FromStr;

/// A way to measure. Cheaper and more exact ones stand first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// BPF on a tracepoint, its arguments typed by BTF.
    TpBtf,
    /// BPF on a tracepoint, its arguments as plain numbers.
    RawTp,
    /// BPF on the record of a tracepoint, through perf.
    Tracepoint,
    /// BPF on a function's entry and return, by trampoline.
    Fentry,
    /// BPF on a function's entry and return, by breakpoint or ftrace.
    Kprobe,
    /// BPF of the syscall probe, which sees all long calls.
    Syscall,
    /// BPF on a perf event.
    PerfEvent,
    /// Perf events read from user space, without BPF.
    Perf,
    /// Counters of /proc, without BPF.
    Procfs,
    /// Counters that the kernel tells over netlink, or in /proc where it does not.
    Netlink,
}

/// All of them, with their names.
const NAMES: [(Method, &str); 10] = [
    (Method::TpBtf, "tp_btf"),
    (Method::RawTp, "raw_tp"),
    (Method::Tracepoint, "tracepoint"),
    (Method::Fentry, "fentry"),
    (Method::Kprobe, "kprobe"),
    (Method::Syscall, "syscall"),
    (Method::PerfEvent, "perf_event"),
    (Method::Perf, "perf"),
    (Method::Procfs, "procfs"),
    (Method::Netlink, "netlink"),
];

impl Method {
    /// Its name, as in `doctor` and in recordings.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(m, _)| *m == self).map_or("?", |(_, name)| name)
    }

    /// Whether it is a BPF program on tracepoints.
    #[must_use]
    pub fn is_tracepoint(self) -> bool {
        matches!(self, Method::TpBtf | Method::RawTp | Method::Tracepoint)
    }

    /// Whether it is a BPF program that does it.
    #[must_use]
    pub fn is_bpf(self) -> bool {
        self < Method::Perf
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Method, String> {
        let found = NAMES.iter().find(|(_, name)| *name == text).map(|(m, _)| *m);
        found.ok_or_else(|| {
            let names: Vec<_> = NAMES.iter().map(|(_, name)| *name).collect();
            format!("no such method: {text}; there are {}", names.join(", "))
        })
    }
}
