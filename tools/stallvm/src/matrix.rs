//! The kernel matrix: every scenario on every kernel.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};
use stallscore::expected::Expected;

use crate::kernels;
use crate::qemu::Machine;
use crate::site::Site;
use crate::suite::{self, Results};
use crate::table;

/// Each rung below the first, forced, with the kind of stall that shows what it measures.
/// finish_task_switch() has no type on most kernels, so that ksoftirqd has no rung fentry there;
/// its last one, procfs, looks every 5 ms, which a guest cannot keep to: tests/kernel has that.
const LADDER: &[&str] = &[
    "bh@softirq=raw_tp",
    "bh@softirq=tracepoint",
    "bh@softirq=fentry",
    "bh@softirq=kprobe",
    "fifo@ksoftirqd=raw_tp",
    "fifo@ksoftirqd=tracepoint",
    "fifo@ksoftirqd=kprobe",
    "hardirq@hardirq=raw_tp",
    "hardirq@hardirq=tracepoint",
    "hardirq@hardirq=fentry",
    "hardirq@hardirq=kprobe",
    "irqsoff@all=no_bpf",
];

/// What the command line asks for.
pub struct Plan {
    pub machine: Machine,
    pub scenarios: Vec<String>,
    pub methods: Vec<String>,
    pub rows: Option<PathBuf>,
    pub no_table: bool,
    pub kernels: Vec<String>,
}

impl Plan {
    /// Runs it and prints the tables.
    pub fn run(&self, site: &Site) -> Result<ExitCode> {
        let scenarios = self.scenarios_with_methods()?;
        let mut all = Vec::new();
        for kernel in kernels::chosen(&self.kernels)? {
            let ready = suite::ready(site, kernel)?;
            let began = Instant::now();
            eprintln!("{} ({})", kernel.name, ready.release);
            let results = suite::run(site, kernel, &ready, &self.machine, &scenarios)?;
            eprintln!(
                "  {} s, {} boots, {} of them crashed",
                began.elapsed().as_secs(),
                results.boots,
                results.crashes
            );
            all.push(results);
        }
        if let Some(path) = &self.rows {
            write_rows(path, &all)?;
        }
        let tables = table::render(&all);
        println!("{tables}");
        let whole = self.scenarios.is_empty() && self.methods.is_empty() && self.kernels.is_empty();
        if whole && !self.no_table {
            table::put_into(&site.top.join("docs/kernels.md"), &tables)?;
        }
        Ok(verdict(&all))
    }

    fn scenarios_with_methods(&self) -> Result<Vec<String>> {
        let mut kinds = self.scenarios.clone();
        if kinds.is_empty() {
            kinds.push("probes".into());
            kinds.extend(Expected::all().iter().map(|e| e.kind.to_owned()));
        }
        for kind in kinds.iter().filter(|kind| *kind != "probes") {
            Expected::of(kind).with_context(|| format!("--scenario {kind}: there is no such"))?;
        }
        if !self.methods.is_empty() {
            let of_method = |method| kinds.iter().map(move |kind| format!("{kind}@{method}"));
            return Ok(self.methods.iter().flat_map(of_method).collect());
        }
        let mut scenarios: Vec<_> = kinds.iter().map(|kind| format!("{kind}@default")).collect();
        if self.scenarios.is_empty() {
            scenarios.extend(LADDER.iter().map(|rung| (*rung).to_owned()));
        }
        Ok(scenarios)
    }
}

fn write_rows(path: &PathBuf, all: &[Results]) -> Result<()> {
    let mut text = String::new();
    for row in all.iter().flat_map(|results| &results.rows) {
        text += &serde_json::to_string(row)?;
        text.push('\n');
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Says what broke a requirement.
fn verdict(all: &[Results]) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for results in all {
        for row in results.bad() {
            let name = results.kernel.name;
            eprintln!("{name} {}@{}: {:?} {}", row.scenario, row.method, row.outcome, row.note);
            code = ExitCode::FAILURE;
        }
    }
    code
}
