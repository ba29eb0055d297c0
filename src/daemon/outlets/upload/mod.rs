//! Copies of incidents in object storage: the recording, and its tables as Parquet files.
//!
//! The incident store is the queue, and the bucket says what it has: a recording is put last, so
//! where it is, all of its incident is. Nothing is remembered on disk and nothing is deleted.

mod bucket;
mod layout;

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use tokio::runtime::Runtime;

use self::layout::Layout;
use super::complaint::Complaint;
use super::{Outlet, Sources, fence, node};
use crate::analysis::analyse;
use crate::daemon::calls;
use crate::daemon::config::{Config, Upload};
use crate::daemon::fence::Thread;
use crate::daemon::incident::list;
use crate::daemon::log::say;
use crate::daemon::metrics::memory::Memory;
use crate::daemon::metrics::upload::Fate;
use crate::daemon::rights;
use crate::export::parquet::TABLES;
use crate::model::meta::Incident;
use crate::recording;

/// New incidents are looked for this often.
const LOOK: Duration = Duration::from_secs(1);
/// After a failure the next try waits this long, and twice as long after each further one ...
const AGAIN: Duration = Duration::from_secs(2);
/// ... up to this.
const LONGEST: Duration = Duration::from_secs(600);
/// Of a longer recording there are no tables: they would take too much memory here.
const LONGEST_TABLES: usize = 12 << 20;
/// Memory that they take for each byte of it.
const PER_BYTE: u64 = 24;
/// So many failures one after the other, and it is the receiver's fault.
const FAILURES: u32 = 3;
/// The lowest priority among ordinary tasks.
const NICE: libc::c_int = 19;

/// Starts the thread that copies.
///
/// # Errors
/// The directory of a `file` URL cannot be made, or the system refuses a thread.
pub fn start(config: &Config, sources: Sources) -> Result<Outlet> {
    let upload = config.upload.clone();
    let write = bucket::directory(&upload.url)?;
    let (host, kubernetes) = node(&sources.root);
    let name = Some(upload.node.clone()).filter(|name| !name.is_empty());
    let node = name.or(kubernetes).unwrap_or(host);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(2)
        .build()?;
    let (directory, refused) = (config.store.directory.clone(), config.rights.clone());
    Ok(Outlet::start("stallprof-upload", move |stop| {
        // SAFETY: takes no pointers; 0 is this thread alone on Linux.
        unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
        if let Err(error) = rights::drop_all() {
            return say(&format_args!("nothing is uploaded: {error:#}"));
        }
        if refused.landlock {
            let mut read = vec![directory];
            read.extend(bucket::SECRETS.iter().filter_map(|name| fence::beside(name)));
            let held = fence::enter(Thread::Upload, &sources.root, &read, write.as_deref());
            sources.metrics.landlock.set(Thread::Upload, held);
        }
        if refused.seccomp {
            sources.metrics.seccomp.set(Thread::Upload, calls::refuse_more(Thread::Upload));
        }
        let complaint = Complaint::new("copying incidents to object storage");
        Copier { upload, node, sources, runtime, complaint, bucket: None }.run(stop);
    })?)
}

struct Copier {
    upload: Upload,
    node: String,
    sources: Sources,
    runtime: Runtime,
    complaint: Complaint,
    bucket: Option<Bucket>,
}

/// The bucket, and what of it is known.
struct Bucket {
    store: Arc<dyn ObjectStore>,
    layout: Layout,
    /// Days that were looked at.
    days: BTreeSet<String>,
    /// Incidents of the store that it has.
    has: BTreeSet<String>,
    /// Those that it has not.
    waits: BTreeSet<String>,
}

impl Copier {
    fn run(&mut self, stop: &Receiver<()>) {
        let (mut next, mut again) = (Instant::now(), AGAIN);
        while stop.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            if next > Instant::now() {
                continue;
            }
            let ended =
                || stop.try_recv().is_err_and(|e| e != std::sync::mpsc::TryRecvError::Empty);
            match self.round(&ended) {
                Ok(()) => again = AGAIN,
                Err(error) => {
                    self.sources.metrics.upload.up(false);
                    self.complaint.failed(&format_args!("{error:#}"));
                    next = Instant::now() + again;
                    again = LONGEST.min(again * 2);
                }
            }
        }
    }

    /// Copies what the bucket has not.
    fn round(&mut self, ended: &dyn Fn() -> bool) -> Result<()> {
        let kept = list(&self.sources.index);
        let metrics = &self.sources.metrics.upload;
        if self.bucket.is_none() {
            let timeout = Duration::from_nanos(self.upload.timeout.0.0);
            let (store, prefix) = bucket::open(&self.upload.url, timeout)?;
            self.bucket = Some(Bucket {
                store,
                layout: Layout::new(prefix, &self.node),
                days: BTreeSet::new(),
                has: BTreeSet::new(),
                waits: BTreeSet::new(),
            });
        }
        let Some(bucket) = &mut self.bucket else { return Ok(()) };
        let gone = bucket.forget(kept.iter().map(|(kept, _)| kept.incident.id.as_str()).collect());
        metrics.count(Fate::Gone, gone);
        for (kept, _) in kept.iter() {
            let incident = &kept.incident;
            if !bucket.has.contains(&incident.id) {
                self.runtime.block_on(bucket.look(&layout::day(incident)))?;
            }
        }
        let new = kept.iter().map(|(kept, path)| (&kept.incident, path));
        let new: Vec<_> = new.filter(|(i, _)| !bucket.has.contains(&i.id)).collect();
        bucket.waits = new.iter().map(|(incident, _)| incident.id.clone()).collect();
        metrics.waiting(bucket.waits.len());
        let mut failed: (u32, Result<()>) = (0, Ok(()));
        for (incident, path) in new {
            if ended() || failed.0 >= FAILURES {
                break;
            }
            let memory = self.upload.tables.then_some(&*self.sources.metrics.memory);
            let copied = bucket.copy(incident, path, memory);
            match self.runtime.block_on(copied) {
                // It is gone: the next round counts it.
                Ok(0) => {}
                Ok(sent) => {
                    bucket.waits.remove(&incident.id);
                    bucket.has.insert(incident.id.clone());
                    metrics.waiting(bucket.waits.len());
                    metrics.sent(sent);
                    metrics.count(Fate::Copied, 1);
                    failed.0 = 0;
                }
                Err(error) => {
                    metrics.count(Fate::Failed, 1);
                    failed = (failed.0 + 1, Err(error));
                }
            }
        }
        failed.1?;
        metrics.up(true);
        self.complaint.worked();
        Ok(())
    }
}

impl Bucket {
    /// Forgets all but these; gives how many of those that are gone were never copied.
    fn forget(&mut self, kept: BTreeSet<&str>) -> u64 {
        let before = self.waits.len();
        self.waits.retain(|id| kept.contains(id.as_str()));
        self.has.retain(|id| kept.contains(id.as_str()));
        (before - self.waits.len()) as u64
    }

    /// Learns what it has of a day, unless that is known.
    async fn look(&mut self, day: &str) -> Result<()> {
        if self.days.contains(day) {
            return Ok(());
        }
        let folder = self.layout.day(day);
        let listed = self.store.list_with_delimiter(Some(&folder)).await;
        let listed = listed.with_context(|| format!("listing {folder}"))?;
        self.has.extend(listed.objects.iter().filter_map(|object| layout::id(&object.location)));
        self.days.insert(day.to_owned());
        Ok(())
    }

    /// Copies an incident, with tables if it is told of the memory for them; gives how many bytes,
    /// none if it is not in the store any more.
    async fn copy(&self, incident: &Incident, path: &Path, memory: Option<&Memory>) -> Result<u64> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        let mut sent = 0;
        if let Some(memory) = memory {
            for (name, table) in tables(&bytes, &incident.id, memory) {
                sent += self.put(&self.layout.table(name, incident), table).await?;
            }
        }
        Ok(sent + self.put(&self.layout.recording(incident), bytes).await?)
    }

    async fn put(&self, name: &object_store::path::Path, bytes: Vec<u8>) -> Result<u64> {
        let length = bytes.len() as u64;
        self.store.put(name, PutPayload::from(bytes)).await?;
        Ok(length)
    }
}

/// The tables of a recording. Where they cannot be made the recording goes alone: they can be made
/// of it elsewhere.
fn tables(bytes: &[u8], id: &str, memory: &Memory) -> Vec<(&'static str, Vec<u8>)> {
    let made = (|| {
        anyhow::ensure!(bytes.len() <= LONGEST_TABLES, "the recording is too long for that here");
        let takes = bytes.len() as u64 * PER_BYTE;
        anyhow::ensure!(memory.has(takes), "there is not enough memory for that now");
        let recording = recording::read_bytes(bytes)?;
        let findings = analyse(&recording);
        let mut made = Vec::new();
        for table in TABLES {
            let mut file = Vec::new();
            table.write(&mut file, &recording, &findings)?;
            made.push((table.name, file));
        }
        anyhow::Ok(made)
    })();
    // What that took goes back to the system.
    // SAFETY: malloc_trim only gives free memory back.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
    made.unwrap_or_else(|error| {
        say(&format_args!("no tables of incident {id} are uploaded: {error}"));
        Vec::new()
    })
}
