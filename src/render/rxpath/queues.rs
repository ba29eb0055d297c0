//! The table of a device's receive queues.

use std::io;

use super::super::escape;
use super::super::ink::Text;
use super::super::layout::Layout;
use super::super::text::plural;
use super::ROWS;
use crate::host::CpuList;
use crate::rxpath::{Irq, Nic, RxHost};
use crate::units::Cpu;

const HEADS: [&str; 6] = ["rx queue", "IRQ", "CPU", "table", "RPS", "RFS"];

/// A row for each queue, up to [`ROWS`].
pub(super) fn table(layout: &mut Layout<'_>, host: &RxHost, nic: &Nic) -> io::Result<()> {
    let shown = nic.rx.len().min(ROWS);
    let rows: Vec<[String; 6]> = (0..shown).map(|queue| row(host, nic, queue)).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0).max(HEADS[column].len())
    };
    let widths: Vec<usize> = (0..HEADS.len()).map(width).collect();
    let line = |cells: &[String]| {
        let pad = |(cell, width): (&String, &usize)| format!("{cell:width$}");
        format!("  {}", cells.iter().zip(&widths).map(pad).collect::<Vec<_>>().join("  "))
    };
    layout.line(&Text::new().dim(&line(&HEADS.map(str::to_owned))))?;
    for row in &rows {
        layout.line(&Text::new().plain(&line(row)))?;
    }
    match nic.rx.len() - shown {
        0 => Ok(()),
        n => layout.line(&Text::new().dim(&format!("  {} in the JSON", plural(n, "more queue")))),
    }
}

fn row(host: &RxHost, nic: &Nic, queue: usize) -> [String; 6] {
    let settings = &nic.rx[queue];
    let irq = nic.irq_of(queue as u32);
    let entries = nic.rss.table.iter().filter(|entry| **entry as usize == queue).count();
    let (name, cpu) = match irq {
        Some(irq) if irq.moves_to.is_empty() => (label(irq), list(&irq.cpus)),
        Some(irq) => (label(irq), format!("{} -> {}", list(&irq.cpus), list(&irq.moves_to))),
        None => ("-".to_owned(), "-".to_owned()),
    };
    let table = match nic.rss.table.len() {
        0 => "-".to_owned(),
        all => format!("{entries} of {all}"),
    };
    let rps = match &settings.rps_cpus {
        Some(cpus) if cpus.is_empty() => "off".to_owned(),
        Some(cpus) => format!("CPUs {}", list(cpus)),
        None => "?".to_owned(),
    };
    let rfs = match host.rfs(settings) {
        Some(false) => "off".to_owned(),
        Some(true) => settings.rps_flow_cnt.map(|n| n.to_string()).unwrap_or_default(),
        None => "?".to_owned(),
    };
    [queue.to_string(), name, cpu, table, rps, rfs]
}

fn label(irq: &Irq) -> String {
    format!("{} {}", irq.number, escape::bounded(&irq.name, 32))
}

/// `0-3,8`.
pub(super) fn list(cpus: &[Cpu]) -> String {
    CpuList::from(cpus.to_vec()).to_string()
}
