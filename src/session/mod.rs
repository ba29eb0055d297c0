//! A recording in progress: starts the probes, carries their records to the writer, reads what
//! must be read from the host meanwhile, and ends in order whatever ends it. `record` writes to a
//! file, the daemon to memory: who runs the session is told of each event and says when it ends.
//!
//! Threads: `stallprof-ring` empties the ring buffer, and a method without BPF may have one of its
//! own; the caller's thread names, symbolizes and writes. The channels between them are bounded:
//! where the writer falls behind, the ring fills and the kernel side counts what is lost.

mod counts;
mod health;
mod namer;
mod pace;
mod recorder;
mod ring;
mod symbols;
mod tail;
pub mod users;

use std::io::Write;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

pub use counts::Counts;
pub use health::add as add_health;
pub use namer::Namer;
pub use pace::Pace;

use crate::BUILD;
use crate::host::{
    CpuList, HostFacts, HostRoot, ethtool, in_host_time_namespace, ksoftirqd, netns, rxpath,
};
pub use crate::host::{monotonic as now, realtime};
use crate::model::{Event, Lost, Meta, ProbeStatus, measured};
use crate::probe::{self, Attachment, Config, Shared, Source, Tracking};
use crate::recording::Writer;
use crate::rxpath::RxHost;
use crate::units::{Cpu, Ktime, Nanos};
use counts::Progress;
use recorder::Recorder;

/// A block is written before its time once it holds this many rows.
const FLUSH_ROWS: usize = 32_768;

/// Who is told how a session goes, and says when it ends.
pub trait Watch<W: Write> {
    /// An event that goes into the recording.
    fn event(&mut self, event: &Event);
    /// Records that a probe lost; the event tells its name by number only.
    fn lost(&mut self, probe: &'static str, lost: &Lost);
    /// Several times a second: whether to go on. What is written may be changed here.
    fn turn(&mut self, out: &mut Namer<W>) -> ControlFlow<()>;
    /// After each turn: whether all counters are to be read before the next one.
    fn wants_counters(&mut self) -> bool {
        false
    }
}

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
    tracking: Tracking,
    /// What runs, by which method, and what does not and why.
    pub probes: Vec<ProbeStatus>,
}

/// What the BPF programs write into, where there are any.
struct Bpf {
    shared: Shared,
    ring: ring::Reader,
    /// Of the sampler.
    period: Nanos,
}

/// How long the end waits for a CPU that takes no interrupts.
const LATE: Duration = Duration::from_secs(1);
/// No tick is late before, however fast they come.
const PUNCTUAL: Nanos = Nanos::from_millis(1);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(5);

impl Bpf {
    /// Waits for CPUs whose ticks are late: the next one tells of the stall. To take the sampler off
    /// such a CPU would take as long, and the tick would not come.
    fn wait_for_ticks(&self) {
        let began = Instant::now();
        let late = Nanos(2 * self.period.0).max(PUNCTUAL);
        while began.elapsed() < LATE && self.shared.is_late(now(), late) {
            std::thread::sleep(LOOK);
        }
    }
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
                Some(Bpf { shared, ring, period: config.period() })
            }
            Err(_) => None,
        };
        let (cpus, root) = (config.cpus.clone(), config.root.clone());
        let tracking = config.tracking.clone();
        Ok(Session { bpf, sources, attached, cpus, root, pace, tracking, probes })
    }

    /// The facts that its recording begins with.
    #[must_use]
    pub fn meta(&self, config: &Config, facts: &HostFacts) -> Meta {
        let sampler = self.probes.iter().any(|p| p.name == "sampler" && p.method.is_some());
        let mut meta = Meta {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            build: (!BUILD.is_empty()).then(|| BUILD.to_owned()),
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
        progress: impl FnMut(&Counts),
        after: impl FnOnce(&mut Writer<W>),
    ) -> (End, Counts) {
        let mut watch = Progress { counts: Counts::new(meta), stop, progress };
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
        (end, watch.counts)
    }

    /// Runs until `watch` ends it or a write fails; all that was seen is then with the writer,
    /// which is left to be flushed. Gives the moment of the end.
    pub fn run<W: Write>(self, out: &mut Namer<W>, watch: &mut dyn Watch<W>) -> (Ktime, End) {
        let Session { bpf, mut sources, mut attached, cpus, root, pace, tracking, probes } = self;
        probe::affinity::keep_off(&cpus);
        let mut recorder = Recorder::new(out, watch, pace, cpus, root, tracking);
        if let Some(bpf) = &bpf {
            recorder.begin(&bpf.shared, &probes);
        }
        let mut flushed = Instant::now();
        let mut end = End::Asked;
        while recorder.watch.turn(recorder.namer).is_continue() {
            match &bpf {
                Some(bpf) => {
                    bpf.ring.next(pace.pause).iter().for_each(|batch| recorder.take(batch));
                }
                None => std::thread::sleep(pace.pause),
            }
            recorder.ask(&mut sources, false);
            recorder.steal(false);
            recorder.dying_memcgs(false);
            let due = recorder.watch.wants_counters() || flushed.elapsed() >= pace.flush;
            if due {
                if let Some(Bpf { shared, .. }) = &bpf {
                    recorder.counters(shared, false);
                    recorder.reads(shared, false);
                }
                flushed = Instant::now();
            }
            if due || recorder.namer.writer.buffered() >= FLUSH_ROWS {
                if let Err(error) = recorder.namer.writer.flush() {
                    end = End::Write(error);
                    break;
                }
                recorder.namer.bound();
            }
        }
        if let Some(bpf) = &bpf {
            bpf.wait_for_ticks();
        }
        let ended = now();
        recorder.end(ended);
        // Detach first: what is in the ring then is the rest. In reverse, for the sampler goes by
        // what the softirq and ksoftirqd probes keep.
        while attached.pop().is_some() {}
        recorder.ask(&mut sources, true);
        if let Some(Bpf { shared, ring, .. }) = bpf {
            ring.finish().for_each(|batch| recorder.take(&batch));
            recorder.counters(&shared, true);
            recorder.reads(&shared, true);
        }
        recorder.dying_memcgs(true);
        recorder.steal(true);
        recorder.settle();
        (ended, end)
    }
}
