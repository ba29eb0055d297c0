//! Packets of the times at which our program was off its tracepoint. The kernel counted them by
//! CPU; of what kind they were is estimated by the looks in between, which came at random.

use std::collections::BTreeMap;

use crate::model::Recording;
use crate::units::{Cpu, Ktime};

/// The looks and pauses of all CPUs.
pub struct Windows {
    cpus: BTreeMap<Cpu, Pauses>,
    /// Packets of pauses, as the kernel counts them.
    pub paused: u64,
    /// Of these, those of CPUs where no look saw any.
    pub unseen: u64,
}

/// Of one CPU: the looks that stand for its pauses.
#[derive(Default)]
struct Pauses {
    /// Packets that came in each look, as the kernel counts them.
    looks: BTreeMap<Ktime, u64>,
    looked: Share,
    paused: Share,
}

/// Packets, and the nanoseconds in which they came.
#[derive(Clone, Copy, Default)]
struct Share {
    packets: u64,
    time: u64,
}

impl Share {
    fn add(&mut self, packets: u64, time: u64) {
        self.packets = self.packets.saturating_add(packets);
        self.time = self.time.saturating_add(time);
    }
}

impl Windows {
    pub fn of(r: &Recording) -> Windows {
        let mut cpus: BTreeMap<Cpu, Pauses> = BTreeMap::new();
        // Of each CPU the row before, and the last look that came before a pause.
        let mut last: BTreeMap<Cpu, (Ktime, bool)> = BTreeMap::new();
        let mut begun: BTreeMap<Cpu, (Ktime, u64, u64)> = BTreeMap::new();
        for row in &r.rx_cpus {
            let before = last.insert(row.cpu, (row.time, row.paused));
            let (since, after_pause) = before.unwrap_or((row.time, false));
            let took = row.time.since(since).0;
            // The kernel counts some packets twice (VLAN, bond, macvlan): both times.
            let counted = if row.seen > 0 { row.processed } else { 0 };
            let pauses = cpus.entry(row.cpu).or_default();
            if row.paused {
                pauses.paused.add(row.processed, took);
            } else if after_pause {
                pauses.looks.insert(row.time, counted);
                pauses.looked.add(counted, took);
            } else if pauses.looks.is_empty() {
                begun.insert(row.cpu, (row.time, counted, took));
            }
        }
        // The look that packets set off is no random one. It counts where there is no other.
        for (cpu, pauses) in cpus.iter_mut().filter(|(_, p)| p.looked.packets == 0) {
            if let Some((time, counted, took)) = begun.remove(cpu) {
                pauses.looks = BTreeMap::from([(time, counted)]);
                pauses.looked = Share { packets: counted, time: took };
            }
        }
        cpus.retain(|_, p| p.paused.packets > 0);
        let sum = |unseen: bool| {
            let pauses = cpus.values().filter(|p| !unseen || p.looked.packets == 0);
            pauses.fold(0_u64, |sum, p| sum.saturating_add(p.paused.packets))
        };
        Windows { paused: sum(false), unseen: sum(true), cpus }
    }

    /// Whether what was read then stands for the pauses of this CPU, too.
    pub fn is_look(&self, time: Ktime, cpu: Cpu) -> bool {
        self.cpus.get(&cpu).is_some_and(|p| p.looks.contains_key(&time))
    }

    /// By how much to multiply what was read then: itself, and what came in pauses.
    pub fn factor(&self, time: Ktime, cpu: Cpu) -> f64 {
        match self.cpus.get(&cpu).filter(|p| p.looks.contains_key(&time)) {
            Some(p) => 1.0 + p.for_one(),
            None => 1.0,
        }
    }

    /// By how much the packets of a kind that came in pauses may differ from the estimate, 19 times
    /// of 20; `seen` has those of each look.
    pub fn margin(&self, cpu: Cpu, seen: &BTreeMap<Ktime, u64>) -> f64 {
        self.cpus.get(&cpu).map_or(0.0, |p| p.margin(seen))
    }
}

impl Pauses {
    /// Packets of pauses for each of a look.
    fn for_one(&self) -> f64 {
        match self.looked.packets {
            0 => 0.0,
            looked => self.paused.packets as f64 / looked as f64,
        }
    }

    /// Three things may be wrong, and each is added: looks differ from each other (Student's t for
    /// the ratio of sums), so that another choice of them would have told something else; so rare
    /// a thing happened in pauses that no look met it; and packets came faster, or slower, in
    /// pauses than in looks, so that these are not like them.
    fn margin(&self, seen: &BTreeMap<Ktime, u64>) -> f64 {
        let (paused, for_one) = (self.paused.packets as f64, self.for_one());
        let looks = self.looks.len();
        let sum = seen.values().fold(0_u64, |sum, n| sum.saturating_add(*n)) as f64;
        let estimate = (sum * for_one).min(paused);
        // Between none and all of them.
        let most = estimate.max(paused - estimate);
        if looks < 2 || self.looked.packets == 0 {
            return most;
        }
        let share = sum / self.looked.packets as f64;
        let off = |(time, counted): (&Ktime, &u64)| {
            let here = seen.get(time).copied().unwrap_or_default() as f64;
            (here - share * *counted as f64).powi(2)
        };
        let variance = self.looks.iter().map(off).sum::<f64>() / (looks - 1) as f64;
        let others = for_one * (for_one + 1.0) * looks as f64;
        let chance = student(looks - 1) * (variance * others).sqrt();
        let missed = paused * (1.0 - 0.05_f64.powf(1.0 / looks as f64));
        let times = self.paused.time as f64 / self.looked.time.max(1) as f64;
        let faster = (paused - self.looked.packets as f64 * times).abs();
        (chance + missed + faster).min(most)
    }
}

/// How many standard errors hold 19 times of 20, by degrees of freedom.
fn student(freedom: usize) -> f64 {
    const FEW: [f64; 10] = [12.71, 4.31, 3.19, 2.78, 2.58, 2.45, 2.37, 2.31, 2.27, 2.23];
    match freedom {
        0..=10 => FEW[freedom.max(1) - 1],
        11..=29 => 2.21,
        _ => 2.05,
    }
}
