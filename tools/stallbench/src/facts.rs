//! On what machine the figures were taken, and with which tools.

use std::fs::read_to_string;
use std::process::{Command, Stdio};

use serde::Serialize;

/// What a reader must know to judge the figures.
#[derive(Debug, Serialize)]
pub struct Facts {
    /// Kernel release.
    pub kernel: String,
    /// Model of the CPUs.
    pub cpu: String,
    /// How many are online.
    pub cpus: usize,
    /// Load averages before the run: much above 0 means a machine that does other things, too.
    pub load_before: String,
    /// `perf --version`.
    pub perf: String,
    /// `softirqs --version`.
    pub softirqs: String,
}

impl Facts {
    /// Reads them; what cannot be read is left empty.
    pub fn read() -> Self {
        let read = |path: &str| read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
        let load = read("/proc/loadavg");
        Self {
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            cpu: model.unwrap_or_default().trim_start_matches([' ', '\t', ':']).to_owned(),
            cpus: stallgen::task::online_cpus().map_or(0, |cpus| cpus.len()),
            load_before: load.split(' ').take(3).collect::<Vec<_>>().join(" "),
            perf: version("perf"),
            softirqs: version("softirqs"),
        }
    }
}

/// What a program says of itself; empty where it is not installed.
fn version(program: &str) -> String {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}
