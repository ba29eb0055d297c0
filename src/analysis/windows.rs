//! Packets of the times at which our program was off its tracepoint. The kernel counted them by
//! CPU, and they are taken to be like those that passed by in the moment before.

use std::collections::BTreeMap;

use crate::model::{Recording, RxFlow, RxRow};
use crate::units::{Cpu, Ktime};

/// By how much to multiply what was seen of each CPU in the moments before it paused.
pub struct Windows {
    factors: BTreeMap<(Ktime, Cpu), f64>,
    /// Packets of pauses, as the kernel counts them.
    pub paused: u64,
    /// Of these, those of CPUs where none was seen before.
    pub unseen: u64,
}

impl Windows {
    pub fn of(r: &Recording) -> Windows {
        let mut windows = Windows { factors: BTreeMap::new(), paused: 0, unseen: 0 };
        // The last time that was no pause.
        let mut looked: BTreeMap<Cpu, (Ktime, u64)> = BTreeMap::new();
        for row in &r.rx_cpus {
            if !row.paused {
                // The kernel counts some packets twice (VLAN, bond, macvlan): both times.
                let counted = if row.seen > 0 { row.processed } else { 0 };
                looked.insert(row.cpu, (row.time, counted));
                continue;
            }
            windows.paused = windows.paused.saturating_add(row.processed);
            match looked.get(&row.cpu) {
                Some(&(time, counted)) if counted > 0 => {
                    let factor = windows.factors.entry((time, row.cpu)).or_insert(1.0);
                    *factor += row.processed as f64 / counted as f64;
                }
                _ => windows.unseen = windows.unseen.saturating_add(row.processed),
            }
        }
        windows
    }

    fn factor(&self, time: Ktime, cpu: Cpu) -> f64 {
        self.factors.get(&(time, cpu)).copied().unwrap_or(1.0)
    }

    /// A row with what came in the pause after it, and by what it was multiplied.
    pub fn whole(&self, row: &RxRow) -> (RxRow, f64) {
        let factor = self.factor(row.time, row.cpu);
        let row = RxRow {
            packets: times(row.packets, factor),
            segments: times(row.segments, factor),
            bytes: times(row.bytes, factor),
            protocols: row.protocols.map(|packets| times(packets, factor)),
            ..*row
        };
        (row, factor)
    }

    /// Packets of a flow with those in the pause after it.
    pub fn packets(&self, flow: &RxFlow) -> u64 {
        times(flow.packets, self.factor(flow.time, flow.cpu))
    }
}

fn times(n: u64, factor: f64) -> u64 {
    if factor == 1.0 { n } else { (n as f64 * factor).round() as u64 }
}
