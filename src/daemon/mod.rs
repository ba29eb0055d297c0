//! The sidecar: the same engine as `record`, for months. Metrics show the trend; of each stall the
//! flight recorder has the evidence from before, during and after it.
//!
//! Threads: `stallprof-probes` owns the probes, the flight recorder and the triggers (`pilot`);
//! `stallprof-ring` empties the ring buffer for it; `stallprof-store` analyses and writes
//! (`incident`); the first thread serves HTTP; `outlets` are those that send to other hosts, if any. Channels between them are bounded, and what does not
//! fit is counted.

mod alone;
mod blame;
mod board;
mod calls;
mod condition;
pub mod config;
mod control;
mod evidence;
mod fence;
mod flight;
mod http;
mod incident;
mod log;
mod metrics;
#[cfg(any(feature = "otlp", feature = "upload"))]
mod outlets;
mod pilot;
mod pulse;
mod rights;
mod room;
mod rounds;
mod store;
mod trigger;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::Builder;

use anyhow::{Context, Result, anyhow};
use sd_notify::NotifyState;
use tokio::sync::Notify;

use crate::host::HostRoot;
use crate::host::threads;

pub use alone::Alone;
use board::Board;
use config::{Config, Rights};
use control::Control;
use fence::Thread;
use http::{Gate, Socket};
use incident::{Index, Maker};
use log::say;
use metrics::Metrics;
#[cfg(any(feature = "otlp", feature = "upload"))]
use outlets::{Outlets, Sources};
use pilot::Links;
pub use pilot::Origin;

/// Heaps that the threads share.
#[cfg(target_env = "gnu")]
const HEAPS: libc::c_int = 2;
/// Jobs that may wait for the thread that makes incidents.
const JOBS: usize = 16;

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// The configuration cannot be put into force, or nothing can be measured.
pub fn run(config: Config, origin: Origin, root: HostRoot) -> Result<()> {
    // Else each thread has a heap of its own, which keeps some of what it took once.
    // SAFETY: takes two numbers, before there are threads.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, HEAPS);
    }
    let listen = config.http.listen.clone();
    let socket = Socket::bind(&listen).with_context(|| format!("http.listen: {listen}"))?;
    let gate = Gate::read(&config)?;
    let started =
        format!("{}, incidents in {}", socket.place(&config), config.store.directory.display());
    rights::drop_others()?;
    let control = Arc::new(Control::new(gate)?);
    let metrics = Arc::new(Metrics::new(&config.metrics, &root));
    if config.rights.seccomp {
        let programs = config.probes.on.iter().any(|probe| probe == "ct_stats");
        metrics.seccomp.set_all(calls::refuse(programs));
    }
    let (board, index) = (Arc::new(Board::default()), Index::default());
    let stop = Arc::new(Notify::new());

    let (jobs, work) = sync_channel(JOBS);
    let about = (Arc::clone(&metrics), Arc::clone(&board));
    let maker = Maker::new(config.clone(), root.clone(), Arc::clone(&index), about);
    #[cfg(any(feature = "otlp", feature = "upload"))]
    let outlets = {
        let (metrics, index) = (Arc::clone(&metrics), Arc::clone(&index));
        Outlets::start(&config, &Sources { root: root.clone(), metrics, index })?
    };
    let fence = Fence {
        rights: config.rights.clone(),
        root: root.clone(),
        directory: config.store.directory.clone(),
        metrics: Arc::clone(&metrics),
    };
    let around = fence.clone();
    let store = Builder::new().name("stallprof-store".into()).spawn(move || {
        around.enter(Thread::Store, None);
        maker.run(&work);
    });
    let store = store.map_err(threads::refused)?;
    let links = Links {
        control: Arc::clone(&control),
        metrics: Arc::clone(&metrics),
        board: Arc::clone(&board),
        jobs,
        root,
    };
    let (http, ended) = (config.http.clone(), Arc::clone(&stop));
    let probes = Builder::new().name("stallprof-probes".into()).spawn(move || {
        // Also where it panics: nobody serves the metrics of a dead thread.
        let _tell = Tell(ended);
        pilot::fly(config, origin, links, &started)
    });
    let probes = probes.map_err(threads::refused)?;

    let path = match &listen {
        config::Listen::Unix(path) => Some(path.as_path()),
        _ => None,
    };
    fence.enter(Thread::Http, path);
    let state = http::State::new(control, metrics, index, board);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()?;
    let served = runtime.block_on(http::serve(socket, &http, state, &stop));
    runtime.shutdown_background();
    let flown = probes.join().map_err(|_| anyhow!("the thread that owns the probes panicked"))?;
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    // Its channel has ended; it stores what is under way.
    store.join().map_err(|_| anyhow!("the thread that makes incidents panicked"))?;
    #[cfg(any(feature = "otlp", feature = "upload"))]
    outlets.finish();
    if let Some(path) = path {
        let _ = std::fs::remove_file(path);
    }
    flown?;
    served.context("serving HTTP")?;
    say(&"stopped");
    Ok(())
}

/// What a thread gives up when it needs it no more.
#[derive(Clone)]
struct Fence {
    rights: Rights,
    root: HostRoot,
    directory: PathBuf,
    metrics: Arc<Metrics>,
}

impl Fence {
    /// The calling thread goes on with less; of sockets with this one.
    fn enter(&self, thread: Thread, socket: Option<&Path>) {
        if self.rights.landlock {
            let fenced = fence::enter(thread, &self.root, &self.directory, socket);
            self.metrics.landlock.set(thread, fenced);
        }
        if self.rights.seccomp {
            self.metrics.seccomp.set(thread, calls::refuse_more(thread));
        }
    }
}

/// Tells when it goes.
struct Tell(Arc<Notify>);

impl Drop for Tell {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}
