//! One tool, one round after the other.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use stallgen::clock::now_ns;
use stallgen::stop::Stop;
use stallgen::task::online_cpus;

use super::Args;
use crate::calls::{Call, ns_per_call};
use crate::flood::{Flood, Pace, rest};
use crate::host::{CpuTime, peak_memory, process_ns, task_ns};
use crate::net::Net;
use crate::tool::{Role, Running, Tool};

/// A tool, or none, with a value of each kind for each round.
#[derive(Debug)]
pub struct Measured {
    /// None: the machine alone.
    pub tool: Option<Tool>,
    /// Packets/s, saturated.
    pub packets: Vec<f64>,
    /// ns of the senders' CPU time per packet, saturated.
    pub per_packet: Vec<f64>,
    /// Percent of the machine that the senders had, saturated.
    pub had: Vec<f64>,
    /// Busy share of the machine in percent, paced: exactly, if the kernel tells.
    pub busy: Vec<f64>,
    /// The same as /proc/stat has it.
    pub ticks: Vec<f64>,
    /// Packets/s that arrived, paced.
    pub paced: Vec<f64>,
    /// The tool's own CPU time in percent of a core, paced.
    pub own: Vec<f64>,
    /// Its memory in MB.
    pub memory: Vec<f64>,
    /// ns per getppid.
    pub getppid: Vec<f64>,
    /// ns per read.
    pub read: Vec<f64>,
    /// Size of its recording in MB a second.
    pub written: Vec<f64>,
    /// ms from its start until it records.
    pub start: Vec<f64>,
    /// ms from Ctrl-C until it is gone.
    pub end: Vec<f64>,
}

impl Measured {
    /// No rounds yet.
    pub fn new(tool: Option<Tool>) -> Self {
        Self {
            tool,
            packets: Vec::new(),
            per_packet: Vec::new(),
            had: Vec::new(),
            busy: Vec::new(),
            ticks: Vec::new(),
            paced: Vec::new(),
            own: Vec::new(),
            memory: Vec::new(),
            getppid: Vec::new(),
            read: Vec::new(),
            written: Vec::new(),
            start: Vec::new(),
            end: Vec::new(),
        }
    }

    /// How the tables call it.
    pub fn name(&self) -> &str {
        self.tool.as_ref().map_or("alone", |tool| &tool.name)
    }

    /// For which budgets it stands.
    pub fn role(&self) -> Role {
        self.tool.as_ref().map_or(Role::Peer, |tool| tool.role)
    }

    /// Another round.
    pub fn measure(&mut self, args: &Args, net: &Net, dir: &Path, stop: &Stop) -> Result<()> {
        let running = self.tool.as_ref().map(|tool| tool.start(dir, stop)).transpose()?;
        let cpus = online_cpus()?;
        let (common, length) = (&args.common, args.common.length());

        let flood = Flood::start(net, &cpus, common.batch, Pace::Saturated, stop)?;
        let (packets, cpu) = (net.received()?, flood.cpu_ns()?);
        let began = now_ns();
        self.packets.push(rate(net, length, stop)?);
        let cpu = (flood.cpu_ns()? - cpu) as f64;
        self.per_packet.push(cpu / (net.received()? - packets) as f64);
        self.had.push(100.0 * cpu / cpus.len() as f64 / (now_ns() - began) as f64);
        flood.stop()?;
        rest(stop, Duration::from_millis(300))?;

        let pace = Pace::PerSecond(args.paced);
        let flood = Flood::start(net, &cpus, common.batch, pace, stop)?;
        self.paced(net, length, running.as_ref(), stop)?;
        flood.stop()?;

        let last = *cpus.last().context("no CPU is online")?;
        self.getppid.push(ns_per_call(Call::Getppid, last, length / 5, stop)?);
        self.read.push(ns_per_call(Call::Read, last, length / 5, stop)?);
        running.map_or(Ok(()), |running| self.end(running, stop))
    }

    fn paced(
        &mut self,
        net: &Net,
        length: Duration,
        running: Option<&Running>,
        stop: &Stop,
    ) -> Result<()> {
        let own = || running.map_or(Ok(0), |r| process_ns(r.pid()));
        let (cpu, tasks, spent, began) = (CpuTime::read()?, task_ns(), own()?, now_ns());
        self.paced.push(rate(net, length, stop)?);
        self.ticks.push(CpuTime::read()?.busy_since(cpu));
        let wall = (now_ns() - began) as f64 / 1e9;
        if let (Some(before), Some(after)) = (tasks, task_ns()) {
            let cpus = online_cpus()?.len() as f64;
            self.busy.push(100.0 * (after - before) as f64 / 1e9 / cpus / wall);
        }
        if let Some(running) = running {
            self.own.push(100.0 * (own()? - spent) as f64 / 1e9 / wall);
            self.memory.extend(peak_memory(running.pid()));
        }
        Ok(())
    }

    fn end(&mut self, running: Running, stop: &Stop) -> Result<()> {
        let exec_ns = running.exec_ns;
        let asked = now_ns();
        let path = running.stop(stop)?;
        self.end.push((now_ns() - asked) as f64 / 1e6);
        let Some(path) = path else { return Ok(()) };
        let size = path.metadata().with_context(|| format!("{}", path.display()))?.len();
        self.written.push(size as f64 / 1e6 / ((asked - exec_ns) as f64 / 1e9));
        if let Some(tool) = self.tool.as_ref().filter(|tool| tool.role == Role::Record) {
            let start = recording_start(tool.program(), &path)?;
            self.start.push((start as f64 - exec_ns as f64) / 1e6);
        }
        Ok(())
    }
}

fn rate(net: &Net, length: Duration, stop: &Stop) -> Result<f64> {
    let (before, began) = (net.received()?, now_ns());
    rest(stop, length)?;
    let packets = net.received()? - before;
    ensure!(packets > 0, "no packet arrived");
    Ok(packets as f64 / ((now_ns() - began) as f64 / 1e9))
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
