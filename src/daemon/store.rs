//! Incidents on disk: a directory of ordinary recordings, within limits.
//!
//! A file has its name only once it is whole and on the disk: it is written under another name,
//! synced, renamed, and the directory is synced. What a crash leaves is removed at the next start.
//! The index is made from the files themselves.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::model::Recording;
use crate::model::meta::Incident;
use crate::recording;

const SUFFIX: &str = ".stall";
/// How files that are not whole begin.
const PARTIAL: &str = ".partial-";
/// The description of an incident is in the first block, which is not longer.
const HEAD: u64 = 256 << 10;

/// An incident that is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What it is.
    pub incident: Incident,
    /// Length of its file.
    pub bytes: u64,
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of all.
    pub bytes: u64,
    /// How many.
    pub count: usize,
}

/// The directory and what is in it.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    limits: Limits,
    index: BTreeMap<String, Kept>,
    /// The directory, locked: two who do not know of each other would remove what the other writes.
    _lock: File,
}

impl Store {
    /// Opens the directory, or makes it; removes what is not whole; reads what is there.
    ///
    /// # Errors
    /// It cannot be made, read, belongs to somebody else, or another daemon has it.
    pub fn open(directory: &Path, limits: Limits) -> io::Result<Store> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let meta = fs::metadata(directory)?;
        // SAFETY: geteuid cannot fail.
        if meta.uid() != unsafe { libc::geteuid() } {
            return Err(io::Error::other("the directory belongs to another user"));
        }
        if meta.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
        }
        let mut store = Store {
            directory: directory.to_owned(),
            limits,
            index: BTreeMap::new(),
            _lock: lock(directory)?,
        };
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with(PARTIAL) {
                fs::remove_file(entry.path())?;
            } else if let Some(id) = name.strip_suffix(SUFFIX)
                && entry.file_type()?.is_file()
                && let Some(kept) = describe(&entry.path(), id)
            {
                store.index.insert(id.to_owned(), kept);
            }
        }
        store.make_room(0, None);
        Ok(store)
    }

    /// Other limits from now on.
    pub fn set(&mut self, limits: Limits) {
        self.limits = limits;
        self.make_room(0, None);
    }

    /// Keeps a recording whose `meta.incident` says what it is.
    ///
    /// # Errors
    /// It cannot be written; then nothing of it stays.
    pub fn keep(&mut self, recording: &Recording) -> io::Result<()> {
        let incident = recording.meta.incident.clone().unwrap_or_default();
        let bytes = recording::write(Vec::new(), recording)?;
        if bytes.len() as u64 > self.limits.bytes {
            return Err(io::Error::other("the incident is longer than store.bytes allows"));
        }
        let partial = self.directory.join(format!("{PARTIAL}{}", incident.id));
        let written = self.write(&partial, &self.path(&incident.id), &bytes);
        if written.is_err() {
            // What is left is of no use; the error to tell is the first one.
            let _ = fs::remove_file(&partial);
        }
        written?;
        let id = incident.id.clone();
        self.index.insert(id.clone(), Kept { incident, bytes: bytes.len() as u64 });
        self.make_room(0, Some(&id));
        Ok(())
    }

    fn write(&self, partial: &Path, whole: &Path, bytes: &[u8]) -> io::Result<()> {
        let _ = fs::remove_file(partial);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(partial, whole)?;
        File::open(&self.directory)?.sync_all()
    }

    /// Removes the oldest until `more` bytes fit; of each cause the worst stays until nothing else
    /// is left.
    fn make_room(&mut self, more: u64, newest: Option<&str>) {
        while self.index.len() > self.limits.count || self.bytes() + more > self.limits.bytes {
            let worst = self.worst();
            let spare = |id: &&String| Some(id.as_str()) != newest;
            let oldest = self.index.keys().filter(spare).find(|id| !worst.contains(id));
            let Some(id) = oldest.or_else(|| self.index.keys().find(spare)).cloned() else {
                return;
            };
            // One that cannot be removed (a disk gone read-only) is not counted either.
            let _ = fs::remove_file(self.path(&id));
            self.index.remove(&id);
        }
    }

    /// The worst of each cause.
    fn worst(&self) -> Vec<String> {
        let mut worst: BTreeMap<&str, &Kept> = BTreeMap::new();
        for kept in self.index.values() {
            let best = worst.entry(&kept.incident.cause).or_insert(kept);
            if badness(&kept.incident) > badness(&best.incident) {
                *best = kept;
            }
        }
        worst.values().map(|kept| kept.incident.id.clone()).collect()
    }

    /// What is kept, oldest first.
    pub fn list(&self) -> impl Iterator<Item = &Kept> {
        self.index.values()
    }

    /// Where an incident lies, if there is one of this name: no other text becomes a path.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<PathBuf> {
        self.index.contains_key(id).then(|| self.path(id))
    }

    /// Bytes of all.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.index.values().map(|kept| kept.bytes).sum()
    }

    fn path(&self, id: &str) -> PathBuf {
        self.directory.join(format!("{id}{SUFFIX}"))
    }
}

/// Held for as long as the file is open, whatever becomes of the process.
fn lock(directory: &Path) -> io::Result<File> {
    let file = File::open(directory)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::other("another stallprof daemon keeps its incidents there"))
        }
        // Some file systems have no locks: then nobody is kept out.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// By what incidents of one cause are compared.
fn badness(incident: &Incident) -> (u64, u64) {
    (incident.past.as_ref().map_or(0, |past| past.value), incident.worst.0)
}

/// What a file says of itself; none if it is no incident of this name.
fn describe(path: &Path, id: &str) -> Option<Kept> {
    let mut head = Vec::new();
    let file = File::open(path).ok()?;
    let bytes = file.metadata().ok()?.len();
    file.take(HEAD).read_to_end(&mut head).ok()?;
    let incident = recording::read_bytes(&head).ok()?.meta.incident?;
    (incident.id == id).then_some(Kept { incident, bytes })
}
