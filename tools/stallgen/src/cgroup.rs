//! Control groups of our own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Context as _, Result};

/// All groups of all runs are below this one, in any hierarchy.
const PARENT: &str = "stallgen";

/// Where cgroup v2 is mounted.
pub fn unified_mount() -> Result<PathBuf> {
    mounts()
        .find_map(|(path, controllers)| controllers.is_none().then_some(path))
        .context("cgroup v2 is not mounted: mount -t cgroup2 none /sys/fs/cgroup/unified")
}

/// Where cgroup v1 with this controller is mounted.
pub fn v1_mount(controller: &str) -> Option<PathBuf> {
    let has = |controllers: &str| controllers.split(',').any(|option| option == controller);
    mounts().find_map(|(path, controllers)| controllers.is_some_and(|c| has(&c)).then_some(path))
}

/// Mounted hierarchies; those of cgroup v1 with their mount options, the
/// controllers among them.
fn mounts() -> impl Iterator<Item = (PathBuf, Option<String>)> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let parse = |line: &str| {
        let mut fields = line.split(' ').skip(1);
        let path = PathBuf::from(fields.next()?);
        match fields.next()? {
            "cgroup" => Some((path, Some(fields.next()?.to_owned()))),
            "cgroup2" => Some((path, None)),
            _ => None,
        }
    };
    mounts.lines().filter_map(parse).collect::<Vec<_>>().into_iter()
}

/// Removes what runs that were killed left behind.
pub fn remove_all_orphans() {
    for (mount, _) in mounts() {
        let parent = mount.join(PARENT);
        remove_orphans(&parent);
        let _ = fs::remove_dir(parent);
    }
}

/// A group that goes with this value. One whose process was killed goes with
/// the next run.
#[derive(Debug)]
pub struct OwnGroup {
    path: PathBuf,
}

impl OwnGroup {
    /// Makes a group in the hierarchy mounted at `mount`.
    pub fn create(mount: &Path) -> Result<Self> {
        let path = mount.join(PARENT).join(process::id().to_string());
        fs::create_dir_all(&path)
            .with_context(|| format!("cannot make the cgroup {}", path.display()))?;
        Ok(Self { path })
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for OwnGroup {
    fn drop(&mut self) {
        remove_tree(&self.path);
        // Fails as long as another run has a group there.
        if let Some(parent) = self.path.parent() {
            let _ = fs::remove_dir(parent);
        }
    }
}

fn remove_orphans(parent: &Path) {
    for path in subdirectories(parent) {
        let pid = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let owner = fs::read_to_string(format!("/proc/{pid}/comm"));
        if !owner.is_ok_and(|comm| comm.trim_end() == env!("CARGO_PKG_NAME")) {
            remove_tree(&path);
        }
    }
}

/// Control files cannot be unlinked: only directories are removed.
fn remove_tree(path: &Path) {
    for child in subdirectories(path) {
        remove_tree(&child);
    }
    let _ = fs::remove_dir(path);
}

fn subdirectories(path: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).map(|e| e.path())
}

/// Directories at and below `path`.
pub fn count_groups(path: &Path) -> u64 {
    1 + subdirectories(path).map(|child| count_groups(&child)).sum::<u64>()
}
