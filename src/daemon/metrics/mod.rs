//! What Prometheus reads: `docs/metrics.md` lists it. One file a family, one line in [`FAMILIES`];
//! those that are told more than events are fields of [`Metrics`] too.

mod buckets;
pub mod clock;
mod conntrack;
pub mod flight;
pub mod incidents;
pub mod landlock;
mod late;
mod latency;
mod lost;
mod memcg;
pub mod memory;
#[cfg(feature = "otlp")]
pub mod otlp;
mod own;
mod places;
pub mod probes;
mod received;
pub mod reloads;
pub mod seccomp;
mod slow_reads;
pub mod stalls;
mod text;
#[cfg(feature = "upload")]
pub mod upload;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;

use super::config;
use crate::host::HostRoot;
use crate::model::{Event, Lost, Recording};
use crate::units::Ktime;

/// A family of metrics, or several that go together.
pub trait Family: fmt::Debug + Send + Sync {
    /// Told of every event.
    fn event(&self, _: &Event) {}
    /// Told of records that a probe lost.
    fn lost(&self, _probe: &'static str, _: &Lost) {}
    /// Told of a part of the flight recorder, where names are needed; of it only what is in the
    /// window counts now.
    fn recorded(&self, _: &Recording, _: Window) {}
    /// Writes all its series.
    ///
    /// # Errors
    /// Only the encoder's own.
    fn encode(&self, to: DescriptorEncoder<'_>) -> fmt::Result;
}

/// Makes a family.
type New = fn(&Arc<Detail>) -> Arc<dyn Family>;

/// Those that live on events alone.
const FAMILIES: [New; 7] =
    [latency::new, late::new, memcg::new, lost::new, own::new, conntrack::new, slow_reads::new];

/// A time without its beginning and with its end.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Its beginning.
    pub after: Ktime,
    /// Its end.
    pub until: Ktime,
}

impl Window {
    /// Whether a moment is in it.
    #[must_use]
    pub fn holds(&self, time: Ktime) -> bool {
        self.after < time && time <= self.until
    }
}

/// Whether an event is counted under a name: those are in the flight recorder.
#[must_use]
pub fn named(event: &Event) -> bool {
    matches!(event, Event::CtReading(_) | Event::CtGrown(_) | Event::SyscallSlow(_))
}

/// How much detail is wanted; may change.
#[derive(Debug, Default)]
pub struct Detail {
    per_cpu: AtomicBool,
    culprits: AtomicUsize,
}

impl Detail {
    fn set(&self, config: &config::Metrics) {
        self.per_cpu.store(config.per_cpu, Ordering::Relaxed);
        self.culprits.store(config.culprits, Ordering::Relaxed);
    }

    /// Series of each CPU.
    pub fn per_cpu(&self) -> bool {
        self.per_cpu.load(Ordering::Relaxed)
    }

    /// Culprits with series of their own.
    pub fn culprits(&self) -> usize {
        self.culprits.load(Ordering::Relaxed)
    }
}

/// All metrics.
#[derive(Debug)]
pub struct Metrics {
    detail: Arc<Detail>,
    families: Vec<Arc<dyn Family>>,
    registry: Registry,
    /// Stalls by cause and culprit.
    pub stalls: Arc<stalls::Stalls>,
    /// Incidents and their store.
    pub incidents: Arc<incidents::Incidents>,
    /// The flight recorder.
    pub flight: Arc<flight::Gauges>,
    /// Memory that is left.
    pub memory: Arc<memory::Memory>,
    /// Which probes run.
    pub probes: Arc<probes::Probes>,
    /// Reloads of the configuration.
    pub reloads: Arc<reloads::Reloads>,
    /// Steps of the wall clock.
    pub clock: Arc<clock::Clock>,
    /// Which threads Landlock fences in.
    pub landlock: Arc<landlock::Landlock>,
    /// Which threads seccomp refuses system calls.
    pub seccomp: Arc<seccomp::Seccomp>,
    /// What is pushed to an OTLP receiver.
    #[cfg(feature = "otlp")]
    pub otlp: Arc<otlp::Otlp>,
    /// What is copied to object storage.
    #[cfg(feature = "upload")]
    pub upload: Arc<upload::Upload>,
}

#[derive(Debug)]
struct Shown(Arc<dyn Family>);

impl Collector for Shown {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0.encode(encoder)
    }
}

impl Metrics {
    /// All at zero.
    #[must_use]
    pub fn new(config: &config::Metrics, root: &HostRoot) -> Metrics {
        let detail = Arc::new(Detail::default());
        detail.set(config);
        let stalls = Arc::new(stalls::Stalls::new(&detail));
        let (incidents, flight, memory) = (Arc::default(), Arc::default(), Arc::default());
        let (probes, reloads) = (Arc::default(), Arc::default());
        let mut families: Vec<Arc<dyn Family>> = FAMILIES.iter().map(|new| new(&detail)).collect();
        families.push(received::new(root));
        families.push(Arc::clone(&stalls) as _);
        families.push(Arc::clone(&incidents) as Arc<incidents::Incidents> as _);
        families.push(Arc::clone(&flight) as Arc<flight::Gauges> as _);
        families.push(Arc::clone(&memory) as Arc<memory::Memory> as _);
        families.push(Arc::clone(&probes) as Arc<probes::Probes> as _);
        families.push(Arc::clone(&reloads) as Arc<reloads::Reloads> as _);
        let clock = Arc::<clock::Clock>::default();
        families.push(Arc::clone(&clock) as _);
        let landlock = Arc::<landlock::Landlock>::default();
        families.push(Arc::clone(&landlock) as _);
        let seccomp = Arc::<seccomp::Seccomp>::default();
        families.push(Arc::clone(&seccomp) as _);
        #[cfg(feature = "otlp")]
        let otlp = Arc::<otlp::Otlp>::default();
        #[cfg(feature = "otlp")]
        families.push(Arc::clone(&otlp) as _);
        #[cfg(feature = "upload")]
        let upload = Arc::<upload::Upload>::default();
        #[cfg(feature = "upload")]
        families.push(Arc::clone(&upload) as _);
        let mut registry = Registry::with_prefix("stallprof");
        for family in &families {
            registry.register_collector(Box::new(Shown(Arc::clone(family))));
        }
        Metrics {
            detail,
            families,
            registry,
            stalls,
            incidents,
            flight,
            memory,
            probes,
            reloads,
            clock,
            landlock,
            seccomp,
            #[cfg(feature = "otlp")]
            otlp,
            #[cfg(feature = "upload")]
            upload,
        }
    }

    /// Other detail from now on.
    pub fn set(&self, config: &config::Metrics) {
        self.detail.set(config);
    }

    /// Tells all families of an event.
    pub fn event(&self, event: &Event) {
        self.families.iter().for_each(|family| family.event(event));
    }

    /// Tells all families of a part of the flight recorder.
    pub fn recorded(&self, recording: &Recording, window: Window) {
        self.families.iter().for_each(|family| family.recorded(recording, window));
    }

    /// Tells all families of records lost.
    pub fn lost(&self, probe: &'static str, lost: &Lost) {
        self.families.iter().for_each(|family| family.lost(probe, lost));
    }

    /// All of it as OpenMetrics text, or in the older Prometheus format.
    #[must_use]
    pub fn text(&self, open_metrics: bool) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        if open_metrics { text } else { text::classic(&text) }
    }
}

/// What a lock guards is whole after each change, also where another thread panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The series of gauges or counters of one name: those in `(labels, value)`s, or the one without
/// labels, which may be missing.
macro_rules! series {
    ($to:expr, $name:expr, $help:expr, $unit:expr, gauge, $rows:expr) => {{
        use prometheus_client::metrics::MetricType::Gauge;
        let mut encoder = $to.encode_descriptor($name, $help, $unit, Gauge)?;
        for (labels, value) in $rows {
            encoder.encode_family(&labels)?.encode_gauge(&value)?;
        }
    }};
    ($to:expr, $name:expr, $help:expr, $unit:expr, one gauge, $value:expr) => {{
        use prometheus_client::metrics::MetricType::Gauge;
        let mut encoder = $to.encode_descriptor($name, $help, $unit, Gauge)?;
        if let Some(value) = $value {
            encoder.encode_gauge(&value)?;
        }
    }};
    ($to:expr, $name:expr, $help:expr, $unit:expr, counter, $rows:expr) => {{
        use prometheus_client::encoding::NoLabelSet;
        use prometheus_client::metrics::{MetricType::Counter, exemplar::Exemplar};
        let mut encoder = $to.encode_descriptor($name, $help, $unit, Counter)?;
        let none = None::<&Exemplar<NoLabelSet, f64>>;
        for (labels, value) in $rows {
            encoder.encode_family(&labels)?.encode_counter(&value, none)?;
        }
    }};
    ($to:expr, $name:expr, $help:expr, $unit:expr, one counter, $value:expr) => {{
        use prometheus_client::encoding::NoLabelSet;
        use prometheus_client::metrics::{MetricType::Counter, exemplar::Exemplar};
        let mut encoder = $to.encode_descriptor($name, $help, $unit, Counter)?;
        encoder.encode_counter(&$value, None::<&Exemplar<NoLabelSet, f64>>)?;
    }};
}
pub(super) use series;

/// Labels: name and value.
pub type Labels = Vec<(&'static str, String)>;
