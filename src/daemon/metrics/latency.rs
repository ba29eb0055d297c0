//! Histograms of every latency that the kernel side counts: all events, not only stalls.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::buckets::Buckets;
use super::{Detail, Family, Labels, lock};
use crate::model::Event;
use crate::model::Vector;
use crate::model::event::HistKind;
use crate::units::Cpu;

/// Name and help of each.
const KINDS: [(HistKind, &str, &str); 3] = [
    (
        HistKind::SoftirqDelay,
        "softirq_delay",
        "Oldest raise of a softirq to its entry on the same CPU",
    ),
    (HistKind::SoftirqRun, "softirq_run", "Entry of a softirq handler to its return"),
    (HistKind::KsoftirqdWait, "ksoftirqd_wait", "Wake of ksoftirqd to its switch in"),
];

#[derive(Debug)]
struct Latency {
    detail: Arc<Detail>,
    counts: Mutex<BTreeMap<(HistKind, Vector, Cpu), Buckets>>,
}

pub fn new(detail: &Arc<Detail>) -> Arc<dyn Family> {
    Arc::new(Latency { detail: Arc::clone(detail), counts: Mutex::default() })
}

impl Family for Latency {
    fn event(&self, event: &Event) {
        if let Event::Hist(h) = event {
            let mut counts = lock(&self.counts);
            counts.entry((h.kind, h.vector, h.cpu)).or_default().add(h.bucket, h.count);
        }
    }

    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let per_cpu = self.detail.per_cpu();
        let mut shown: BTreeMap<(HistKind, Vector, Option<Cpu>), Buckets> = BTreeMap::new();
        for ((kind, vector, cpu), counts) in lock(&self.counts).iter() {
            shown.entry((*kind, *vector, per_cpu.then_some(*cpu))).or_default().join(counts);
        }
        for (kind, name, help) in KINDS {
            let unit = Some(&Unit::Seconds);
            let mut encoder = to.encode_descriptor(name, help, unit, MetricType::Histogram)?;
            for ((_, vector, cpu), counts) in shown.iter().filter(|((k, ..), _)| *k == kind) {
                let mut labels = Labels::new();
                if kind != HistKind::KsoftirqdWait {
                    labels.push(("vector", vector.name().to_owned()));
                }
                labels.extend(cpu.map(|cpu| ("cpu", cpu.to_string())));
                counts.encode(&mut encoder, &labels)?;
            }
        }
        Ok(())
    }
}
