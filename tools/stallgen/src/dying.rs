//! Dying memory cgroups: removed, but each still charged for a page.
//!
//! The pages are those of one memfd. It has no name, and when this process ends
//! for whatever reason, its pages go and the memory cgroups with them.

use std::fs::{self, File};
use std::os::fd::FromRawFd as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::cgroup::{OwnGroup, count_groups, unified_mount, v1_mount};
use crate::charge;
use crate::clock::last_error;
use crate::possible::NotPossible;
use crate::stop::Stop;
use crate::touch::{Toucher, Touchers};

/// The kernel frees memory cgroups in the background.
const FREEING: Duration = Duration::from_secs(30);
/// It frees some in each such time, if there are any to free.
const SETTLE: Duration = Duration::from_millis(300);

/// Dying memory cgroups below one that lives.
pub struct DyingMemcgs {
    pages: File,
    bytes: usize,
    /// Of others, in the whole hierarchy (v1 only).
    foreign: u64,
    hierarchy: Hierarchy,
    group: OwnGroup,
}

enum Hierarchy {
    V1(PathBuf),
    V2,
}

impl DyingMemcgs {
    /// Makes `count` of them.
    pub fn create(count: u32, stop: &Stop) -> Result<Self> {
        let (hierarchy, group) = match v1_mount("memory") {
            Some(mount) => {
                let group = OwnGroup::create(&mount)?;
                (Hierarchy::V1(mount), group)
            }
            None => (Hierarchy::V2, own_group_v2()?),
        };
        // SAFETY: a C string; the descriptor returned is ours alone.
        let pages = unsafe {
            match libc::memfd_create(c"stallgen".as_ptr(), libc::MFD_CLOEXEC) {
                -1 => return Err(last_error("memfd_create")),
                fd => File::from_raw_fd(fd),
            }
        };
        let bytes = count as usize * charge::PAGE;
        pages.set_len(bytes as u64)?;
        let mut this = Self { pages, bytes, foreign: 0, hierarchy, group };
        this.foreign = this.settled_count(stop)?;
        charge::in_child(&this.pages, this.path(), count, stop)?;
        let dying = this.count()?;
        ensure!(
            dying >= u64::from(count) * 9 / 10,
            NotPossible(format!("{dying} of {count} removed memory cgroups are still there"))
        );
        Ok(this)
    }

    /// The living one above them.
    pub fn path(&self) -> &Path {
        self.group.path()
    }

    /// How many there are.
    pub fn count(&self) -> Result<u64> {
        let all = match &self.hierarchy {
            Hierarchy::V1(mount) => {
                let known = number_after(Path::new("/proc/cgroups"), "memory", 1)?;
                known.saturating_sub(count_groups(mount))
            }
            Hierarchy::V2 => {
                number_after(&self.path().join("cgroup.stat"), "nr_dying_descendants", 0)?
            }
        };
        Ok(all.saturating_sub(self.foreign))
    }

    /// How many there are once no more of them go: an earlier run's may be on
    /// their way.
    fn settled_count(&self, stop: &Stop) -> Result<u64> {
        let mut count = self.count()?;
        let give_up = Instant::now() + FREEING;
        while !stop.is_set() && Instant::now() < give_up {
            thread::sleep(SETTLE);
            let now = self.count()?;
            if now >= count {
                break;
            }
            count = now;
        }
        Ok(count)
    }

    /// Starts who dirties their statistics, a thread on each of `cpus`. Call it from a thread that
    /// is not bound to a CPU: a new one begins where its maker may run.
    pub fn touchers(&self, cpus: &[u32]) -> Result<Touchers> {
        cpus.iter().map(|cpu| Toucher::start(self.pages.try_clone()?, self.bytes, *cpu)).collect()
    }
}

impl Drop for DyingMemcgs {
    fn drop(&mut self) {
        let _ = self.pages.set_len(0);
        // Whoever measures next is to find the machine as it was.
        let give_up = Instant::now() + FREEING;
        while self.count().is_ok_and(|n| n > 0) && Instant::now() < give_up {
            thread::sleep(Duration::from_millis(50));
        }
    }
}

fn own_group_v2() -> Result<OwnGroup> {
    let mount = unified_mount()?;
    let group = OwnGroup::create(&mount)?;
    for path in [Some(mount.as_path()), group.path().parent(), Some(group.path())] {
        let control = path.context("cgroup without parent")?.join("cgroup.subtree_control");
        fs::write(&control, "+memory").with_context(|| {
            format!("cannot enable the memory controller in {}", control.display())
        })?;
    }
    Ok(group)
}

/// The number `skip` words after `word`, on the line that begins with it.
fn number_after(path: &Path, word: &str, skip: usize) -> Result<u64> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let line = text.lines().map(str::split_whitespace).find_map(|mut words| {
        (words.next() == Some(word)).then(|| words.nth(skip)).flatten()?.parse().ok()
    });
    line.with_context(|| format!("no {word} in {}", path.display()))
}
