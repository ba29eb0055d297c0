//! The figures as tables, with the budgets of the design.

use super::load::Kind;
use super::round::Measured;
use crate::stats::median;
use crate::table::{Budget, Comparison, Table};
use crate::tool::Role;

/// What the senders get of a machine that does nothing else, in percent.
const QUIET: f64 = 95.0;

/// Tables of everything.
pub fn of(paced: u64, tools: &[Measured]) -> Vec<Table> {
    use Comparison::{Difference, Ratio};
    let exact = tools.iter().any(|tool| tool.values.contains_key(&Kind::Busy));
    let busy = if exact { Kind::Busy } else { Kind::Ticks };
    let mut tables = vec![
        packets(tools),
        against(Kind::PerPacket, "the same, ns of the senders' CPU time each", Ratio, 0, tools),
        against(busy, &format!("{paced} packets/s, busy % of the machine"), Difference, 2, tools),
    ];
    if exact {
        let title = "  the same by /proc/stat";
        tables.push(against(Kind::Ticks, title, Difference, 2, tools));
    }
    tables.extend([
        against(Kind::Arrived, "  packets/s that arrived then", Ratio, 0, tools),
        own(paced, tools),
        memory(tools),
        against(Kind::Getppid, "getppid, ns per call", Ratio, 1, tools),
        against(Kind::Read, "read of /dev/zero, ns per call", Ratio, 1, tools),
        written(tools),
        times(tools),
    ]);
    tables
}

/// What the design allows a tool of ours.
fn budget(kind: Kind, role: Role) -> Option<Budget> {
    match (kind, role) {
        (Kind::Packets, Role::Record) => Some(Budget::AtLeast(0.92)),
        (Kind::Packets, Role::Daemon) => Some(Budget::AtLeast(0.96)),
        (Kind::Busy, Role::Record) => Some(Budget::AtMost(3.0)),
        (Kind::Busy, Role::Daemon) => Some(Budget::AtMost(1.0)),
        _ => None,
    }
}

fn packets(tools: &[Measured]) -> Table {
    let title = "UDP flood of 64-byte packets, packets/s";
    let mut table = against(Kind::Packets, title, Comparison::Ratio, 0, tools);
    let had = median(&alone(Kind::Had, tools));
    table.notes.push(format!("alone, the senders had {had:.1} % of the machine"));
    if had < QUIET {
        table.notes.push("the machine did other things meanwhile: no figures to quote".to_owned());
    }
    table
}

/// A row for the machine alone and one for each tool, compared with the machine right before and
/// right after it.
fn against(
    kind: Kind,
    title: &str,
    comparison: Comparison,
    decimals: usize,
    tools: &[Measured],
) -> Table {
    let mut table = Table::new(title, comparison, decimals);
    table.row("alone", alone(kind, tools), None, None);
    for tool in tools {
        let values = tool.values.get(&kind).cloned().unwrap_or_default();
        let alone = tool.alone.get(&kind).map(Vec::as_slice);
        table.row(tool.tool.name.clone(), values, alone, budget(kind, tool.tool.role));
    }
    table
}

fn alone(kind: Kind, tools: &[Measured]) -> Vec<f64> {
    tools.iter().filter_map(|tool| tool.alone.get(&kind)).flatten().copied().collect()
}

fn own(paced: u64, tools: &[Measured]) -> Table {
    let title = format!("{paced} packets/s, % of a core in the tool's own process");
    let mut table = Table::new(title, Comparison::Ratio, 2);
    for tool in tools {
        let budget = (tool.tool.role == Role::Daemon).then_some(Budget::Value(0.5));
        table.row(tool.tool.name.clone(), tool.own.clone(), None, budget);
    }
    table
}

fn memory(tools: &[Measured]) -> Table {
    let mut table = Table::new("peak resident memory, MB", Comparison::Ratio, 1);
    for tool in tools {
        let budget = (tool.tool.role == Role::Daemon).then_some(Budget::Value(50.0));
        table.row(tool.tool.name.clone(), tool.memory.clone(), None, budget);
    }
    table
}

fn written(tools: &[Measured]) -> Table {
    let mut table = Table::new("recording of the flood, MB/s", Comparison::Ratio, 3);
    let perf = tools.iter().find(|t| t.tool.role == Role::Peer && !t.written.is_empty());
    for tool in tools.iter().filter(|t| !t.written.is_empty()) {
        let budget = (tool.tool.role == Role::Record).then_some(Budget::AtMost(0.2));
        let perf = perf.map(|p| p.written.as_slice());
        table.row(tool.tool.name.clone(), tool.written.clone(), perf, budget);
    }
    table
}

fn times(tools: &[Measured]) -> Table {
    let mut table = Table::new("start and end, ms", Comparison::Ratio, 0);
    for tool in tools {
        let name = &tool.tool.name;
        if !tool.start.is_empty() {
            let budget = Some(Budget::Value(500.0));
            table.row(format!("{name}: exec to the first event"), tool.start.clone(), None, budget);
        }
        table.row(format!("{name}: Ctrl-C to exit"), tool.end.clone(), None, None);
    }
    table
}
