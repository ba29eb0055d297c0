//! A recording in progress: starts the probes, carries their records to the writer, reads what
//! must be read from the host meanwhile, and ends in order whatever ends it.
//!
//! Threads: `stallprof-ring` empties the ring buffer, and a method without BPF may have one of its
//! own; the caller's thread names, symbolizes and writes. The channels between them are bounded:
//! where the writer falls behind, the ring fills and the kernel side counts what is lost.

pub mod live;
mod namer;
mod ring;
mod symbols;

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

pub use live::Live;
use namer::Namer;

use crate::host::memcg::DyingMemcgs;
use crate::host::stat::StealReader;
use crate::host::{CpuList, HostRoot, ethtool, ksoftirqd, rxpath};
pub use crate::host::{monotonic as now, realtime};
use crate::model::{Event, Lost, Meta, ProbeStatus, Steal, measured};
use crate::probe::reads::ReadCounts;
use crate::probe::shared::{Histograms, Losses};
use crate::probe::{self, Attachment, Config, PROBES, Shared, Source};
use crate::recording::Writer;
use crate::rxpath::RxHost;
use crate::units::Cpu;

/// How long to wait for records at a time.
const PAUSE: Duration = Duration::from_millis(20);
/// How often counters are read and a block is written.
const FLUSH: Duration = Duration::from_secs(1);
/// A block is written before its time once it holds this many rows.
const FLUSH_ROWS: usize = 32_768;
/// Steal time is read so often that the reading takes a thousandth of the time at most, between
/// these bounds: the closer it is read around an interrupt gap, the surer it tells one cause from
/// the other.
const STEAL: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// Dying memory cgroups are counted so often that counting takes a thousandth of the time at most,
/// and no more often than this: on v1 it walks the hierarchy.
const DYING: Duration = Duration::from_secs(1);

/// Devices whose receive path goes into a recording.
const DEVICES: usize = 32;

/// Probes that are attached and counting.
pub struct Session {
    bpf: Option<Bpf>,
    sources: Vec<Box<dyn Source>>,
    attached: Vec<Attachment>,
    /// What runs, by which method, and what does not and why.
    pub probes: Vec<ProbeStatus>,
}

/// What the BPF programs write into, where there are any.
struct Bpf {
    shared: Shared,
    ring: ring::Reader,
}

/// How packets reach the CPUs of this host, for a recording; none where it cannot be read.
#[must_use]
pub fn rx_path() -> Option<RxHost> {
    let socket = ethtool::Socket::new().ok();
    let ask = socket.as_ref().map(|socket| socket as &dyn ethtool::Ask);
    rxpath::picture(&HostRoot::default(), ask, DEVICES)
}

/// Why a recording ended.
#[derive(Debug)]
pub enum End {
    /// As asked: its time was up, its command ended, or it was told to stop.
    Asked,
    /// The recording could not be written on; what was written before stays readable.
    Write(std::io::Error),
}

impl Session {
    /// Loads and attaches the probes, then switches them on together.
    ///
    /// # Errors
    /// Nothing at all can be measured: the message holds the reason of each probe.
    pub fn start(config: &Config) -> Result<Session> {
        let (shared, _) = probe::log::during(|| Shared::new(config));
        let refused = shared.as_ref().err().map(|e| format!("{e:#}")).unwrap_or_default();
        let probe::Outcome { attached, sources, statuses: probes, .. } =
            probe::attach_all(config, shared.as_ref().map_err(|_| refused.as_str()));
        if attached.is_empty() {
            let reasons = measured::missing(&probes).into_iter().map(|(probes, reason)| {
                let names: Vec<&str> = probes.iter().map(|p| p.name.as_str()).collect();
                format!("{} ({reason})", names.join(", "))
            });
            bail!("nothing can be measured: {}", reasons.collect::<Vec<_>>().join("; "));
        }
        let bpf = match shared {
            Ok(shared) => {
                let ring = ring::Reader::start(&shared.ring, config.cpus.clone())?;
                let root = HostRoot::default();
                let ksoftirqds = ksoftirqd::ksoftirqds(&root, &CpuList::online(&root)?);
                shared.enable(config, &ksoftirqds, &probes)?;
                Some(Bpf { shared, ring })
            }
            Err(_) => None,
        };
        Ok(Session { bpf, sources, attached, probes })
    }

    /// Records into `writer` until `stop` says so. `stop` is asked, and `progress` told, several
    /// times a second.
    pub fn record<W: Write>(
        mut self,
        writer: Writer<W>,
        meta: &Meta,
        mut stop: impl FnMut() -> bool,
        mut progress: impl FnMut(&Live),
    ) -> (End, Live) {
        let cpus: Vec<Cpu> = meta.cpus.iter().map(|c| Cpu(*c)).collect();
        probe::affinity::keep_off(&cpus);
        let mut recorder = Recorder {
            namer: Namer::new(writer),
            live: Live::new(meta),
            histograms: Histograms::default(),
            steal: StealReader::open(&HostRoot::default()).ok(),
            steal_due: Instant::now(),
            // The start's count is among the facts of the host.
            dying_due: Instant::now() + DYING,
            reads: None,
            losses: Vec::new(),
            cpus,
            scratch: Vec::new(),
        };
        let mut flushed = Instant::now();
        let mut end = End::Asked;
        if let Some(bpf) = &self.bpf {
            recorder.reads = Some(ReadCounts::new(&bpf.shared, &self.probes));
            recorder.counters(&bpf.shared);
        }
        while !stop() {
            match &self.bpf {
                Some(bpf) => bpf.ring.next(PAUSE).iter().for_each(|batch| recorder.take(batch)),
                None => std::thread::sleep(PAUSE),
            }
            recorder.ask(&mut self.sources);
            recorder.steal();
            recorder.dying_memcgs();
            if flushed.elapsed() >= FLUSH || recorder.namer.writer.buffered() >= FLUSH_ROWS {
                if flushed.elapsed() >= FLUSH {
                    if let Some(bpf) = &self.bpf {
                        recorder.counters(&bpf.shared);
                        recorder.reads(&bpf.shared, false);
                    }
                    flushed = Instant::now();
                }
                if let Err(error) = recorder.namer.writer.flush() {
                    end = End::Write(error);
                    break;
                }
            }
            progress(&recorder.live);
        }
        let ended = now();
        // Detach first: what is in the ring then is the rest. In reverse, for the sampler goes by
        // what the softirq and ksoftirqd probes keep.
        let mut attached = self.attached;
        while attached.pop().is_some() {}
        recorder.ask_last(&mut self.sources);
        if let Some(Bpf { shared, ring }) = self.bpf {
            ring.finish().for_each(|batch| recorder.take(&batch));
            recorder.counters(&shared);
            recorder.reads(&shared, true);
        }
        recorder.dying_due = Instant::now();
        recorder.dying_memcgs();
        recorder.steal_due = Instant::now();
        recorder.steal();
        // After a failed write there is no more to write: the first error tells why.
        let Recorder { namer, live, .. } = recorder;
        if let (End::Asked, Err(error)) = (&end, namer.writer.finish(ended)) {
            end = End::Write(error);
        }
        (end, live)
    }
}

struct Recorder<W: Write> {
    namer: Namer<W>,
    live: Live,
    histograms: Histograms,
    steal: Option<StealReader>,
    steal_due: Instant,
    dying_due: Instant,
    reads: Option<ReadCounts>,
    losses: Vec<Vec<Losses>>,
    cpus: Vec<Cpu>,
    scratch: Vec<Event>,
}

impl<W: Write> Recorder<W> {
    /// Decodes and writes a batch of records.
    fn take(&mut self, batch: &ring::Batch) {
        for record in batch.records() {
            let events = &mut self.scratch;
            probe::decode(record, &mut self.namer, &mut |event| events.push(event));
            for event in self.scratch.drain(..) {
                self.live.see(&event);
                self.namer.writer.event(event);
            }
        }
    }

    /// Asks the measures without BPF for their events.
    fn ask(&mut self, sources: &mut [Box<dyn Source>]) {
        for source in sources {
            let events = &mut self.scratch;
            source.drain(&mut self.namer, &mut |event| events.push(event));
        }
        for event in self.scratch.drain(..) {
            self.live.see(&event);
            self.namer.writer.event(event);
        }
    }

    /// Asks them for the last time.
    fn ask_last(&mut self, sources: &mut [Box<dyn Source>]) {
        for source in sources {
            let events = &mut self.scratch;
            source.rest(&mut self.namer, &mut |event| events.push(event));
        }
        for event in self.scratch.drain(..) {
            self.live.see(&event);
            self.namer.writer.event(event);
        }
    }

    /// Reads steal time if it is time to.
    fn steal(&mut self) {
        let began = Instant::now();
        if began < self.steal_due {
            return;
        }
        let time = now();
        let readings = self.steal.as_mut().and_then(|steal| steal.read().ok()).unwrap_or_default();
        for reading in readings.iter().filter(|r| self.cpus.contains(&r.cpu)) {
            let steal = Steal { time, cpu: reading.cpu, total: reading.total };
            self.namer.writer.event(Event::Steal(steal));
        }
        self.steal_due = began + (began.elapsed() * 1000).clamp(STEAL.0, STEAL.1);
    }

    /// Counts dying memory cgroups if it is time to, without reading a `memory.stat`.
    fn dying_memcgs(&mut self) {
        let began = Instant::now();
        if began < self.dying_due {
            return;
        }
        if let Ok(dying) = DyingMemcgs::read(&HostRoot::default()) {
            let count = crate::model::DyingMemcgs { time: now(), count: dying.count };
            self.namer.writer.event(Event::DyingMemcgs(count));
        }
        self.dying_due = began + (began.elapsed() * 1000).max(DYING);
    }

    /// Reads how often files were read if it is time to, or the `last` time.
    fn reads(&mut self, shared: &Shared, last: bool) {
        let Some(reads) = &mut self.reads else { return };
        let events = &mut self.scratch;
        reads.read(shared, &mut self.namer, (now(), last), &mut |event| events.push(event));
        self.scratch.drain(..).for_each(|event| self.namer.writer.event(event));
    }

    /// Reads what is counted rather than sent: histograms, losses.
    fn counters(&mut self, shared: &Shared) {
        let time = now();
        let writer = &mut self.namer.writer;
        self.histograms.read(shared, time, &mut |count| writer.event(Event::Hist(count)));

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
                    probe: writer.string(probe.name),
                    ring_full: sum.ring_full - before.ring_full,
                    rate_limited: sum.rate_limited - before.rate_limited,
                };
                self.live.see(&Event::Lost(lost));
                writer.event(Event::Lost(lost));
            }
        }
        self.losses = losses;
    }
}
