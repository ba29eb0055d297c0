//! Many flows: how they spread, and which reach a goal.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io;

use super::super::Style;
use super::super::ink::Text;
use super::super::layout::Layout;
use super::super::text::{count, percent, plural};
use super::{ROWS, words};
use crate::rxpath::{Flow, Goal, Nic, Proto, Reach, Spread};

/// Writes over which queues and CPUs the flows of a range of ports spread.
///
/// # Errors
/// The writer's.
pub fn spread(
    out: &mut dyn io::Write,
    nic: &Nic,
    flow: &Flow,
    spread: &Spread,
    here: bool,
    style: Style,
) -> io::Result<()> {
    let layout = &mut Layout::new(out, style);
    let (from, flows) = (words::from_any_port(flow), plural(spread.flows, "source port"));
    let on = if here { format!(" on {}", nic.name) } else { String::new() };
    layout.put(2, &Text::new().bold(&format!("{from}{on}, from {flows}")))?;
    rows(layout, "queue", &spread.queues, spread.flows)?;
    unknown(layout, "queue", spread.queue_unknown, spread)?;
    if here {
        rows(layout, "CPU", &spread.cpus, spread.flows)?;
        unknown(layout, "CPU", spread.cpu_unknown, spread)?;
    }
    Ok(())
}

fn rows<T: Display + Ord>(
    layout: &mut Layout<'_>,
    what: &str,
    of: &BTreeMap<T, usize>,
    all: usize,
) -> io::Result<()> {
    for (which, flows) in of.iter().take(ROWS) {
        let share = percent(*flows as u64, all as u64);
        let flows = count(*flows as u64);
        let line = format!("  {:<12}{flows:>9}{share:>7}", format!("{what} {which}"));
        layout.line(&Text::new().plain(&line))?;
    }
    match of.len().saturating_sub(ROWS) {
        0 => Ok(()),
        n => layout.line(&Text::new().dim(&format!("  {} more in the JSON", count(n as u64)))),
    }
}

fn unknown(layout: &mut Layout<'_>, what: &str, n: usize, spread: &Spread) -> io::Result<()> {
    let why = spread.why.as_deref().unwrap_or_default();
    match n {
        0 => Ok(()),
        n => {
            let flows = plural(n, "flow");
            layout.put(4, &Text::new().plain(&format!("  {what} of {flows} unknown: {why}")))
        }
    }
}

/// Writes the source ports that reach a queue or CPU.
///
/// # Errors
/// The writer's.
pub fn reach(
    out: &mut dyn io::Write,
    nic: &Nic,
    flow: &Flow,
    reach: &Reach,
    style: Style,
) -> io::Result<()> {
    let layout = &mut Layout::new(out, style);
    let goal = match reach.goal {
        Goal::Queue(queue) => format!("queue\u{a0}{queue} of {}", nic.name),
        Goal::Cpu(cpu) => format!("CPU\u{a0}{cpu}"),
    };
    let from = words::from_any_port(flow);
    let head = match (flow.proto, reach.found) {
        (Proto::Icmp, 0) => {
            format!("{from} is not known to reach {goal}, and has no port to change")
        }
        (Proto::Icmp, _) => format!("{from} reaches {goal}"),
        (_, 0) => {
            let looked = plural(reach.spread.flows, "source port");
            format!("{from} is not known to reach {goal} from any of {looked}")
        }
        (_, n) => {
            let (n, all) = (count(n as u64), plural(reach.spread.flows, "source port"));
            format!("{from} reaches {goal} from {n} of {all}")
        }
    };
    layout.put(2, &Text::new().bold(&head))?;
    if flow.proto != Proto::Icmp && reach.found > 0 {
        let ports: Vec<_> = reach.ports.iter().map(u16::to_string).collect();
        let more = if reach.found > ports.len() { ", ..." } else { "" };
        layout.put(4, &Text::new().plain(&format!("  from {}{more}", ports.join(", "))))?;
    }
    let unknown = match reach.goal {
        Goal::Queue(_) => ("queue", reach.spread.queue_unknown),
        Goal::Cpu(_) => ("CPU", reach.spread.cpu_unknown),
    };
    self::unknown(layout, unknown.0, unknown.1, &reach.spread)
}
