//! Writes what a session is told, and reads from the host what has no record of its own: steal
//! time, dying memory cgroups, what the BPF programs only count.

use std::io::Write;
use std::time::{Duration, Instant};

use super::ring::Batch;
use super::tail::Tail;
use super::{Namer, Pace, Watch, now};
use crate::host::memcg::DyingMemcgs;
use crate::host::stat::StealReader;
use crate::host::{HostRoot, thread_cpu_time};
use crate::model::{self, Event, Lost, ProbeStatus, Steal};
use crate::probe::reads::ReadCounts;
use crate::probe::shared::Losses;
use crate::probe::{self, Histograms, PROBES, Shared, Source, Tracking};
use crate::units::{Cpu, Ktime};

/// Dying memory cgroups are counted so often that counting takes a thousandth of a CPU at most,
/// and no more often than this: on v1 it walks the hierarchy.
const DYING: Duration = Duration::from_secs(1);

/// What a session keeps from one turn to the next.
pub(super) struct Recorder<'r, W: Write> {
    pub namer: &'r mut Namer<W>,
    pub watch: &'r mut dyn Watch<W>,
    pace: Pace,
    cpus: Vec<Cpu>,
    root: HostRoot,
    histograms: Histograms,
    /// Losses of each probe on each CPU, as last read.
    losses: Vec<Vec<Losses>>,
    reads: Option<ReadCounts>,
    steal: Option<StealReader>,
    steal_due: Instant,
    dying_due: Instant,
    tracking: Tracking,
    /// What comes after the end; none before.
    tail: Option<Tail>,
    /// Room for the events of one call.
    scratch: Vec<Event>,
}

impl<'r, W: Write> Recorder<'r, W> {
    pub fn new(
        namer: &'r mut Namer<W>,
        watch: &'r mut dyn Watch<W>,
        pace: Pace,
        cpus: Vec<Cpu>,
        root: HostRoot,
        tracking: Tracking,
    ) -> Recorder<'r, W> {
        Recorder {
            namer,
            watch,
            pace,
            cpus,
            histograms: Histograms::default(),
            losses: Vec::new(),
            reads: None,
            steal: StealReader::open(&root).ok(),
            steal_due: Instant::now(),
            // The start's count is among the facts of the host.
            dying_due: Instant::now() + DYING,
            root,
            tracking,
            tail: None,
            scratch: Vec::new(),
        }
    }

    /// Reads what was counted before the first event.
    pub fn begin(&mut self, shared: &Shared, probes: &[ProbeStatus]) {
        self.reads = Some(ReadCounts::new(shared, probes, self.root.clone()));
        self.counters(shared, false);
    }

    /// What comes from here on came after the end.
    pub fn end(&mut self, end: Ktime) {
        self.tail = Some(Tail::new(end));
    }

    /// Nothing more comes: writes what belongs to the recording of that.
    pub fn settle(&mut self) {
        let tail = self.tail.take();
        tail.into_iter().flat_map(Tail::settle).for_each(|event| self.put(event));
    }

    fn put(&mut self, event: Event) {
        if let Some(tail) = &mut self.tail {
            return tail.push(event);
        }
        self.watch.event(&event);
        if let Event::CtDrop(drop) = &event {
            self.tracking.dropped_in(drop.netns);
        }
        self.namer.writer.event(event);
    }

    /// Writes the events that `tell` hands over.
    fn collect(&mut self, tell: impl FnOnce(&mut Self, &mut dyn FnMut(Event))) {
        let mut events = std::mem::take(&mut self.scratch);
        tell(self, &mut |event| events.push(event));
        events.drain(..).for_each(|event| self.put(event));
        self.scratch = events;
    }

    /// Decodes and writes a batch of records.
    pub fn take(&mut self, batch: &Batch) {
        for record in batch.records() {
            self.collect(|this, push| probe::decode(record, this.namer, push));
        }
    }

    /// Asks the measures without BPF for their events, perhaps for the `last` time.
    pub fn ask(&mut self, sources: &mut [Box<dyn Source>], last: bool) {
        for source in sources {
            self.collect(|this, push| match last {
                true => source.rest(this.namer, push),
                false => source.drain(this.namer, push),
            });
        }
    }

    /// Reads steal time if it is time to, or the `last` time.
    pub fn steal(&mut self, last: bool) {
        let began = Instant::now();
        if began < self.steal_due && !last {
            return;
        }
        let before = thread_cpu_time();
        let time = now();
        self.collect(|this, push| {
            let steal = this.steal.as_mut().and_then(|steal| steal.read().ok());
            let ours = steal.unwrap_or_default().iter().filter(|r| this.cpus.contains(&r.cpu));
            ours.for_each(|r| push(Event::Steal(Steal { time, cpu: r.cpu, total: r.total })));
        });
        let (least, most) = self.pace.steal;
        let took = Duration::from_nanos(thread_cpu_time().0 - before.0);
        self.steal_due = began + (took * self.pace.steal_share).clamp(least, most);
    }

    /// Counts dying memory cgroups if it is time to, or the `last` time, without reading a
    /// `memory.stat`.
    pub fn dying_memcgs(&mut self, last: bool) {
        if Instant::now() < self.dying_due && !last {
            return;
        }
        let before = thread_cpu_time();
        if let Ok(dying) = DyingMemcgs::read(&self.root) {
            self.put(Event::DyingMemcgs(model::DyingMemcgs { time: now(), count: dying.count }));
        }
        // Its own time: the kernel's locks, for which it may wait, cost the node nothing.
        let cost = Duration::from_nanos((thread_cpu_time().0 - before.0).saturating_mul(1000));
        self.dying_due = Instant::now() + cost.max(DYING);
    }

    /// Reads how often files were read if it is time to, or the `last` time.
    pub fn reads(&mut self, shared: &Shared, last: bool) {
        let Some(mut reads) = self.reads.take() else { return };
        self.collect(|this, push| reads.read(shared, this.namer, (now(), last), push));
        self.reads = Some(reads);
    }

    /// Reads what is counted rather than sent, now or the `last` time: histograms, losses.
    pub fn counters(&mut self, shared: &Shared, last: bool) {
        let time = now();
        self.collect(|this, push| {
            this.histograms.read(shared, (time, last), &mut |count| push(Event::Hist(count)));
        });
        let losses = shared.losses_so_far();
        for (row, (probe, cpus)) in PROBES.iter().zip(&losses).enumerate() {
            for (n, sum) in cpus.iter().enumerate() {
                let before = self.losses.get(row).and_then(|r| r.get(n)).copied();
                let before = before.unwrap_or_default();
                if *sum == before {
                    continue;
                }
                let lost = Lost {
                    time,
                    cpu: Cpu(n as u32),
                    probe: self.namer.writer.string(probe.name),
                    ring_full: sum.ring_full - before.ring_full,
                    rate_limited: sum.rate_limited - before.rate_limited,
                    preempted: sum.preempted - before.preempted,
                    unseen: sum.unseen - before.unseen,
                };
                self.put(Event::Lost(lost));
                self.watch.lost(probe.name, &lost);
            }
        }
        self.losses = losses;
    }
}
