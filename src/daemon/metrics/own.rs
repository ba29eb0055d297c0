//! What the daemon itself costs, read when asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::sync::Arc;

use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::{Detail, Family, series};
use crate::host::resident_memory;

#[derive(Debug)]
struct Own;

pub fn new(_: &Arc<Detail>) -> Arc<dyn Family> {
    Arc::new(Own)
}

impl Family for Own {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        series!(to, "build_info", "Version of the daemon", None, gauge, [(version, 1_u64)]);
        let modes = cpu_seconds().map(|(mode, seconds)| ([("mode", mode)], seconds));
        let unit = Some(&Unit::Seconds);
        series!(to, "process_cpu", "CPU time of the daemon's own process", unit, counter, modes);
        let unit = Some(&Unit::Bytes);
        let help = "Memory of the daemon";
        series!(to, "process_resident_memory", help, unit, one gauge, resident_memory());
        let open = fs::read_dir("/proc/self/fd").ok().map(|fds| fds.count() as u64);
        series!(to, "process_open_fds", "File descriptors of the daemon", None, one gauge, open);
        let runs = bpf_run_seconds().into_iter().map(|(id, seconds)| ([("program", id)], seconds));
        series!(
            to,
            "bpf_run",
            "Run time of the daemon's BPF programs, while kernel.bpf_stats_enabled is 1",
            Some(&Unit::Seconds),
            counter,
            runs
        );
        Ok(())
    }
}

fn cpu_seconds() -> [(&'static str, f64); 2] {
    // SAFETY: a rusage is plain numbers, and getrusage fills it.
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    [("user", seconds(usage.ru_utime)), ("system", seconds(usage.ru_stime))]
}

/// By id of the program, for those that we hold and that ran while the kernel counted.
fn bpf_run_seconds() -> BTreeMap<String, f64> {
    let mut runs = BTreeMap::new();
    for entry in fs::read_dir("/proc/self/fdinfo").into_iter().flatten().flatten() {
        let info = fs::read_to_string(entry.path()).unwrap_or_default();
        let value = |name: &str| {
            let mut lines = info.lines();
            lines.find_map(|l| Some(l.strip_prefix(name)?.strip_prefix(":\t")?.to_owned()))
        };
        let ran = value("run_time_ns").and_then(|ns| ns.parse::<u64>().ok()).filter(|ns| *ns > 0);
        if let (Some(id), Some(ns)) = (value("prog_id"), ran) {
            runs.insert(id, ns as f64 / 1e9);
        }
    }
    runs
}
