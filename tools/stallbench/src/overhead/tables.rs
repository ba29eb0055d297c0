//! The figures as tables, with the budgets of the design.

use super::Args;
use super::round::Measured;
use crate::stats::median;
use crate::table::{Budget, Comparison, Table};
use crate::tool::Role;

/// What the senders get of a machine that does nothing else, in percent.
const QUIET: f64 = 95.0;

/// Tables of everything.
pub fn of(args: &Args, alone: &Measured, tools: &[Measured]) -> Vec<Table> {
    let paced = args.paced;
    let none = |_| None;
    let mut packets = against(
        Table::new("UDP flood of 64-byte packets, packets/s", Comparison::Ratio, 0),
        alone,
        tools,
        |m| &m.packets,
        |role| match role {
            Role::Record => Some(Budget::AtLeast(0.92)),
            Role::Daemon => Some(Budget::AtLeast(0.96)),
            Role::Peer => None,
        },
    );
    let had = median(&alone.had);
    packets.notes.push(format!("alone, the senders had {had:.1} % of the machine"));
    if had < QUIET {
        packets
            .notes
            .push("the machine did other things meanwhile: no figures to quote".to_owned());
    }
    let per_packet =
        Table::new("the same, ns of the senders' CPU time per packet", Comparison::Ratio, 0);

    let exact = !alone.busy.is_empty();
    let budget = |role| match role {
        Role::Record => Some(Budget::AtMost(3.0)),
        Role::Daemon => Some(Budget::AtMost(1.0)),
        Role::Peer => None,
    };
    let title = format!("{paced} packets/s, busy % of the machine");
    let busy = Table::new(title, Comparison::Difference, 2);
    let ticks = Table::new("  the same by /proc/stat", Comparison::Difference, 2);
    let arrived = Table::new("  packets/s that arrived then", Comparison::Ratio, 0);
    let getppid = Table::new("getppid, ns per call", Comparison::Ratio, 1);
    let read = Table::new("read of /dev/zero, ns per call", Comparison::Ratio, 1);
    let mut tables = vec![packets, against(per_packet, alone, tools, |m| &m.per_packet, none)];
    if exact {
        tables.push(against(busy, alone, tools, |m| &m.busy, budget));
        tables.push(against(ticks, alone, tools, |m| &m.ticks, none));
    } else {
        tables.push(against(busy, alone, tools, |m| &m.ticks, budget));
    }
    tables.extend([
        against(arrived, alone, tools, |m| &m.paced, none),
        own(paced, tools),
        memory(tools),
        against(getppid, alone, tools, |m| &m.getppid, none),
        against(read, alone, tools, |m| &m.read, none),
        written(tools),
        times(tools),
    ]);
    tables
}

/// A row for the machine alone and one for each tool.
fn against(
    mut table: Table,
    alone: &Measured,
    tools: &[Measured],
    values: fn(&Measured) -> &Vec<f64>,
    budget: fn(Role) -> Option<Budget>,
) -> Table {
    let baseline = values(alone);
    table.row("alone", baseline.clone(), None, None);
    for tool in tools {
        table.row(tool.name(), values(tool).clone(), Some(baseline), budget(tool.role()));
    }
    table
}

fn own(paced: u64, tools: &[Measured]) -> Table {
    let title = format!("{paced} packets/s, % of a core in the tool's own process");
    let mut table = Table::new(title, Comparison::Ratio, 2);
    for tool in tools {
        let budget = (tool.role() == Role::Daemon).then_some(Budget::Value(0.5));
        table.row(tool.name(), tool.own.clone(), None, budget);
    }
    table
}

fn memory(tools: &[Measured]) -> Table {
    let mut table = Table::new("peak resident memory, MB", Comparison::Ratio, 1);
    for tool in tools {
        let budget = (tool.role() == Role::Daemon).then_some(Budget::Value(50.0));
        table.row(tool.name(), tool.memory.clone(), None, budget);
    }
    table
}

fn written(tools: &[Measured]) -> Table {
    let mut table = Table::new("recording, MB/s over all these loads", Comparison::Ratio, 3);
    let perf = tools.iter().find(|t| t.role() == Role::Peer && !t.written.is_empty());
    for tool in tools.iter().filter(|t| !t.written.is_empty()) {
        let budget = (tool.role() == Role::Record).then_some(Budget::AtMost(0.2));
        table.row(tool.name(), tool.written.clone(), perf.map(|p| p.written.as_slice()), budget);
    }
    table
}

fn times(tools: &[Measured]) -> Table {
    let mut table = Table::new("start and end, ms", Comparison::Ratio, 0);
    for tool in tools {
        if !tool.start.is_empty() {
            let name = format!("{}: exec to the first event", tool.name());
            table.row(name, tool.start.clone(), None, Some(Budget::Value(500.0)));
        }
        table.row(format!("{}: Ctrl-C to exit", tool.name()), tool.end.clone(), None, None);
    }
    table
}
