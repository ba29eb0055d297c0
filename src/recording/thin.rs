//! Which samples outside of stalls are read of a large recording: one in so many, each for all of
//! its group. Drawn by lot within the group, so that work that keeps step with the sampler is seen as
//! often as it ran; and drawn the same each time.

use std::collections::HashMap;

use super::windows::Windows;
use crate::model::Sample;
use crate::units::Cpu;

/// Takes samples from the last to the first.
pub struct Thin {
    windows: Windows,
    groups: HashMap<Cpu, Group>,
}

/// Samples of a CPU in a row.
#[derive(Default)]
struct Group {
    number: u64,
    /// How many of it came so far.
    had: u32,
    /// Which of it is to be read.
    pick: u32,
    /// Where the one that was read last stands.
    at: Option<usize>,
}

impl Thin {
    /// By what the first pass found.
    pub fn new(windows: Windows) -> Thin {
        Thin { windows, groups: HashMap::new() }
    }

    /// Leaves of the samples of a block, all turned around, those that are read. `before` is how
    /// many were read already; they are reached by `stands_for`.
    pub fn block(&mut self, samples: &mut Vec<Sample>, read: &mut Vec<Sample>) {
        let one_in = self.windows.one_in;
        for mut s in samples.drain(..).rev() {
            if self.windows.tells(&mut s) || one_in <= 1 || self.windows.hold(&s) {
                read.push(s);
                continue;
            }
            let group = self.groups.entry(s.cpu).or_default();
            if group.had == group.pick {
                // It stands for those of its group before it too.
                group.at = Some(read.len());
                read.push(Sample { others: group.had, ..s });
            } else if group.had > group.pick
                && let Some(of_group) = group.at.and_then(|at| read.get_mut(at))
            {
                of_group.others += 1;
            }
            group.had += 1;
            if group.had == one_in {
                let number = group.number + 1;
                let pick = (mixed(number ^ u64::from(s.cpu.0) << 32) % u64::from(one_in)) as u32;
                *group = Group { number, had: 0, pick, at: group.at };
            }
        }
    }

    /// The first samples of a CPU may be a group of which none was read: its neighbour stands for
    /// them.
    pub fn finish(self, read: &mut [Sample]) -> Windows {
        for group in self.groups.values().filter(|group| group.had <= group.pick) {
            if let Some(neighbour) = group.at.and_then(|at| read.get_mut(at)) {
                neighbour.others = neighbour.others.saturating_add(group.had);
            }
        }
        self.windows
    }
}

/// A number that looks like chance: the finisher of splitmix64.
fn mixed(n: u64) -> u64 {
    let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}
