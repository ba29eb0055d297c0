//! Cgroup ids to paths.
//!
//! What BPF calls a cgroup's id (`bpf_get_current_cgroup_id`, `cgrp->kn->id`) is the 64-bit id of
//! its kernfs node, which is the inode number of its directory (Linux >= 5.5 on 64-bit machines).
//! It is unique within one hierarchy only.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{CgroupMount, WalkEnd, WalkLimits, walk};
use crate::host::root::{HostError, HostRoot};
use crate::host::sys;

/// The cgroups of one hierarchy, by id.
#[derive(Debug)]
pub struct CgroupIds {
    paths: HashMap<u64, Box<str>>,
    end: WalkEnd,
    /// The mount's own path within the hierarchy, without a last slash.
    prefix: String,
    top: PathBuf,
    mount: Option<File>,
    /// Never more entries than this.
    room: usize,
}

impl CgroupIds {
    /// Takes down all cgroups below a mount, within limits.
    ///
    /// # Errors
    /// The mount point cannot be looked at.
    pub fn scan(
        root: &HostRoot,
        mount: &CgroupMount,
        limits: WalkLimits,
    ) -> Result<CgroupIds, HostError> {
        let failed = |source| HostError::Io { path: root.path(&mount.point), source };
        let top = root.place(&mount.point).map_err(failed)?;
        let prefix = mount.root.trim_end_matches('/').to_owned();
        let mut paths = HashMap::new();
        let end = walk(&top, limits, |below, ino| {
            paths.insert(ino, path_of(&prefix, below).into_boxed_str());
        })
        .map_err(failed)?;
        let mount = File::open(&top).ok().filter(|_| root.is_live());
        let room = limits.dirs.saturating_mul(2).max(1);
        Ok(CgroupIds { paths, end, prefix, top, mount, room })
    }

    /// Path of the cgroup with this id (`/` is the root), if the scan or [`CgroupIds::find`] met
    /// it.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<&str> {
        self.paths.get(&id).map(AsRef::as_ref)
    }

    /// As [`CgroupIds::get`], but asks the kernel about ids not met yet (a cgroup made since the
    /// scan): a few microseconds, whatever the number of cgroups. None if it is gone, or without
    /// CAP_DAC_READ_SEARCH.
    pub fn find(&mut self, id: u64) -> Option<&str> {
        if !self.paths.contains_key(&id) {
            let path = self.ask(id).ok()??;
            if self.paths.len() >= self.room {
                self.paths.clear(); // Those that live can be asked for again.
            }
            self.paths.insert(id, path.into_boxed_str());
        }
        self.get(id)
    }

    /// Drops a cgroup that was removed; its id is not used again.
    pub fn forget(&mut self, id: u64) {
        self.paths.remove(&id);
    }

    /// How the scan ended: how many there were, and whether some may be missing.
    #[must_use]
    pub fn scanned(&self) -> WalkEnd {
        self.end
    }

    fn ask(&self, id: u64) -> io::Result<Option<String>> {
        let Some(mount) = &self.mount else { return Ok(None) };
        let dir = sys::open_kernfs_id(mount, id)?;
        let meta = dir.metadata()?;
        let path = std::fs::read_link(format!("/proc/self/fd/{}", dir.as_raw_fd()))?;
        let whole = meta.is_dir() && meta.ino() == id;
        // Not below the mount: a cgroup outside of the part that is mounted here.
        let below = path.strip_prefix(&self.top).ok().filter(|_| whole);
        Ok(below.map(|below| path_of(&self.prefix, below)))
    }
}

fn path_of(prefix: &str, below: &Path) -> String {
    match below.to_string_lossy() {
        below if below.is_empty() && prefix.is_empty() => "/".to_owned(),
        below if below.is_empty() => prefix.to_owned(),
        below => format!("{prefix}/{below}"),
    }
}
