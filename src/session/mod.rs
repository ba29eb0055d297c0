//! A recording in progress: starts the probes, carries their records to the writer, reads what
//! must be read from the host meanwhile, and ends in order whatever ends it. `record` writes to a
//! file, the daemon to memory: who runs the session is told of each event and says when it ends.
//!
//! Threads: `stallprof-ring` empties the ring buffer, and a method without BPF may have one of its
//! own; the caller's thread names, symbolizes and writes. The channels between them are bounded:
//! where the writer falls behind, the ring fills and the kernel side counts what is lost.

mod health;
pub mod live;
mod namer;
mod ring;
mod symbols;

use std::io::Write;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

pub use health::add as add_health;
pub use live::Live;
pub use namer::Namer;

use crate::host::memcg::DyingMemcgs;
use crate::host::stat::StealReader;
use crate::host::{
    CpuList, HostFacts, HostRoot, ethtool, in_host_time_namespace, ksoftirqd, netns, rxpath,
    thread_cpu_time,
};
pub use crate::host::{monotonic as now, realtime};
use crate::model::{Event, Lost, Meta, ProbeStatus, Steal, measured};
use crate::probe::reads::ReadCounts;
use crate::probe::shared::{Histograms, Losses};
use crate::probe::{self, Attachment, Config, PROBES, Shared, Source};
use crate::recording::Writer;
use crate::rxpath::RxHost;
use crate::units::{Cpu, Ktime, Nanos};

/// A block is written before its time once it holds this many rows.
const FLUSH_ROWS: usize = 32_768;

/// How often to do what costs the host something.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How long samples may lie in the ring.
    pub poll: Duration,
    /// How long to wait for records at a time.
    pub pause: Duration,
    /// How often counters are read and a block is written.
    pub flush: Duration,
    /// Steal time is read so often that the reading takes one part in this many of the time at
    /// most, between the bounds `steal`: the closer it is read around an interrupt gap, the surer
    /// it tells one cause from the other.
    pub steal_share: u32,
    /// See there.
    pub steal: (Duration, Duration),
}

impl Pace {
    /// For minutes, with somebody waiting.
    pub const RECORD: Pace = Pace {
        poll: Duration::from_millis(50),
        pause: Duration::from_millis(20),
        flush: Duration::from_secs(1),
        steal_share: 1_000,
        steal: (Duration::from_millis(20), Duration::from_secs(1)),
    };
    /// For months.
    pub const DAEMON: Pace = Pace {
        poll: Duration::from_millis(250),
        pause: Duration::from_millis(250),
        flush: Duration::from_secs(2),
        steal_share: 10_000,
        steal: (Duration::from_millis(200), Duration::from_secs(1)),
    };
}

/// Who is told how a session goes, and says when it ends.
pub trait Watch<W: Write> {
    /// An event that goes into the recording.
    fn event(&mut self, event: &Event);
    /// Records that a probe lost; the event tells its name by number only.
    fn lost(&mut self, probe: &'static str, lost: &Lost);
    /// Several times a second: whether to go on. What is written may be changed here.
    fn turn(&mut self, out: &mut Namer<W>) -> ControlFlow<()>;
}

/// Dying memory cgroups are counted so often that counting takes a thousandth of a CPU at most,
/// and no more often than this: on v1 it walks the hierarchy.
const DYING: Duration = Duration::from_secs(1);

/// Devices whose receive path goes into a recording.
const DEVICES: usize = 32;

/// Probes that are attached and counting.
pub struct Session {
    bpf: Option<Bpf>,
    sources: Vec<Box<dyn Source>>,
    attached: Vec<Attachment>,
    cpus: Vec<Cpu>,
    root: HostRoot,
    pace: Pace,
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
pub fn rx_path(root: &HostRoot) -> Option<RxHost> {
    let socket = ethtool::Socket::new().ok();
    let ask = socket.as_ref().map(|socket| socket as &dyn ethtool::Ask);
    rxpath::picture(root, ask, DEVICES)
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
    pub fn start(config: &Config, pace: Pace) -> Result<Session> {
        ensure!(
            in_host_time_namespace(),
            "the clock here is not the kernel's, for this is a time namespace of its own: leave it, \
             such as by nsenter --time --target 1"
        );
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
                let ring = ring::Reader::start(&shared.ring, config.cpus.clone(), pace.poll)?;
                let root = &config.root;
                let ksoftirqds = ksoftirqd::ksoftirqds(root, &CpuList::online(root)?);
                shared.enable(config, &ksoftirqds, &probes)?;
                Some(Bpf { shared, ring })
            }
            Err(_) => None,
        };
        let (cpus, root) = (config.cpus.clone(), config.root.clone());
        Ok(Session { bpf, sources, attached, cpus, root, pace, probes })
    }

    /// The facts that its recording begins with.
    #[must_use]
    pub fn meta(&self, config: &Config, facts: &HostFacts) -> Meta {
        let sampler = self.probes.iter().any(|p| p.name == "sampler" && p.method.is_some());
        let mut meta = Meta {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect(),
            cpus: config.cpus.iter().map(|c| c.0).collect(),
            start: now(),
            start_realtime: realtime(),
            stall_threshold: config.stall,
            gap_threshold: config.gap,
            sample_period: if sampler { config.period() } else { Nanos(0) },
            syscall_min: config.syscall_min,
            pid: config.pid.map(|p| p.0),
            probes: self.probes.clone(),
            rx_path: rx_path(&self.root),
            boot_id: self.root.value("proc/sys/kernel/random/boot_id"),
            netns: netns::own(),
            ..Meta::default()
        };
        facts.fill(&mut meta);
        meta
    }

    /// Records into `writer` until `stop` says so. `stop` is asked, and `progress` told, several
    /// times a second. `after` may add what is read of the host once nothing is measured any more.
    pub fn record<W: Write>(
        self,
        writer: Writer<W>,
        meta: &Meta,
        stop: impl FnMut() -> bool,
        progress: impl FnMut(&Live),
        after: impl FnOnce(&mut Writer<W>),
    ) -> (End, Live) {
        let mut watch = Progress { live: Live::new(meta), stop, progress };
        let mut namer = Namer::new(writer, self.root.clone());
        let (ended, mut end) = self.run(&mut namer, &mut watch);
        // First what was seen: whatever comes of the rest, it is kept.
        if let End::Asked = end {
            match namer.writer.flush() {
                Ok(()) => after(&mut namer.writer),
                Err(error) => end = End::Write(error),
            }
        }
        // After a failed write there is no more to write: the first error tells why.
        if let (End::Asked, Err(error)) = (&end, namer.writer.finish(ended)) {
            end = End::Write(error);
        }
        (end, watch.live)
    }

    /// Runs until `watch` ends it or a write fails; all that was seen is then with the writer,
    /// which is left to be flushed. Gives the moment of the end.
    pub fn run<W: Write>(mut self, out: &mut Namer<W>, watch: &mut dyn Watch<W>) -> (Ktime, End) {
        let pace = self.pace;
        probe::affinity::keep_off(&self.cpus);
        let mut recorder = Recorder {
            namer: out,
            watch,
            pace,
            histograms: Histograms::default(),
            steal: StealReader::open(&self.root).ok(),
            steal_due: Instant::now(),
            // The start's count is among the facts of the host.
            dying_due: Instant::now() + DYING,
            reads: None,
            losses: Vec::new(),
            cpus: std::mem::take(&mut self.cpus),
            root: self.root.clone(),
            scratch: Vec::new(),
        };
        let mut flushed = Instant::now();
        let mut end = End::Asked;
        if let Some(bpf) = &self.bpf {
            recorder.reads = Some(ReadCounts::new(&bpf.shared, &self.probes, self.root.clone()));
            recorder.counters(&bpf.shared);
        }
        while recorder.watch.turn(recorder.namer).is_continue() {
            match &self.bpf {
                Some(bpf) => {
                    bpf.ring.next(pace.pause).iter().for_each(|batch| recorder.take(batch));
                }
                None => std::thread::sleep(pace.pause),
            }
            recorder.ask(&mut self.sources);
            recorder.steal();
            recorder.dying_memcgs();
            if flushed.elapsed() >= pace.flush || recorder.namer.writer.buffered() >= FLUSH_ROWS {
                if flushed.elapsed() >= pace.flush {
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
                recorder.namer.bound();
            }
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
        (ended, end)
    }
}

/// Counts for the progress line of `record`.
struct Progress<S, P> {
    live: Live,
    stop: S,
    progress: P,
}

impl<W: Write, S: FnMut() -> bool, P: FnMut(&Live)> Watch<W> for Progress<S, P> {
    fn event(&mut self, event: &Event) {
        self.live.see(event);
    }

    fn lost(&mut self, _: &'static str, _: &Lost) {}

    fn turn(&mut self, _: &mut Namer<W>) -> ControlFlow<()> {
        (self.progress)(&self.live);
        if (self.stop)() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

struct Recorder<'r, W: Write> {
    namer: &'r mut Namer<W>,
    watch: &'r mut dyn Watch<W>,
    pace: Pace,
    histograms: Histograms,
    steal: Option<StealReader>,
    steal_due: Instant,
    dying_due: Instant,
    reads: Option<ReadCounts>,
    losses: Vec<Vec<Losses>>,
    cpus: Vec<Cpu>,
    root: HostRoot,
    scratch: Vec<Event>,
}

impl<W: Write> Recorder<'_, W> {
    /// Decodes and writes a batch of records.
    fn take(&mut self, batch: &ring::Batch) {
        for record in batch.records() {
            let events = &mut self.scratch;
            probe::decode(record, self.namer, &mut |event| events.push(event));
            for event in self.scratch.drain(..) {
                self.watch.event(&event);
                self.namer.writer.event(event);
            }
        }
    }

    /// Asks the measures without BPF for their events.
    fn ask(&mut self, sources: &mut [Box<dyn Source>]) {
        for source in sources {
            let events = &mut self.scratch;
            source.drain(self.namer, &mut |event| events.push(event));
        }
        for event in self.scratch.drain(..) {
            self.watch.event(&event);
            self.namer.writer.event(event);
        }
    }

    /// Asks them for the last time.
    fn ask_last(&mut self, sources: &mut [Box<dyn Source>]) {
        for source in sources {
            let events = &mut self.scratch;
            source.rest(self.namer, &mut |event| events.push(event));
        }
        for event in self.scratch.drain(..) {
            self.watch.event(&event);
            self.namer.writer.event(event);
        }
    }

    /// Reads steal time if it is time to.
    fn steal(&mut self) {
        let began = Instant::now();
        if began < self.steal_due {
            return;
        }
        let before = thread_cpu_time();
        let time = now();
        let readings = self.steal.as_mut().and_then(|steal| steal.read().ok()).unwrap_or_default();
        for reading in readings.iter().filter(|r| self.cpus.contains(&r.cpu)) {
            let steal = Steal { time, cpu: reading.cpu, total: reading.total };
            self.watch.event(&Event::Steal(steal));
            self.namer.writer.event(Event::Steal(steal));
        }
        let (least, most) = self.pace.steal;
        let took = Duration::from_nanos(thread_cpu_time().0 - before.0);
        self.steal_due = began + (took * self.pace.steal_share).clamp(least, most);
    }

    /// Counts dying memory cgroups if it is time to, without reading a `memory.stat`.
    fn dying_memcgs(&mut self) {
        if Instant::now() < self.dying_due {
            return;
        }
        let before = thread_cpu_time();
        if let Ok(dying) = DyingMemcgs::read(&self.root) {
            let count = crate::model::DyingMemcgs { time: now(), count: dying.count };
            self.watch.event(&Event::DyingMemcgs(count));
            self.namer.writer.event(Event::DyingMemcgs(count));
        }
        // Its own time: the kernel's locks, for which it may wait, cost the node nothing.
        let cost = Duration::from_nanos((thread_cpu_time().0 - before.0).saturating_mul(1000));
        self.dying_due = Instant::now() + cost.max(DYING);
    }

    /// Reads how often files were read if it is time to, or the `last` time.
    fn reads(&mut self, shared: &Shared, last: bool) {
        let Some(reads) = &mut self.reads else { return };
        let events = &mut self.scratch;
        reads.read(shared, self.namer, (now(), last), &mut |event| events.push(event));
        for event in self.scratch.drain(..) {
            self.watch.event(&event);
            self.namer.writer.event(event);
        }
    }

    /// Reads what is counted rather than sent: histograms, losses.
    fn counters(&mut self, shared: &Shared) {
        let time = now();
        let writer = &mut self.namer.writer;
        self.histograms.read(shared, time, &mut |count| {
            self.watch.event(&Event::Hist(count));
            writer.event(Event::Hist(count));
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
                    probe: writer.string(probe.name),
                    ring_full: sum.ring_full - before.ring_full,
                    rate_limited: sum.rate_limited - before.rate_limited,
                };
                self.watch.event(&Event::Lost(lost));
                self.watch.lost(probe.name, &lost);
                writer.event(Event::Lost(lost));
            }
        }
        self.losses = losses;
    }
}
