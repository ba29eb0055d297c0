//! One tool, one round after the other.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use stallgen::clock::now_ns;
use stallgen::stop::Stop;

use super::Args;
use super::load::{Figures, Kind, Load, measure};
use crate::host::{peak_memory, process_ns};
use crate::net::Net;
use crate::tool::{Role, Running, Tool};

/// A tool with a value of each kind for each round.
#[derive(Debug)]
pub struct Measured {
    /// The tool.
    pub tool: Tool,
    /// Under it.
    pub values: BTreeMap<Kind, Vec<f64>>,
    /// Without it: the mean of right before and right after.
    pub alone: BTreeMap<Kind, Vec<f64>>,
    /// The tool's own CPU time in percent of a core, paced.
    pub own: Vec<f64>,
    /// Its memory in MB.
    pub memory: Vec<f64>,
    /// Size of its recordings in MB a second, saturated.
    pub written: Vec<f64>,
    /// ms from its start until it records.
    pub start: Vec<f64>,
    /// ms from Ctrl-C until it is gone.
    pub end: Vec<f64>,
}

impl Measured {
    /// No rounds yet.
    pub fn new(tool: Tool) -> Self {
        Self {
            tool,
            values: BTreeMap::new(),
            alone: BTreeMap::new(),
            own: Vec::new(),
            memory: Vec::new(),
            written: Vec::new(),
            start: Vec::new(),
            end: Vec::new(),
        }
    }

    /// The tool at work under a load.
    pub fn measure(
        &mut self,
        load: Load,
        args: &Args,
        net: &Net,
        dir: &Path,
        stop: &Stop,
    ) -> Result<Figures> {
        let running = self.tool.start(dir, stop)?;
        let (spent, began) = (process_ns(running.pid())?, now_ns());
        let figures = measure(load, args, net, stop)?;
        if load == Load::Paced {
            let spent = (process_ns(running.pid())? - spent) as f64;
            self.own.push(100.0 * spent / (now_ns() - began) as f64);
            self.memory.extend(peak_memory(running.pid()));
        }
        self.end(load, running, stop)?;
        Ok(figures)
    }

    /// Keeps what a load gave under the tool, right before it and right after it.
    pub fn book(&mut self, figures: &Figures, before: &Figures, after: &Figures) {
        for (kind, value) in figures {
            let (Some(before), Some(after)) = (before.get(kind), after.get(kind)) else { continue };
            self.values.entry(*kind).or_default().push(*value);
            self.alone.entry(*kind).or_default().push(f64::midpoint(*before, *after));
        }
    }

    fn end(&mut self, load: Load, running: Running, stop: &Stop) -> Result<()> {
        let exec_ns = running.exec_ns;
        let asked = now_ns();
        let path = running.stop(stop)?;
        self.end.push((now_ns() - asked) as f64 / 1e6);
        let Some(path) = path else { return Ok(()) };
        let size = path.metadata().with_context(|| format!("{}", path.display()))?.len();
        if load == Load::Saturated {
            self.written.push(size as f64 / 1e6 / ((asked - exec_ns) as f64 / 1e9));
        }
        if self.tool.role == Role::Record {
            let start = recording_start(self.tool.program(), &path)?;
            self.start.push((start as f64 - exec_ns as f64) / 1e6);
        }
        Ok(())
    }
}

/// When a recording began, as its report says: from then on every event is in it.
fn recording_start(stallprof: &Path, recording: &Path) -> Result<u64> {
    let output = Command::new(stallprof)
        .args(["report", "--format", "json"])
        .arg(recording)
        .output()
        .context("cannot run stallprof report")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "stallprof report: {errors}");
    let findings: Value = serde_json::from_slice(&output.stdout)?;
    findings["window"]["start"].as_u64().context("stallprof report: no window.start")
}
