//! What is going on now, for those who watch: the page at `/`, `/live` and `stallprof top`. In
//! bounded memory, and made when somebody asks.

mod culprits;
mod readings;
mod strips;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::host::softnet::SoftnetReader;
use crate::host::{CpuList, HostRoot, resident_memory};
use crate::model::event::HistKind;
use crate::model::findings::Stall;
use crate::model::live::{
    INTERVALS, Late, Live, LiveCpu, Missing, Own, SCHEMA, STEP, STEPS, Spread,
};
use crate::model::{Event, Lost, Meta, measured};
use crate::session::{now, realtime};
use crate::units::{Cpu, Ktime, Nanos};
use culprits::Culprits;
use readings::{Readings, Spreads};
use strips::Strips;

/// How often received packets are counted.
const RX_EVERY: Nanos = Nanos(2_000_000_000);

/// What is going on now.
#[derive(Debug, Default)]
pub struct Board(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    meta: Meta,
    /// Probes that were asked for.
    wanted: Vec<String>,
    started: Option<Ktime>,
    strips: Strips,
    readings: Readings,
    culprits: Culprits,
    softnet: Option<SoftnetReader>,
    /// Packets by CPU: when they were counted, and how many had come since the time before.
    received: VecDeque<(Ktime, BTreeMap<Cpu, u64>)>,
    lost: u64,
    /// Lost records by step.
    lost_steps: BTreeMap<u64, u64>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("lost", &self.lost).finish_non_exhaustive()
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each change leaves it whole, also where another thread panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what is measured from now on, and which probes were asked for.
    pub fn measures(&self, meta: &Meta, wanted: &[String], root: &HostRoot) {
        let mut board = self.lock();
        board.started.get_or_insert(meta.start);
        (board.meta, board.wanted) = (meta.clone(), wanted.to_vec());
        let online = CpuList::online(root).map(|list| list.cpus().to_vec()).unwrap_or_default();
        board.softnet = SoftnetReader::open(root.clone(), online).ok();
        board.received.clear();
    }

    /// Takes an event in.
    pub fn event(&self, event: &Event) {
        if let Event::Hist(h) = event {
            self.lock().readings.add(h);
        } else if let Some(late) = event.late() {
            self.lock().strips.late(late);
        }
    }

    /// Takes losses in.
    pub fn lost(&self, lost: &Lost) {
        let (count, mut board) = (lost.total(), self.lock());
        board.lost += count;
        *board.lost_steps.entry(lost.time.0 / STEP.0).or_default() += count;
        while board.lost_steps.len() as u64 > STEPS {
            board.lost_steps.pop_first();
        }
    }

    /// Takes in the stalls that the analysis found to have ended by a moment.
    pub fn stalls(&self, stalls: &[Stall], until: Ktime) {
        self.lock().culprits.add(stalls, until);
    }

    /// Counts received packets if it is time to.
    pub fn turn(&self) {
        self.lock().receive(now());
    }

    /// What is going on now; latencies of the last `interval`, as near as it can be had.
    #[must_use]
    pub fn read(&self, interval: Nanos) -> Live {
        let seconds = (interval.0 / 1_000_000_000).clamp(*INTERVALS.start(), *INTERVALS.end());
        let own = own();
        self.lock().read(now(), Nanos(seconds * 1_000_000_000), own)
    }
}

impl Inner {
    fn receive(&mut self, time: Ktime) {
        let last = self.received.back().map_or(self.meta.start, |(time, _)| *time);
        if time.since(last) < RX_EVERY {
            return;
        }
        let Some(reader) = &mut self.softnet else { return };
        let rows = reader.since_last(time);
        let rows = rows.iter().map(|row| (row.cpu, row.processed)).collect();
        self.received.push_back((time, rows));
        while self.received.len() as u64 > INTERVALS.end() / 2 {
            self.received.pop_front();
        }
    }

    /// Packets of the last interval, of each CPU.
    fn packets(&self, interval: Nanos) -> BTreeMap<Cpu, u64> {
        let mut sums = BTreeMap::new();
        let Some(newest) = self.received.back().map(|(time, _)| *time) else { return sums };
        for (_, rows) in self.received.iter().filter(|(t, _)| newest.since(*t) < interval) {
            rows.iter().for_each(|(cpu, n)| *sums.entry(*cpu).or_default() += n);
        }
        sums
    }

    fn read(&self, now: Ktime, interval: Nanos, own: Own) -> Live {
        let started = self.started.unwrap_or(now);
        let (counted, spreads) = self.readings.since(now, interval, started);
        let packets = self.packets(interval);
        let mut cpus: Vec<Cpu> = self.meta.cpus.iter().map(|cpu| Cpu(*cpu)).collect();
        cpus.extend(self.strips.cpus().filter(|cpu| !self.meta.cpus.contains(&cpu.0)));
        let cpus =
            cpus.iter().map(|cpu| self.cpu(*cpu, now, interval, &spreads, &packets)).collect();
        let (culprits, left_out) = self.culprits.read(now);
        let from = now.before(Nanos(STEP.0 * STEPS)).0 / STEP.0;
        Live {
            schema: SCHEMA,
            version: self.meta.version.clone(),
            host: self.meta.host.clone(),
            kernel: self.meta.kernel.clone(),
            realtime: realtime(),
            running: now.since(started),
            interval: counted,
            stall_threshold: self.meta.stall_threshold,
            gap_threshold: self.meta.gap_threshold,
            step: STEP,
            steps: STEPS,
            probes: running(&self.meta),
            missing: missing(&self.meta, &self.wanted),
            lost: self.lost,
            lost_lately: self.lost_steps.range(from..).map(|(_, n)| n).sum(),
            own,
            cpus,
            analysed: self.culprits.analysed(now),
            culprits,
            left_out,
        }
    }

    fn cpu(
        &self,
        cpu: Cpu,
        now: Ktime,
        interval: Nanos,
        spreads: &Spreads,
        packets: &BTreeMap<Cpu, u64>,
    ) -> LiveCpu {
        let strip = self.strips.of(cpu, now);
        let mut late = Late::default();
        // The step under way, and as many as the interval takes in.
        for step in strip.iter().filter(|step| step.ago * STEP.0 <= interval.0) {
            step.late.kinds().into_iter().for_each(|(kind, length)| late.see(kind, length));
        }
        let of = |kind: HistKind, longest: Nanos| -> Option<Spread> {
            let vectors = spreads.get(&(kind, cpu))?;
            readings::spread(&readings::join(vectors.values()), longest)
        };
        let delays = spreads.get(&(HistKind::SoftirqDelay, cpu)).into_iter().flatten();
        let vectors = delays.filter_map(|(vector, buckets)| {
            Some((vector.name().to_owned(), readings::spread(buckets, late.softirq_delay)?))
        });
        LiveCpu {
            cpu: cpu.0,
            delay: of(HistKind::SoftirqDelay, late.softirq_delay),
            vectors: vectors.collect(),
            // A handoff is longer than the wait in the run queue that it takes in.
            ksoftirqd: of(HistKind::KsoftirqdWait, Nanos(0)),
            late,
            strip,
            rx: packets.get(&cpu).copied(),
        }
    }
}

fn running(meta: &Meta) -> Vec<String> {
    meta.probes.iter().filter(|p| p.method.is_some()).map(|p| p.name.clone()).collect()
}

fn missing(meta: &Meta, wanted: &[String]) -> Vec<Missing> {
    let told = measured::missing(&meta.probes).into_iter().filter_map(|(probes, reason)| {
        let names = probes.iter().map(|p| p.name.clone()).filter(|name| wanted.contains(name));
        let probes: Vec<String> = names.collect();
        (!probes.is_empty()).then(|| Missing { probes, reason: reason.to_owned() })
    });
    told.collect()
}

fn own() -> Own {
    // SAFETY: a rusage is plain numbers, and getrusage fills it.
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let nanos = |t: libc::timeval| t.tv_sec as u64 * 1_000_000_000 + t.tv_usec as u64 * 1_000;
    Own {
        cpu: Nanos(nanos(usage.ru_utime) + nanos(usage.ru_stime)),
        memory: resident_memory().unwrap_or_default(),
    }
}
