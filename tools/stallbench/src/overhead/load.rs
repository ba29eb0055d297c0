//! The loads, and what is measured under each.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use stallgen::clock::now_ns;
use stallgen::stop::Stop;
use stallgen::task::online_cpus;

use super::Args;
use crate::calls::{Call, ns_per_call};
use crate::flood::{Flood, Pace, rest};
use crate::host::{CpuTime, task_ns};
use crate::net::Net;

/// What is done to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Load {
    /// A flood as fast as it goes.
    Saturated,
    /// A flood at a rate the machine takes easily.
    Paced,
    /// System calls in a loop.
    Calls,
}

/// All of them, in order.
pub const LOADS: [Load; 3] = [Load::Saturated, Load::Paced, Load::Calls];

/// A figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Packets/s, saturated.
    Packets,
    /// ns of the senders' CPU time per packet, saturated.
    PerPacket,
    /// Percent of the machine that the senders had, saturated.
    Had,
    /// Busy share of the machine in percent, paced: exactly, if the kernel tells.
    Busy,
    /// The same as /proc/stat has it.
    Ticks,
    /// Packets/s that arrived, paced.
    Arrived,
    /// ns per getppid.
    Getppid,
    /// ns per read.
    Read,
}

/// What one load gave once.
pub type Figures = BTreeMap<Kind, f64>;

/// Puts the load on the machine, and measures.
pub fn measure(load: Load, args: &Args, net: &Net, stop: &Stop) -> Result<Figures> {
    let cpus = online_cpus()?;
    let length = args.common.length();
    match load {
        Load::Saturated => {
            let flood = Flood::start(net, &cpus, args.common.batch, Pace::Saturated, stop)?;
            let figures = saturated(net, &flood, cpus.len(), length, stop)?;
            flood.stop()?;
            Ok(figures)
        }
        Load::Paced => {
            let pace = Pace::PerSecond(args.paced);
            let flood = Flood::start(net, &cpus, args.common.batch, pace, stop)?;
            let figures = paced(net, cpus.len(), length, stop)?;
            flood.stop()?;
            Ok(figures)
        }
        Load::Calls => {
            let last = *cpus.last().context("no CPU is online")?;
            let time = length / 5;
            Ok(Figures::from([
                (Kind::Getppid, ns_per_call(Call::Getppid, last, time, stop)?),
                (Kind::Read, ns_per_call(Call::Read, last, time, stop)?),
            ]))
        }
    }
}

fn saturated(
    net: &Net,
    flood: &Flood,
    cpus: usize,
    length: Duration,
    stop: &Stop,
) -> Result<Figures> {
    let cpu = flood.cpu_ns()?;
    let (packets, wall) = received(net, length, stop)?;
    let cpu = (flood.cpu_ns()? - cpu) as f64;
    Ok(Figures::from([
        (Kind::Packets, packets / wall),
        (Kind::PerPacket, cpu / packets),
        (Kind::Had, 100.0 * cpu / 1e9 / cpus as f64 / wall),
    ]))
}

fn paced(net: &Net, cpus: usize, length: Duration, stop: &Stop) -> Result<Figures> {
    let (cpu, tasks) = (CpuTime::read()?, task_ns());
    let (packets, wall) = received(net, length, stop)?;
    let mut figures = Figures::from([
        (Kind::Arrived, packets / wall),
        (Kind::Ticks, CpuTime::read()?.busy_since(cpu)),
    ]);
    if let (Some(before), Some(after)) = (tasks, task_ns()) {
        figures.insert(Kind::Busy, 100.0 * (after - before) as f64 / 1e9 / cpus as f64 / wall);
    }
    Ok(figures)
}

/// Packets that arrive within `length`, and how long that was in s.
fn received(net: &Net, length: Duration, stop: &Stop) -> Result<(f64, f64)> {
    let (before, began) = (net.received()?, now_ns());
    rest(stop, length)?;
    let packets = net.received()? - before;
    ensure!(packets > 0, "no packet arrived");
    Ok((packets as f64, (now_ns() - began) as f64 / 1e9))
}
