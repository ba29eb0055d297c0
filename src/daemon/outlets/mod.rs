//! Threads that send to other hosts, where the configuration asks for it. They read what others
//! keep: nobody waits for them, and nothing is queued for them. What they did not send yet they
//! find again in the incident store.

mod complaint;
mod fence;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "upload")]
mod upload;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::config::Config;
use super::incident::Index;
use super::metrics::Metrics;
use crate::host::HostRoot;
use crate::host::threads::refused;

/// The end waits so long for what is being sent.
const LAST: Duration = Duration::from_millis(800);

/// What they read.
#[derive(Clone)]
pub struct Sources {
    /// The host's files.
    pub root: HostRoot,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// The incidents that are kept.
    pub index: Index,
}

/// Those that run.
pub struct Outlets(Vec<Outlet>);

struct Outlet {
    stop: Sender<()>,
    ended: Receiver<()>,
}

impl Outlets {
    /// Starts those that are asked for.
    ///
    /// # Errors
    /// What one needs cannot be read, or the system refuses a thread.
    pub fn start(config: &Config, sources: &Sources) -> Result<Outlets> {
        let mut all = Vec::new();
        #[cfg(feature = "otlp")]
        if config.otlp.on() {
            all.push(otlp::start(config, sources.clone())?);
        }
        #[cfg(feature = "upload")]
        if config.upload.on() {
            all.push(upload::start(config, sources.clone())?);
        }
        Ok(Outlets(all))
    }

    /// Tells them to end, and waits for a moment. What is cut off is not lost: it is in the store.
    pub fn finish(self) {
        let until = Instant::now() + LAST;
        let stop = |outlet: Outlet| {
            drop(outlet.stop);
            outlet.ended
        };
        let ends: Vec<_> = self.0.into_iter().map(stop).collect();
        for ended in ends {
            let _ = ended.recv_timeout(until.saturating_duration_since(Instant::now()));
        }
    }
}

impl Outlet {
    /// A thread that runs until its channel has ended.
    fn start(
        name: &str,
        run: impl FnOnce(&Receiver<()>) + Send + 'static,
    ) -> std::io::Result<Outlet> {
        let (stop, stopped) = channel();
        let (end, ended) = channel();
        let thread = Builder::new().name(name.into()).spawn(move || {
            let _end: Sender<()> = end;
            run(&stopped);
        });
        thread.map_err(refused)?;
        Ok(Outlet { stop, ended })
    }
}

/// By which name others know this node: Kubernetes' where it tells, else the host's.
fn node(root: &HostRoot) -> (String, Option<String>) {
    let host = crate::host::HostFacts::read(root).map(|f| f.uname.hostname).unwrap_or_default();
    (host, std::env::var("K8S_NODE_NAME").ok().filter(|name| !name.is_empty()))
}
