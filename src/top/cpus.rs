//! The table of CPUs: latencies of the last interval, and a strip of the last minutes.

use std::cmp::Reverse;

use ratatui::text::{Line, Span};

use super::app::{App, Table};
use super::words::{BAD, Ink, WORSE, left, right, time};
use crate::model::live::{Live, LiveCpu};
use crate::units::Nanos;

/// By what they are in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Their numbers.
    #[default]
    Number,
    /// 99th percentile of softirq delay.
    P99,
    /// Longest softirq delay.
    Longest,
    /// The worst of the last minutes.
    Worst,
}

impl Order {
    pub fn next(self) -> Order {
        match self {
            Order::Number => Order::P99,
            Order::P99 => Order::Longest,
            Order::Longest => Order::Worst,
            Order::Worst => Order::Number,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Order::Number => "number",
            Order::P99 => "p99",
            Order::Longest => "longest",
            Order::Worst => "last 5 min",
        }
    }
}

/// Columns of a length of time.
const TIME: usize = 9;
/// Columns of a strip, at least.
const STRIP: usize = 8;

/// A length of time: its name, how many columns the terminal has where it is shown, and what it is.
type Column = (&'static str, usize, fn(&LiveCpu) -> Option<Nanos>);

const COLUMNS: [Column; 5] = [
    ("p50", 70, |cpu| cpu.delay.map(|d| d.p50)),
    ("p99", 0, |cpu| cpu.delay.map(|d| d.p99)),
    ("longest", 0, |cpu| cpu.delay.map(|d| d.max)),
    ("ksoftirq", 60, |cpu| cpu.ksoftirqd.map(|d| d.max.max(cpu.late.handoff))),
    ("gap", 0, |cpu| Some(cpu.late.interrupt_gap).filter(|gap| gap.0 > 0)),
];
/// Where the share of packets fits.
const SHARE: usize = 76;

impl App {
    /// The CPUs in their order.
    pub(super) fn cpus(&self) -> Vec<&LiveCpu> {
        let mut list: Vec<&LiveCpu> = self.live.iter().flat_map(|live| &live.cpus).collect();
        let worst = |cpu: &LiveCpu| cpu.strip.iter().map(|step| step.late.worst()).max();
        match self.cpu_order {
            Order::Number => list.sort_by_key(|cpu| cpu.cpu),
            Order::P99 => list.sort_by_key(|c| (Reverse(c.delay.map(|d| d.p99)), c.cpu)),
            Order::Longest => list.sort_by_key(|c| (Reverse(c.delay.map(|d| d.max)), c.cpu)),
            Order::Worst => list.sort_by_key(|cpu| (Reverse(worst(cpu)), cpu.cpu)),
        }
        if self.reverse[Table::Cpus as usize] {
            list.reverse();
        }
        list
    }
}

/// What stands above the columns.
pub fn head(width: usize) -> String {
    let mut head = right("CPU", 5);
    for (name, needs, _) in COLUMNS {
        if width >= needs {
            head += &right(name, TIME);
        }
    }
    if width >= SHARE {
        head += &right("RX", 6);
    }
    head + &format!("  {}", left("last 5 min", strip_columns(width)))
}

fn strip_columns(width: usize) -> usize {
    let times = COLUMNS.iter().filter(|(_, needs, _)| width >= *needs).count() * TIME;
    let share = if width >= SHARE { 6 } else { 0 };
    width.saturating_sub(5 + times + share + 2).max(STRIP)
}

/// A CPU.
pub fn row(cpu: &LiveCpu, live: &Live, width: usize, ink: Ink) -> Line<'static> {
    let mut spans = vec![Span::raw(right(&cpu.cpu.to_string(), 5))];
    for (name, needs, of) in COLUMNS {
        if width < needs {
            continue;
        }
        let value = of(cpu);
        let late = value.filter(|v| *v >= live.stall_threshold || name == "gap");
        let style = late.map_or_else(|| Ink(false).late(Nanos(0)), |late| ink.late(late));
        spans.push(Span::styled(right(&time(value), TIME), style));
    }
    if width >= SHARE {
        spans.push(Span::raw(right(&share(cpu, live), 6)));
    }
    spans.push(Span::raw("  "));
    spans.extend(strip(cpu, live, strip_columns(width), ink));
    Line::from(spans)
}

/// Its share of all packets.
fn share(cpu: &LiveCpu, live: &Live) -> String {
    let all: u64 = live.cpus.iter().filter_map(|cpu| cpu.rx).sum();
    match cpu.rx {
        Some(n) if all > 0 => format!("{:.0} %", 100.0 * n as f64 / all as f64),
        _ => "–".to_owned(),
    }
}

/// The last minutes, now at the right: what was late, and where nothing was measured yet a blank.
fn strip(cpu: &LiveCpu, live: &Live, columns: usize, ink: Ink) -> Vec<Span<'static>> {
    let steps = live.steps.clamp(1, 10_000);
    let each = steps.div_ceil(columns as u64);
    let measured = live.running.0 / live.step.0.max(1);
    let mut worst = vec![Nanos(0); columns];
    for step in &cpu.strip {
        let back = usize::try_from(step.ago / each).unwrap_or(usize::MAX);
        if let Some(cell) = columns.checked_sub(1 + back).and_then(|at| worst.get_mut(at)) {
            *cell = step.late.worst().max(*cell);
        }
    }
    let cell = |(at, late): (usize, Nanos)| {
        let back = (columns - 1 - at) as u64 * each;
        let mark = match late {
            Nanos(0) if back > measured || back >= steps => " ",
            Nanos(0) => return Span::styled("·", ink.dim()),
            late if late >= WORSE => "█",
            late if late >= BAD => "▅",
            _ => "▂",
        };
        Span::styled(mark, ink.late(late))
    };
    worst.into_iter().enumerate().map(cell).collect()
}
