//! `stallprof rxpath predict`.

use std::io::Write;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::process::ExitCode;

use anyhow::{Result, bail};
use serde::Serialize;

use super::Format;
use super::byhand::ByHand;
use crate::cli::style::style;
use crate::host::HostRoot;
use crate::render;
use crate::rxpath::{
    self, Flow, Goal, Nic, PortPair, Ports, Prediction, Proto, Reach, RxHost, Spread,
};
use crate::units::Cpu;

/// Source ports that are named for a queue or CPU.
const NAMED: usize = 8;

/// Predict on which queue and CPU a flow is received
///
/// With a range of source ports, or none: how flows from them spread. With --queue or --cpu: which
/// source ports reach it.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("proto").required(true))]
pub struct Args {
    /// The device that the packets arrive on
    #[arg(long, value_name = "DEV")]
    dev: Option<String>,

    /// Source address: the sender's
    #[arg(long, value_name = "ADDRESS", value_parser = Flow::address)]
    src: IpAddr,

    /// Destination address
    #[arg(long, value_name = "ADDRESS", value_parser = Flow::address)]
    dst: IpAddr,

    /// ICMP, or anything else without ports
    #[arg(long, group = "proto")]
    icmp: bool,

    /// TCP with these ports; SPORT may be a range, or left out
    #[arg(long, group = "proto", value_name = "SPORT:DPORT")]
    tcp: Option<Ports>,

    /// UDP with these ports
    #[arg(long, group = "proto", value_name = "SPORT:DPORT")]
    udp: Option<Ports>,

    /// Name the source ports that reach this receive queue
    #[arg(long, value_name = "N", conflicts_with = "cpu")]
    queue: Option<u32>,

    /// Name the source ports that reach this CPU
    #[arg(long, value_name = "N")]
    cpu: Option<u32>,

    #[command(flatten)]
    by_hand: ByHand,
}

/// What is answered; its JSON has these names.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Prediction(Prediction),
    Spread { flow: Flow, spread: Spread },
    Reach { flow: Flow, reach: Reach },
}

pub fn run(args: &Args, root: &HostRoot, format: Format) -> Result<ExitCode> {
    let (flow, ports) = flow(args)?;
    let (host, nic) = path(args, root, &flow)?;
    let answer = answer(args, &host, &nic, flow, ports)?;
    if format == Format::Json {
        return super::write_json(&answer);
    }
    let (mut out, here) = (std::io::stdout().lock(), args.dev.is_some());
    match &answer {
        Answer::Prediction(way) => {
            render::rxpath::prediction(&mut out, &host, &nic, way, here, style())?;
        }
        Answer::Spread { flow, spread } => {
            render::rxpath::spread(&mut out, &nic, flow, spread, here, style())?;
        }
        Answer::Reach { flow, reach } => {
            render::rxpath::reach(&mut out, &nic, flow, reach, style())?;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// The flow from the first of its source ports, and all of them.
fn flow(args: &Args) -> Result<(Flow, RangeInclusive<u16>)> {
    let pair = |p: &Ports| PortPair { source: *p.source.start(), destination: p.destination };
    let (proto, ports) = match (&args.tcp, &args.udp) {
        (Some(p), _) => (Proto::Tcp(pair(p)), p.source.clone()),
        (_, Some(p)) => (Proto::Udp(pair(p)), p.source.clone()),
        _ => (Proto::Icmp, 0..=0),
    };
    Ok((Flow::new(args.src, args.dst, proto)?, ports))
}

/// The device and what it is part of.
fn path(args: &Args, root: &HostRoot, flow: &Flow) -> Result<(RxHost, Nic)> {
    let Some(device) = &args.dev else {
        if args.cpu.is_some() {
            bail!("--cpu needs --dev: the CPU follows from this host's interrupts");
        }
        return Ok((RxHost::default(), args.by_hand.nic(flow)?));
    };
    let mut host = super::read_host(root, Some(device))?;
    let Some(mut nic) = host.nics.pop() else { bail!("{device} has just gone") };
    args.by_hand.change(&mut nic, flow)?;
    Ok((host, nic))
}

fn answer(
    args: &Args,
    host: &RxHost,
    nic: &Nic,
    flow: Flow,
    ports: RangeInclusive<u16>,
) -> Result<Answer> {
    let goal = match (args.queue, args.cpu) {
        (Some(queue), _) if queue as usize >= nic.rx.len() => {
            bail!("--queue {queue}: {} has {} (from 0)", nic.name, nic.rx.len())
        }
        (Some(queue), _) => Some(Goal::Queue(queue)),
        (_, Some(cpu)) if !host.cpus_online.contains(&Cpu(cpu)) => {
            bail!("--cpu {cpu}: there is no such CPU online")
        }
        (_, Some(cpu)) => Some(Goal::Cpu(Cpu(cpu))),
        _ => None,
    };
    Ok(match goal {
        Some(goal) => {
            let reach = rxpath::reach(host, nic, &flow, ports, goal, NAMED);
            Answer::Reach { flow, reach }
        }
        None if ports.len() > 1 => {
            Answer::Spread { flow, spread: rxpath::spread(host, nic, &flow, ports) }
        }
        None => Answer::Prediction(rxpath::predict(host, nic, &flow)),
    })
}
