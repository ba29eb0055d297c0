//! Metrics and incidents to an OTLP receiver.
//!
//! The messages are those of opentelemetry-proto and not of the SDK: that sends what its own
//! instruments counted, and the histograms here are the kernel's. Of metrics each push has all that
//! was counted since the start, so one that fails costs nothing but its moment, and is not
//! repeated. Incidents wait in the store, where they are kept anyway.

mod message;
mod page;
mod receiver;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Result;

use self::message::Sender;
use self::receiver::{Failure, Receiver, Signal};
use super::complaint::Complaint;
use super::{Outlet, Sources, fence, node};
use crate::daemon::calls;
use crate::daemon::config::{Config, Otlp};
use crate::daemon::fence::Thread;
use crate::daemon::incident::list;
use crate::daemon::log::say;
use crate::daemon::metrics::otlp::Fate;
use crate::host::{self, HostRoot};

/// New incidents are looked for this often.
const LOOK: Duration = Duration::from_secs(1);
/// Incidents that were not taken are sent again after so long.
const AGAIN: Duration = Duration::from_secs(2);
/// Incidents in a message.
const MOST: usize = 100;
/// At the end the receiver has this long for each message.
const LAST: Duration = Duration::from_millis(350);

/// Starts the thread that pushes.
///
/// # Errors
/// The headers cannot be read, or the system refuses a thread.
pub fn start(config: &Config, sources: Sources) -> Result<Outlet> {
    let otlp = config.otlp.clone();
    let receiver = Receiver::new(&otlp)?;
    let sender = Sender::new(&attributes(&otlp, &sources.root), host::realtime());
    let rights = config.rights.clone();
    // What was stored before may have been sent before.
    let known = list(&sources.index).iter().map(|(kept, _)| kept.incident.id.clone()).collect();
    Ok(Outlet::start("stallprof-otlp", move |stop| {
        if rights.landlock {
            let held = fence::enter(Thread::Otlp, &sources.root, &[], None);
            sources.metrics.landlock.set(Thread::Otlp, held);
        }
        if rights.seccomp {
            sources.metrics.seccomp.set(Thread::Otlp, calls::refuse_more(Thread::Otlp));
        }
        let now = Instant::now();
        let complaint = Complaint::new("pushing to the OTLP receiver");
        let (next, pause) = (now + interval(&otlp), now);
        let waiting = BTreeSet::new();
        let mut push =
            Push { otlp, sources, receiver, sender, complaint, known, waiting, next, pause };
        push.run(stop);
    })?)
}

fn interval(otlp: &Otlp) -> Duration {
    Duration::from_nanos(otlp.interval.0.0)
}

/// What is known of this node, and over it what the configuration says.
fn attributes(otlp: &Otlp, root: &HostRoot) -> BTreeMap<String, String> {
    let (host, node) = node(root);
    let mut all = BTreeMap::new();
    let mut put = |key: &str, value: String| drop(all.insert(key.to_owned(), value));
    put("service.name", "stallprof".to_owned());
    put("service.version", env!("CARGO_PKG_VERSION").to_owned());
    if !host.is_empty() {
        put("service.instance.id", host.clone());
        put("host.name", host);
    }
    if let Some(node) = node {
        put("k8s.node.name", node);
    }
    all.extend(otlp.attributes.clone());
    all
}

struct Push {
    otlp: Otlp,
    sources: Sources,
    receiver: Receiver,
    sender: Sender,
    complaint: Complaint,
    /// Incidents that were sent, or stored before this daemon began.
    known: BTreeSet<String>,
    /// Incidents that were not taken yet.
    waiting: BTreeSet<String>,
    /// When metrics are sent next.
    next: Instant,
    /// Incidents are not sent before.
    pause: Instant,
}

impl Push {
    fn run(&mut self, stop: &mpsc::Receiver<()>) {
        let timeout = Duration::from_nanos(self.otlp.timeout.0.0);
        while stop.recv_timeout(LOOK) == Err(mpsc::RecvTimeoutError::Timeout) {
            let now = Instant::now();
            if self.pause <= now {
                self.incidents(timeout);
            }
            if self.next <= now {
                self.next = now + interval(&self.otlp);
                self.metrics(timeout);
            }
        }
        self.metrics(LAST);
        self.incidents(LAST);
    }

    fn metrics(&mut self, timeout: Duration) {
        let text = self.sources.metrics.text(true);
        let message = self.sender.metrics(&page::read(&text), host::realtime());
        let sent = self.receiver.send(Signal::Metrics, &message, timeout);
        if let Err(failure) = self.done(Signal::Metrics, sent) {
            self.next = self.next.max(Instant::now() + failure.after);
        }
    }

    /// Those that nobody had yet. One that left the store meanwhile is lost to the receiver.
    fn incidents(&mut self, timeout: Duration) {
        let kept = list(&self.sources.index);
        let ids: BTreeSet<&str> = kept.iter().map(|(kept, _)| kept.incident.id.as_str()).collect();
        let gone = self.waiting.iter().filter(|id| !ids.contains(id.as_str())).count();
        self.sources.metrics.otlp.dropped(gone as u64);
        self.known.retain(|id| ids.contains(id.as_str()));
        let new = kept.iter().map(|(kept, _)| &kept.incident);
        let new: Vec<_> = new.filter(|i| !self.known.contains(&i.id)).take(MOST).collect();
        self.waiting = new.iter().map(|incident| incident.id.clone()).collect();
        if new.is_empty() {
            return;
        }
        let message = self.sender.logs(new.into_iter(), host::realtime());
        let sent = self.receiver.send(Signal::Logs, &message, timeout);
        match self.done(Signal::Logs, sent) {
            Ok(()) => self.known.append(&mut self.waiting),
            Err(failure) if failure.later => {
                self.pause = Instant::now() + failure.after.max(AGAIN);
            }
            Err(_) => {
                self.sources.metrics.otlp.dropped(self.waiting.len() as u64);
                self.known.append(&mut self.waiting);
            }
        }
    }

    /// Counts what became of a message, and says what went wrong.
    fn done(
        &mut self,
        signal: Signal,
        sent: Result<(u64, String), Failure>,
    ) -> Result<(), Failure> {
        let metrics = &self.sources.metrics.otlp;
        match sent {
            Ok((refused, why)) => {
                metrics.count(signal.name(), Fate::Taken, refused);
                self.complaint.worked();
                if refused > 0 {
                    let what = signal.name();
                    say(&format_args!("the OTLP receiver refused {refused} of the {what}: {why}"));
                }
                Ok(())
            }
            Err(failure) => {
                metrics.count(signal.name(), Fate::Failed, 0);
                self.complaint.failed(&failure);
                Err(failure)
            }
        }
    }
}
