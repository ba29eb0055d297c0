//! Stalls by cause and culprit, as the analysis found them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::CounterWithExemplar;
use prometheus_client::registry::Unit;

use super::{Detail, Family, Labels, lock, series};
use crate::daemon::blame;
use crate::model::findings::Stall;

/// A culprit that did nothing for so long gives its place to another.
const IDLE: Duration = Duration::from_secs(3600);
/// Stands for all culprits without a place.
const OTHER: &str = "other";
/// Most causes there are.
const CAUSES: usize = 16;

#[derive(Debug)]
struct Row {
    count: CounterWithExemplar<Labels>,
    /// The last incident that shows them, and since when.
    incident: Option<(Labels, SystemTime)>,
    seconds: f64,
    last: Instant,
}

impl Default for Row {
    fn default() -> Row {
        Row {
            count: CounterWithExemplar::default(),
            incident: None,
            seconds: 0.0,
            last: Instant::now(),
        }
    }
}

impl Row {
    /// The counter forgets its exemplar with each addition that has none.
    fn add(&mut self, count: u64) {
        let (labels, time) = self.incident.clone().unzip();
        self.count.inc_by(count, labels, time);
    }
}

/// Stalls by cause and culprit.
#[derive(Debug)]
pub struct Stalls {
    detail: Arc<Detail>,
    rows: Mutex<BTreeMap<(String, String), Row>>,
    /// Those in which nobody waited but ksoftirqd.
    harmless: AtomicU64,
}

impl Stalls {
    /// None yet.
    pub fn new(detail: &Arc<Detail>) -> Stalls {
        Stalls { detail: Arc::clone(detail), rows: Mutex::default(), harmless: AtomicU64::new(0) }
    }

    /// Counts a stall.
    pub fn count(&self, stall: &Stall) {
        if stall.served_meanwhile() {
            self.harmless.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.with(&(blame::cause(stall), blame::culprit(stall)), |row| {
            row.add(1);
            row.seconds += stall.duration.secs();
        });
    }

    /// Says which incident shows stalls of a cause and culprit.
    pub fn exemplar(&self, key: &(String, String), incident: &str) {
        let labels = vec![("incident", incident.to_owned())];
        self.with(key, |row| {
            row.incident = Some((labels, SystemTime::now()));
            row.add(0);
        });
    }

    fn with(&self, key: &(String, String), act: impl FnOnce(&mut Row)) {
        let rows = &mut *lock(&self.rows);
        if !rows.contains_key(key) && rows.len() >= self.detail.culprits() + CAUSES {
            rows.retain(|(_, who), row| who == OTHER || row.last.elapsed() < IDLE);
        }
        let named = rows.keys().filter(|(_, who)| who != OTHER).count();
        let fits = rows.contains_key(key) || named < self.detail.culprits();
        let who = if fits { key.1.clone() } else { OTHER.to_owned() };
        let row = rows.entry((key.0.clone(), who)).or_default();
        row.last = Instant::now();
        act(row);
    }
}

fn labels((cause, culprit): &(String, String)) -> Labels {
    vec![("cause", cause.clone()), ("culprit", culprit.clone())]
}

impl Family for Stalls {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let rows = lock(&self.rows);
        let help = "Stalls by cause and culprit";
        let mut counts = to.encode_descriptor("stalls", help, None, MetricType::Counter)?;
        for (key, row) in rows.iter() {
            row.count.encode(counts.encode_family(&labels(key))?)?;
        }
        series!(
            to,
            "stall",
            "Length of all stalls together, by cause and culprit",
            Some(&Unit::Seconds),
            counter,
            rows.iter().map(|(key, row)| (labels(key), row.seconds))
        );
        let help = "Stalls in which nobody waited but ksoftirqd: interrupts ran its softirqs";
        let harmless = self.harmless.load(Ordering::Relaxed);
        series!(to, "harmless_stalls", help, None, one counter, harmless);
        Ok(())
    }
}
