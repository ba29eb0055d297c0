//! Which CPU receives which packets: counted by a BPF program, read about once a second. Where they
//! come fast the program is attached for a part of each second only.

mod flows;
mod rows;

use std::mem::MaybeUninit;

use anyhow::{Context, Result};
use libbpf_rs::skel::{OpenSkel, Skel, SkelBuilder};
use libbpf_rs::{MapCore, MapFlags, MapHandle};

use super::hook::Hook;
use super::ladder::{Needs, choose};
use super::skel::rxpath::RxpathSkelBuilder;
use super::windows::Windows;
use super::wire::types::sp_rx_cpu;
use super::wire::{read, wire};
use super::{Attached, Config, Method, Names, Shared, Source};
use crate::host::softnet::SoftnetReader;
use crate::host::{CpuList, monotonic};
use crate::model::Event;
use crate::model::rx::WEIGHT;
use rows::Rows;

wire!(sp_rx_cpu);

/// What the counters of the kernel alone do not tell.
pub const BY_COUNTERS: &str = "only how many packets each CPU received: neither devices nor \
                               queues, protocols or flows";

const PACKETS: &str = "netif_receive_skb";

pub fn attach(config: &Config, shared: &Shared, method: Method) -> Result<Attached> {
    let mut storage = MaybeUninit::uninit();
    let mut open = RxpathSkelBuilder::default().open(&mut storage)?;
    if let Some(rodata) = open.maps.rodata_data.as_deref_mut() {
        (rodata.weight, rodata.chance) = (WEIGHT, u32::MAX / WEIGHT);
    }
    let mut chosen = choose(open.open_object_mut(), shared, method, Needs::All, None)?;
    let skel = open.load()?;
    let maps = Maps {
        cpus: MapHandle::try_from(&skel.maps.rx_cpus)?,
        rows: MapHandle::try_from(&skel.maps.rx_rows)?,
        flows: MapHandle::try_from(&skel.maps.rx_flows)?,
        seen: Vec::new(),
        known: Rows::default(),
    };
    let hook = chosen.hook(skel.object(), PACKETS)?;
    let links = chosen.attach(skel.object())?;
    let counts = Counts::new(config, Some(maps), hook);
    let counts = counts.with_context(|| format!("attaching to {PACKETS} by {method}"))?;
    Ok(Attached { source: Some(Box::new(counts)), ..Attached::programs(links, &chosen.missing()) })
}

/// Without BPF: /proc/net/softnet_stat.
pub fn attach_counters(config: &Config) -> Result<Attached> {
    let counts = Counts::new(config, None, None)?;
    Ok(Attached { keep: Box::new(()), source: Some(Box::new(counts)), note: None })
}

/// Where the counts come from.
struct Counts {
    softnet: SoftnetReader,
    maps: Option<Maps>,
    windows: Windows,
}

/// What the BPF program counts into.
struct Maps {
    cpus: MapHandle,
    rows: MapHandle,
    flows: MapHandle,
    /// Packets seen and not placed on each CPU at the last reading.
    seen: Vec<(u64, u64)>,
    known: Rows,
}

impl Counts {
    fn new(config: &Config, maps: Option<Maps>, hook: Option<Hook>) -> Result<Counts> {
        let cpus = CpuList::online(&config.root)?.cpus().to_vec();
        let softnet = SoftnetReader::open(config.root.clone(), cpus)?;
        Ok(Counts { softnet, maps, windows: Windows::begin(hook)? })
    }

    fn counts(&mut self, paused: bool, names: &mut dyn Names, push: &mut dyn FnMut(Event)) {
        let time = monotonic();
        let seen = self.maps.as_mut().map(Maps::seen).unwrap_or_default();
        for mut cpu in self.softnet.since_last(time) {
            if let Some((seen, unplaced)) = seen.get(cpu.cpu.0 as usize) {
                (cpu.seen, cpu.unplaced, cpu.paused) = (*seen, *unplaced, paused);
            }
            push(Event::RxCpu(cpu));
        }
        // What ran while the program was taken off comes with the next reading.
        if let Some(maps) = self.maps.as_mut().filter(|_| !paused) {
            for row in maps.known.read(&maps.rows, time, names) {
                push(Event::RxRow(row));
            }
            for flow in flows::read(&maps.flows, time, &maps.known) {
                push(Event::RxFlow(flow));
            }
        }
    }
}

impl Source for Counts {
    fn drain(&mut self, names: &mut dyn Names, push: &mut dyn FnMut(Event)) {
        let maps = &self.maps;
        let seen = || maps.iter().flat_map(Maps::since_last).map(|(seen, _)| seen).max();
        // Where it cannot be attached again, nothing is seen from now on, and that is recorded.
        let (ended, _) = self.windows.turn(true, || seen().unwrap_or(0));
        if let Some(ended) = ended {
            self.counts(ended.paused, names, push);
        }
    }

    fn rest(&mut self, names: &mut dyn Names, push: &mut dyn FnMut(Event)) {
        self.counts(self.windows.is_resting(), names, push);
    }
}

impl Maps {
    /// Packets seen and not placed on each CPU so far.
    fn so_far(&self) -> Vec<(u64, u64)> {
        let rows = self.cpus.lookup_percpu(&0u32.to_ne_bytes(), MapFlags::ANY);
        let rows = rows.ok().flatten().unwrap_or_default();
        rows.iter()
            .map(|bytes| read::<sp_rx_cpu>(bytes).map_or((0, 0), |c| (c.seen, c.other)))
            .collect()
    }

    /// The same since the last reading.
    fn since_last(&self) -> Vec<(u64, u64)> {
        let last = self.seen.iter().copied().chain(std::iter::repeat((0, 0)));
        self.so_far().iter().zip(last).map(|(now, last)| (now.0 - last.0, now.1 - last.1)).collect()
    }

    /// The same, and this is a reading.
    fn seen(&mut self) -> Vec<(u64, u64)> {
        let since = self.since_last();
        self.seen.resize(since.len(), (0, 0));
        self.seen.iter_mut().zip(&since).for_each(|(all, new)| {
            *all = (all.0 + new.0, all.1 + new.1);
        });
        since
    }
}

/// Takes all entries out of a map, as keys and values. What a program adds meanwhile is there or
/// comes with the next reading.
fn take<K: super::wire::Wire>(map: &MapHandle, most: u32) -> Vec<(K, Vec<u8>)> {
    let Ok(batch) = map.lookup_and_delete_batch(most, MapFlags::ANY, MapFlags::ANY) else {
        return Vec::new();
    };
    batch.filter_map(|(key, value)| Some((read::<K>(&key)?, value))).collect()
}
