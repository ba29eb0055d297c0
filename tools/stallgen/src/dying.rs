//! Dying memory cgroups: removed, but each still charged for a page.
//!
//! The pages are those of one memfd. It has no name, and when this process ends
//! for whatever reason, its pages go and the memory cgroups with them.

use std::fs::{self, File};
use std::os::fd::{AsRawFd as _, FromRawFd as _};
use std::path::{Path, PathBuf};
use std::ptr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::cgroup::{OwnGroup, count_groups, unified_mount, v1_mount};
use crate::charge;
use crate::clock::last_error;
use crate::possible::NotPossible;
use crate::stop::Stop;
use crate::task::{pin_to, set_comm};

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

    /// Dirties the statistics of all of them on each of `cpus`.
    pub fn touch(&self, cpus: &[u32]) -> Result<()> {
        let pages = &self.pages;
        thread::scope(|scope| {
            let touch = |&cpu| {
                scope.spawn(move || {
                    set_comm("sg-touch");
                    pin_to(&[cpu])?;
                    map_and_unmap(pages, self.bytes)
                })
            };
            let threads: Vec<_> = cpus.iter().map(touch).collect();
            threads
                .into_iter()
                .try_for_each(|t| t.join().unwrap_or_else(|_| Err(anyhow!("a thread panicked"))))
        })
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

fn map_and_unmap(file: &File, bytes: usize) -> Result<()> {
    // SAFETY: a new mapping, which nobody reads, writes or keeps.
    unsafe {
        let address = libc::mmap(
            ptr::null_mut(),
            bytes,
            libc::PROT_READ,
            libc::MAP_SHARED | libc::MAP_POPULATE,
            file.as_raw_fd(),
            0,
        );
        if address == libc::MAP_FAILED {
            return Err(last_error("mmap"));
        }
        libc::munmap(address, bytes);
    }
    Ok(())
}
