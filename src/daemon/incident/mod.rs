//! The thread that makes incidents of what the flight recorder held, and counts stalls by culprit.
//! Analysis and disk are slow: the probes do not wait for them.

mod choice;
mod parts;

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::board::Board;
use super::config::Config;
use super::evidence::Evidence;
use super::flight::Part;
use super::log::say;
use super::metrics::incidents::Fate;
use super::metrics::{Metrics, Window};
use super::store::{self, Kept, Store};
use super::trigger::Trigger;
use crate::host::HostRoot;
use crate::model::Recording;
use crate::model::meta::{Incident, PastLimit};
use crate::recording::read_bytes;
use crate::units::Ktime;
pub use parts::ended;
use parts::whole;

/// A store that could not be opened is tried again this often.
const AGAIN: Duration = Duration::from_secs(10);

/// What there is to do.
pub enum Job {
    /// A trigger went off: copy what vanishes.
    Look,
    /// An incident is complete.
    Cut(Cut),
    /// A part of the flight recorder is whole: count the stalls that ended in a window.
    Count {
        /// That part and the one before.
        parts: Vec<Part>,
        /// The window, without its beginning and with its end.
        window: (Ktime, Ktime),
    },
    /// Another configuration.
    Set(Box<Config>),
}

/// What an incident is made of.
pub struct Cut {
    /// Why.
    pub trigger: Trigger,
    /// When the trigger went off, nanoseconds since 1970 UTC.
    pub realtime: u64,
    /// What the flight recorder had.
    pub parts: Vec<Part>,
    /// From when.
    pub from: Ktime,
    /// Until when.
    pub to: Ktime,
}

/// What is in the store, for others to read.
pub type Index = Arc<Mutex<Arc<Vec<(Kept, PathBuf)>>>>;

/// What is in the store now, oldest first.
#[must_use]
pub fn list(index: &Index) -> Arc<Vec<(Kept, PathBuf)>> {
    Arc::clone(&index.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The thread's state.
pub struct Maker {
    config: Config,
    root: HostRoot,
    store: Option<Store>,
    tried: Instant,
    /// What was last said of a store that could not be opened.
    said: String,
    index: Index,
    metrics: Arc<Metrics>,
    board: Arc<Board>,
    evidence: Option<Evidence>,
    /// When an incident of a cause and culprit was last stored.
    stored: HashMap<(String, String), Instant>,
    /// Stalls up to here were considered.
    seen: Ktime,
}

impl Maker {
    /// Opens the store; one that cannot be opened is tried again later.
    #[must_use]
    pub fn new(
        config: Config,
        root: HostRoot,
        index: Index,
        (metrics, board): (Arc<Metrics>, Arc<Board>),
    ) -> Maker {
        let mut maker = Maker {
            config,
            root,
            store: None,
            tried: Instant::now(),
            said: String::new(),
            index,
            metrics,
            board,
            evidence: None,
            stored: HashMap::new(),
            seen: Ktime(0),
        };
        maker.open();
        maker
    }

    /// Works until there is nobody left to send jobs.
    pub fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let wait = match &self.store {
                Some(_) => AGAIN,
                None => AGAIN.saturating_sub(self.tried.elapsed()),
            };
            match jobs.recv_timeout(wait) {
                Ok(Job::Look) => self.evidence = Some(Evidence::take(&self.root)),
                Ok(Job::Cut(cut)) => self.cut(&cut),
                Ok(Job::Count { parts, window }) => self.count(&parts, window),
                Ok(Job::Set(config)) => self.set(*config),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.store.is_none() && self.tried.elapsed() >= AGAIN {
                self.open();
            }
            // What an analysis took goes back to the system.
            // SAFETY: malloc_trim only gives free memory back.
            #[cfg(target_env = "gnu")]
            unsafe {
                libc::malloc_trim(0);
            }
        }
    }

    fn open(&mut self) {
        self.tried = Instant::now();
        let (directory, limits) = (&self.config.store.directory, limits(&self.config));
        match Store::open(directory, limits) {
            Ok(store) => {
                self.store = Some(store);
                if !std::mem::take(&mut self.said).is_empty() {
                    say(&format_args!("incidents are kept in {}", directory.display()));
                }
            }
            Err(error) => {
                let why = format!("incidents cannot be kept in {}: {error}", directory.display());
                if self.said != why {
                    say(&format_args!("{why}; trying again every {} s", AGAIN.as_secs()));
                    self.said = why;
                }
            }
        }
        self.publish();
    }

    fn set(&mut self, config: Config) {
        let moved = config.store.directory != self.config.store.directory;
        self.config = config;
        if moved {
            self.store = None;
            self.open();
        } else if let Some(store) = &mut self.store {
            store.set(limits(&self.config));
        }
        self.publish();
    }

    fn publish(&self) {
        let list = self.store.iter().flat_map(|store| {
            store.list().filter_map(|kept| Some((kept.clone(), store.find(&kept.incident.id)?)))
        });
        let list: Vec<_> = list.collect();
        self.metrics.incidents.store(self.store.is_some(), list.iter().map(|(k, _)| k.bytes));
        *self.index.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(list);
    }

    fn count(&self, parts: &[Part], (after, until): (Ktime, Ktime)) {
        let stalls = ended(parts, after, until);
        stalls.iter().for_each(|stall| self.metrics.stalls.count(stall));
        self.board.stalls(&stalls, until);
        let window = Window { after, until };
        for part in parts.iter().filter(|part| part.named) {
            if let Ok(recording) = read_bytes(&part.bytes) {
                self.metrics.recorded(&recording, window);
            }
        }
    }

    fn cut(&mut self, cut: &Cut) {
        let evidence = self.evidence.take();
        let Some((mut recording, findings)) = whole(&cut.parts, cut.from, cut.to) else {
            self.metrics.incidents.count(Fate::Failed);
            return say(&"an incident was lost: what the flight recorder held cannot be read back");
        };
        let stall = self.choose(cut, &findings);
        if !matches!(cut.trigger, Trigger::Past(_)) {
            self.seen = cut.to;
        }
        let Some((key, stall)) = stall else {
            return self.metrics.incidents.count(Fate::Repeated);
        };
        if let Some(evidence) = evidence {
            evidence.put(&mut recording);
        }
        let incident = Incident {
            id: self.id(cut.realtime),
            trigger: cut.trigger.to_string(),
            time: cut.realtime,
            cause: key.0.clone(),
            culprit: key.1.clone(),
            cpu: stall.map(|s| s.cpu.0),
            worst: stall.map(|s| s.duration).unwrap_or_default(),
            stalls: findings.stalls.iter().filter(|s| !s.served_meanwhile()).count(),
            past: past_limit(&cut.trigger),
        };
        recording.meta.incident = Some(incident.clone());
        self.keep(&recording, incident, key);
    }

    fn keep(&mut self, recording: &Recording, incident: Incident, key: (String, String)) {
        let mut kept = self.write(recording);
        if kept.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            // The directory is gone: perhaps there is another, or can be.
            self.store = None;
            self.open();
            kept = self.write(recording);
        }
        match kept {
            Ok(()) => {
                say(&format_args!(
                    "incident {}: {} ({}, {})",
                    incident.id, incident.trigger, incident.cause, incident.culprit
                ));
                self.metrics.incidents.count(Fate::Stored);
                if incident.past.is_none() {
                    self.metrics.stalls.exemplar(&key, &incident.id);
                    self.remember(key);
                }
                self.publish();
            }
            Err(error) => {
                self.metrics.incidents.count(Fate::Failed);
                self.metrics.incidents.store(false, std::iter::empty());
                say(&format_args!("an incident ({}) was not stored: {error}", incident.trigger));
            }
        }
    }

    fn write(&mut self, recording: &Recording) -> std::io::Result<()> {
        match &mut self.store {
            Some(store) => store.keep(recording),
            None => Err(std::io::Error::other("the store is not open")),
        }
    }

    /// A name that no incident has: the time in UTC, to the millisecond.
    fn id(&self, realtime: u64) -> String {
        let time = jiff::Timestamp::from_nanosecond(i128::from(realtime)).unwrap_or_default();
        let name = time.strftime("%Y%m%dT%H%M%S.%3fZ").to_string();
        let taken = |id: &String| self.store.as_ref().is_some_and(|s| s.find(id).is_some());
        let others = (2..).map(|n| format!("{name}-{n}"));
        std::iter::once(name.clone()).chain(others).find(|id| !taken(id)).unwrap_or_default()
    }
}

/// What was measured, where it was no lateness.
fn past_limit(trigger: &Trigger) -> Option<PastLimit> {
    let Trigger::Past(condition) = trigger else { return None };
    let unit = condition.unit.to_owned();
    Some(PastLimit { value: condition.value, limit: condition.limit, unit })
}

fn limits(config: &Config) -> store::Limits {
    store::Limits { bytes: config.store.bytes.0, count: config.store.count }
}
