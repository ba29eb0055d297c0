//! Counters of connection tracking, network namespace by network namespace, while recording.

mod dropped;
mod namespaces;
mod told;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::affinity::keep_off;
use super::{Attached, Config, Names, Source, Tracking};
use crate::host::caps::{Cap, Caps};
use crate::host::threads::refused;
use crate::model::Event;
use namespaces::{Namespaces, Way};
use told::Told;

/// How often namespaces are read, as far as there is time for all.
const EVERY: Duration = Duration::from_secs(1);
/// Share of the time that reading may take meanwhile: a thousandth.
const SHARE: u32 = 1000;
/// How long the start waits for namespaces to be found, and as long again for the first reading of
/// them; how long that may go on beside the recording; and how long the end waits for the last.
const FIRST: Duration = Duration::from_millis(60);
const REST: Duration = Duration::from_millis(200);
const LAST: Duration = Duration::from_millis(400);
/// Namespaces watched at most, besides those in which packets were dropped.
const MOST: usize = 1000;
/// Told and not yet taken, at most.
const UNDER_WAY: usize = 65_536;

/// Reads until it is dropped, then a last time. A thread of its own, as it enters the namespaces.
struct Reading {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// What was read and not yet taken.
#[derive(Clone, Default)]
struct Pending(Arc<Mutex<Vec<Told>>>);

impl Pending {
    /// Adds; full only where nobody takes any more.
    fn add(&self, told: impl IntoIterator<Item = Told>) {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = UNDER_WAY.saturating_sub(pending.len());
        pending.extend(told.into_iter().take(room));
    }
}

impl Source for Pending {
    fn drain(&mut self, names: &mut dyn Names, push: &mut dyn FnMut(Event)) {
        let told = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        told.iter().for_each(|told| told.events(names, push));
    }
}

/// What is missed where no namespace is entered.
pub const BY_FILES: &str =
    "not how many entries there can be in other network namespaces; no rules are listed";

pub fn attach(config: &Config) -> Result<Attached> {
    let caps = Caps::own();
    if !caps.has(Cap::SysAdmin) {
        bail!("entering network namespaces takes CAP_SYS_ADMIN");
    }
    start(config, Way::Enter)
}

/// By the files of the processes in the namespaces: no namespace is entered.
pub fn attach_files(config: &Config) -> Result<Attached> {
    let caps = Caps::own();
    if !caps.has(Cap::SysPtrace) {
        bail!("seeing the network namespaces of other users takes CAP_SYS_PTRACE");
    }
    if !config.root.has("proc/net/stat/nf_conntrack") {
        bail!("no /proc/net/stat/nf_conntrack: the kernel has none, or tracks no connections yet");
    }
    start(config, Way::Files)
}

fn start(config: &Config, way: Way) -> Result<Attached> {
    let pending = Pending::default();
    let stop = Arc::new(AtomicBool::new(false));
    let (ready, first) = sync_channel(1);
    let (cpus, told, out) = (config.cpus.clone(), Arc::clone(&stop), pending.clone());
    let (tracking, root) = (config.tracking.clone(), config.root.clone());
    let thread = std::thread::Builder::new()
        .name("stallprof-netns".to_owned())
        .spawn(move || {
            keep_off(&cpus);
            let mut namespaces = match Namespaces::find(root, FIRST, way, MOST) {
                Ok(namespaces) => namespaces,
                Err(why) => {
                    let _ = ready.send(Err(why));
                    return;
                }
            };
            let mut first = namespaces.read_all(Instant::now() + FIRST);
            let _ = ready.send(Ok(()));
            first.extend(namespaces.read_rest(Instant::now() + REST));
            tracking.set(namespaces.complete() && !first.iter().any(Told::tracks));
            out.add(first);
            watch(&mut namespaces, &out, &tracking, &told);
        })
        .map_err(refused)
        .context("starting the thread that reads network namespaces")?;
    let keep = Reading { stop, thread: Some(thread) };
    // What is counted before the probe of flows attaches must not be taken for flows not seen.
    if let Ok(Err(why)) = first.recv_timeout(6 * FIRST) {
        bail!(why);
    }
    Ok(Attached { keep: Box::new(keep), source: Some(Box::new(pending)), note: None })
}

fn watch(namespaces: &mut Namespaces, out: &Pending, tracking: &Tracking, stop: &AtomicBool) {
    let began = Instant::now();
    let mut spent = Duration::ZERO;
    let mut due = began + EVERY;
    while !stop.load(Ordering::Relaxed) {
        std::thread::park_timeout(due.saturating_duration_since(Instant::now()));
        if Instant::now() < due || stop.load(Ordering::Relaxed) {
            continue;
        }
        due = Instant::now() + EVERY;
        namespaces.read_first(tracking.take_dropped());
        let left = (began.elapsed() / SHARE).saturating_sub(spent);
        if !left.is_zero() {
            let turn = Instant::now();
            let read = namespaces.read_some(turn, left);
            if read.iter().any(Told::tracks) {
                tracking.set(false);
            }
            out.add(read);
            spent += turn.elapsed();
        }
        out.add(namespaces.rules_where_packets_were_lost(Duration::from_secs(2)));
    }
    namespaces.read_first(tracking.take_dropped());
    out.add(namespaces.read_last(LAST));
    out.add(namespaces.rules_where_packets_were_lost(Duration::from_secs(1)));
    out.add(namespaces.left_out());
}
