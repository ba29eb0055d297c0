//! `stallprof rxpath predict`: the way of one flow.

use std::fmt::Display;
use std::io;

use super::super::Style;
use super::super::ink::Text;
use super::super::layout::Layout;
use super::super::text::cpus;
use super::words;
use crate::rxpath::{Answer, Nic, Prediction, Proto, RxHost};
use crate::units::Cpu;

/// Column in which the steps' texts begin.
const HANG: usize = 12;

/// Writes where a flow goes, the answer first, then each step. `here` tells whether the device is
/// one of this host; without it there is no CPU to tell.
///
/// # Errors
/// The writer's.
pub fn prediction(
    out: &mut dyn io::Write,
    host: &RxHost,
    nic: &Nic,
    way: &Prediction,
    here: bool,
    style: Style,
) -> io::Result<()> {
    let layout = &mut Layout::new(out, style);
    let on = if here { format!(" on {}", nic.name) } else { String::new() };
    let answer = if here { received(&way.cpu) } else { queue(&way.queue) };
    let sure = if here { way.cpu.known().is_some() } else { way.queue.known().is_some() };
    let but = if sure && !way.unless.is_empty() { ", with an exception" } else { "" };
    layout.put(2, &Text::new().bold(&format!("{}{on}: {answer}{but}", way.flow)))?;
    step(layout, "hash", &hash(nic, way))?;
    step(layout, "queue", &table(nic, way))?;
    if here {
        // A reason is given once: it holds for the steps that follow from it.
        let told = [way.hash.why(), way.queue.why(), way.arrival.why()];
        step(layout, "arrives", &arrival(nic, way, &told[..2]))?;
        step(layout, "RPS", &rps(host, nic, way))?;
        step(layout, "received", &said(&way.cpu, &told))?;
    }
    for unless in &way.unless {
        step(layout, "unless", unless)?;
    }
    if way.flow.proto == Proto::Icmp && (here || way.queue.known().is_some()) {
        let words = "ICMP has no ports: all of it between these two hosts goes this way.";
        layout.put(2, &Text::new().plain("  ").plain(words))?;
    }
    Ok(())
}

fn step(layout: &mut Layout<'_>, label: &str, text: &str) -> io::Result<()> {
    layout.put(HANG, &Text::new().dim(&format!("  {label:<10}")).plain(text))
}

/// The headline.
fn received(cpu: &Answer<Cpu>) -> String {
    match cpu {
        Answer::One { value } => format!("received on CPU\u{a0}{value}"),
        Answer::Among { values, .. } => {
            format!("received on one of {}; which cannot be told", cpus(values))
        }
        Answer::Unknown { .. } => "the CPU cannot be told".to_owned(),
    }
}

fn queue(queue: &Answer<u32>) -> String {
    match queue {
        Answer::One { value } => format!("queue\u{a0}{value}"),
        Answer::Among { values, .. } => format!("one of the queues {}", joined(values)),
        Answer::Unknown { .. } => "the queue cannot be told".to_owned(),
    }
}

fn hash(nic: &Nic, way: &Prediction) -> String {
    let of = way.fields.map(|f| format!(" of {}", words::fields(f))).unwrap_or_default();
    match &way.hash {
        // With one queue nothing hangs on it: why there is none is of no interest.
        Answer::Unknown { .. } if nic.rx.len() == 1 => {
            "none needed: there is one rx queue".to_owned()
        }
        Answer::Unknown { why } => format!("unknown: {why}"),
        hash => {
            let hashes: Vec<_> = hash.values().iter().map(|h| format!("{h:#010x}")).collect();
            let why = hash.why().map(|why| format!(": {why}")).unwrap_or_default();
            format!("{}{of} ({}){why}", hashes.join(" or "), words::function(nic))
        }
    }
}

fn table(nic: &Nic, way: &Prediction) -> String {
    match (&way.queue, &way.entry) {
        (Answer::Unknown { why }, _) if Some(why.as_str()) == way.hash.why() => {
            "unknown".to_owned()
        }
        (Answer::Unknown { why }, _) => format!("unknown: {why}"),
        (queue, Answer::Unknown { .. }) => joined(queue.values()),
        (queue, entry) => {
            let (queues, entries) = (joined(queue.values()), joined(entry.values()));
            let word = if entry.known().is_some() { "entry" } else { "entries" };
            format!("{queues}, by {word} {entries} of a table of {}", nic.rss.table.len())
        }
    }
}

fn arrival(nic: &Nic, way: &Prediction, told: &[Option<&str>]) -> String {
    let irq = way.queue.known().and_then(|queue| nic.irq_of(*queue)).filter(|_| !nic.threaded);
    match irq {
        Some(irq) => match &way.arrival {
            Answer::One { value } => {
                format!("CPU\u{a0}{value}, by interrupt {} {}", irq.number, irq.name)
            }
            arrival => said(arrival, told),
        },
        None => said(&way.arrival, told),
    }
}

fn rps(host: &RxHost, nic: &Nic, way: &Prediction) -> String {
    let queue = match way.queue.values() {
        [] => nic.rx.first(),
        known => nic.rx.get(known[0] as usize),
    };
    let same = match way.queue.known() {
        Some(_) => true,
        None => nic.rx.windows(2).all(|two| two[0].rps_cpus == two[1].rps_cpus),
    };
    let Some(queue) = queue else { return "unknown".to_owned() };
    let rfs = host.rfs(queue) != Some(false) && way.flow.proto != Proto::Icmp;
    let rps = match &queue.rps_cpus {
        _ if !same => "differs from queue to queue".to_owned(),
        None => "unknown".to_owned(),
        Some(cpus) if cpus.is_empty() => "off".to_owned(),
        Some(list) if list.len() == 1 => format!("to {}", cpus(list)),
        Some(list) => format!("among {}", cpus(list)),
    };
    if rfs { format!("{rps}; RFS may send it elsewhere") } else { rps }
}

/// Values and, where there is not one, why, unless that was told.
fn said(cpu: &Answer<Cpu>, told: &[Option<&str>]) -> String {
    let values = match cpu {
        Answer::One { value } => return format!("CPU\u{a0}{value}"),
        Answer::Among { values, .. } => format!("one of {}", cpus(values)),
        Answer::Unknown { .. } => "unknown".to_owned(),
    };
    match cpu.why() {
        why if told.contains(&why) => values,
        Some(why) => format!("{values}: {why}"),
        None => values,
    }
}

fn joined<T: Display>(values: &[T]) -> String {
    let shown: Vec<_> = values.iter().take(8).map(T::to_string).collect();
    let more =
        if values.len() > 8 { format!(" or {} more", values.len() - 8) } else { String::new() };
    format!("{}{more}", shown.join(" or "))
}
