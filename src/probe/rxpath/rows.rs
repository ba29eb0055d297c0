//! Packets by device, queue and CPU.

use std::collections::HashMap;

use libbpf_rs::MapHandle;

use super::super::Names;
use super::super::wire::types::{sp_rx_key, sp_rx_row};
use super::super::wire::{read, text, wire};
use super::take;
use crate::model::{RxDeviceId, RxRow};
use crate::units::{Cpu, Ktime};

wire!(sp_rx_key, sp_rx_row);

/// As many rows as the map holds.
const ROWS: u32 = 1024;
/// Readings after which a place that received nothing is forgotten.
const FORGET: u32 = 60;

/// Network namespace, device, `queue_mapping`, CPU.
type Place = (u32, u32, u32, u32);

/// What is known of the places where packets came in lately.
#[derive(Default)]
pub struct Rows {
    places: HashMap<Place, Known>,
    readings: u32,
}

struct Known {
    /// The bits that all its flows have set so far.
    flows: Box<[u64]>,
    queue_plus_1: u32,
    seen: u32,
}

impl Rows {
    /// Takes the rows out of the map, in the order of their places.
    pub fn read(&mut self, map: &MapHandle, time: Ktime, names: &mut dyn Names) -> Vec<RxRow> {
        self.readings += 1;
        let now = self.readings;
        self.places.retain(|_, known| now - known.seen < FORGET);
        let mut taken = take::<sp_rx_key>(map, ROWS);
        taken.sort_by_key(|(key, _)| place(key));
        let mut rows = Vec::with_capacity(taken.len());
        for (key, value) in taken {
            let Some(row) = read::<sp_rx_row>(&value) else { continue };
            let kind = text(&row.kind);
            let known = self.places.entry(place(&key)).or_insert_with(|| Known {
                flows: vec![0; row.flows.len()].into(),
                queue_plus_1: queue_plus_1(key.mapping, row.rx_queues, &kind),
                seen: now,
            });
            known.seen = now;
            known.flows.iter_mut().zip(row.flows).for_each(|(all, new)| *all |= new);
            let (flows, flows_full) = distinct(&known.flows);
            rows.push(RxRow {
                time,
                cpu: Cpu(key.cpu),
                device: RxDeviceId {
                    netns: key.netns,
                    ifindex: key.ifindex,
                    name: names.string(&text(&row.name)),
                    kind: names.string(&kind),
                },
                queue_plus_1: known.queue_plus_1,
                packets: row.packets,
                segments: row.segments,
                bytes: row.bytes,
                examined: row.examined,
                protocols: row.protos,
                flows,
                flows_full,
            });
        }
        rows
    }

    /// The receive queue of a place, plus one; 0 where it is not known.
    pub fn queue_plus_1(&self, key: &sp_rx_key) -> u32 {
        self.places.get(&place(key)).map_or(0, |known| known.queue_plus_1)
    }
}

fn place(key: &sp_rx_key) -> Place {
    (key.netns, key.ifindex, key.mapping, key.cpu)
}

/// What `skb->queue_mapping` says. Of packets that a veth or another device without hardware
/// handed over it may still be the queue they were sent by: it counts only for devices with
/// hardware, which have no kind.
fn queue_plus_1(mapping: u32, rx_queues: u32, kind: &str) -> u32 {
    match rx_queues {
        1 => 1,
        _ if kind.is_empty() => mapping,
        _ => 0,
    }
}

/// How many flows set these bits (linear counting: Whang et al. 1990), and whether that is only
/// the most that can be told. The standard error is 2 % at 1,000 flows and 5 % at 10,000.
fn distinct(bits: &[u64]) -> (u64, bool) {
    let size = bits.len() as f64 * 64.0;
    let zero = bits.iter().map(|word| word.count_zeros()).sum::<u32>();
    let flows = size * (size / f64::from(zero.max(1))).ln();
    (flows.round() as u64, zero <= 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flows_are_counted_within_a_few_percent() {
        let mut random = 1_u64;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) as usize % 2048
        };
        for flows in [1, 10, 100, 1000, 5000] {
            let mut bits = [0_u64; 32];
            (0..flows).for_each(|_| {
                let bit = next();
                bits[bit / 64] |= 1 << (bit % 64);
            });
            let (estimate, full) = distinct(&bits);
            assert!(estimate.abs_diff(flows) * 10 <= flows, "{estimate} for {flows}");
            assert!(!full);
        }
        assert_eq!(distinct(&[0; 32]), (0, false));
        assert!(distinct(&[u64::MAX; 32]).1);
    }

    #[test]
    fn queues_are_known_only_where_packets_tell() {
        assert_eq!(queue_plus_1(0, 1, "veth"), 1);
        assert_eq!(queue_plus_1(3, 4, ""), 3);
        assert_eq!(queue_plus_1(3, 4, "veth"), 0);
        assert_eq!(queue_plus_1(0, 4, ""), 0);
    }
}
