//! Packets of the times at which our program was off its tracepoint: the kernel counted them by
//! CPU, and they are taken to be like those that were seen in the same second.

use std::collections::BTreeMap;

use crate::model::{Recording, RxFlow, RxRow};
use crate::units::{Cpu, Ktime};

/// By how much to multiply what was seen of each CPU in each period.
pub struct Windows {
    factors: BTreeMap<(Ktime, Cpu), f64>,
    /// Packets of periods in which our program paused, and how many of them it saw.
    pub paused: (u64, u64),
    /// Of these, those of CPUs where it saw none in the period.
    pub unseen: u64,
}

impl Windows {
    pub fn of(r: &Recording) -> Windows {
        let mut windows = Windows { factors: BTreeMap::new(), paused: (0, 0), unseen: 0 };
        for row in r.rx_cpus.iter().filter(|row| row.paused) {
            let all = row.processed.max(row.seen);
            let (came, seen) = windows.paused;
            windows.paused = (came.saturating_add(all), seen.saturating_add(row.seen));
            match row.seen {
                0 => windows.unseen = windows.unseen.saturating_add(all),
                seen => {
                    windows.factors.insert((row.time, row.cpu), all as f64 / seen as f64);
                }
            }
        }
        windows
    }

    fn factor(&self, time: Ktime, cpu: Cpu) -> f64 {
        self.factors.get(&(time, cpu)).copied().unwrap_or(1.0)
    }

    /// A row as if our program had not paused, and by what it was multiplied.
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

    /// Packets of a flow as if our program had not paused.
    pub fn packets(&self, flow: &RxFlow) -> u64 {
        times(flow.packets, self.factor(flow.time, flow.cpu))
    }
}

fn times(n: u64, factor: f64) -> u64 {
    if factor == 1.0 { n } else { (n as f64 * factor).round() as u64 }
}
