//! The histograms that BPF programs count into.

use libbpf_rs::{MapCore, MapFlags};

use super::Shared;
use super::wire::read;
use super::wire::types::{sp_cpu, sp_hist};
use crate::model::event::HistKind;
use crate::model::hist::BUCKETS;
use crate::model::{HistCount, Vector};
use crate::units::{Cpu, Ktime};

/// Reads the in-kernel histograms and tells what has been added since the last reading. Counters
/// are 32 bits wide and wrap; differences survive that.
#[derive(Default)]
pub struct Histograms {
    last: Vec<u32>,
}

impl Histograms {
    /// Calls `push` for every bucket that grew. The `last` time, delays that none after them was
    /// measured to stand for are counted as long as the last one before them.
    pub fn read(
        &mut self,
        shared: &Shared,
        (now, last): (Ktime, bool),
        push: &mut dyn FnMut(HistCount),
    ) {
        let mut at = 0;
        let states = shared.cpus.lookup_percpu(&0u32.to_ne_bytes(), MapFlags::ANY);
        for (cpu, bytes) in states.ok().flatten().unwrap_or_default().iter().enumerate() {
            let Some(mut state) = read::<sp_cpu>(bytes) else { continue };
            if last {
                for (stride, measured) in state.stride.iter().zip(state.measured) {
                    if let Some(count) = state.delay.get_mut(measured as usize) {
                        *count = count.wrapping_add(stride.saturating_sub(1));
                    }
                }
            }
            for (vector, buckets) in state.delay.chunks(BUCKETS).enumerate() {
                let row = (Cpu(cpu as u32), HistKind::SoftirqDelay, Vector(vector as u8));
                self.grown(&mut at, buckets, now, row, push);
            }
        }
        for hist in 0..sp_hist::SP_HISTS.0 {
            let (kind, vector) = match hist {
                h if h < sp_hist::SP_H_KSOFTIRQD_WAIT.0 => (HistKind::SoftirqRun, h as u8),
                _ => (HistKind::KsoftirqdWait, 0),
            };
            let rows = shared.hists.lookup_percpu(&hist.to_ne_bytes(), MapFlags::ANY);
            for (cpu, bytes) in rows.ok().flatten().unwrap_or_default().iter().enumerate() {
                let (words, _) = bytes.as_chunks::<4>();
                let buckets: Vec<u32> = words.iter().map(|w| u32::from_ne_bytes(*w)).collect();
                let row = (Cpu(cpu as u32), kind, Vector(vector));
                self.grown(&mut at, &buckets, now, row, push);
            }
        }
    }

    fn grown(
        &mut self,
        at: &mut usize,
        buckets: &[u32],
        time: Ktime,
        (cpu, kind, vector): (Cpu, HistKind, Vector),
        push: &mut dyn FnMut(HistCount),
    ) {
        let base = *at;
        *at += BUCKETS;
        if self.last.len() < *at {
            self.last.resize(*at, 0);
        }
        for (bucket, &count) in buckets.iter().enumerate().take(BUCKETS) {
            let before = std::mem::replace(&mut self.last[base + bucket], count);
            if count != before {
                let count = u64::from(count.wrapping_sub(before));
                push(HistCount { time, cpu, kind, vector, bucket: bucket as u32, count });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;

    use libbpf_rs::ProgramInput;
    use libbpf_rs::skel::{OpenSkel, SkelBuilder};

    use crate::model::hist;
    use crate::probe::skel::wire::WireSkelBuilder;
    use crate::units::Nanos;

    /// Runs `hist_bucket()` in the kernel.
    #[test]
    fn the_kernel_side_counts_into_the_same_buckets() {
        if !crate::probe::testing::may_load() {
            return;
        }
        let mut storage = MaybeUninit::uninit();
        let mut open = WireSkelBuilder::default().open(&mut storage).unwrap();
        open.progs.bucket_of.set_autoload(true);
        let skel = open.load().unwrap();
        let edges = (0..64).flat_map(|shift| {
            let power = 1u64 << shift;
            [power - 1, power, power + power / 16, power + power / 16 - 1, power + power / 2]
        });
        for value in edges.chain([u64::MAX]) {
            let mut context = [value.to_ne_bytes(), [0; 8]].concat();
            let input = ProgramInput { context_in: Some(&mut context), ..Default::default() };
            skel.progs.bucket_of.test_run(input).unwrap();
            let (_, bucket) = context.split_at(8);
            let bucket = u64::from_ne_bytes(bucket.try_into().unwrap());
            assert_eq!(bucket, hist::bucket(Nanos(value)) as u64, "value {value}");
        }
    }
}
