//! Dying memory cgroups: removed, but still holding memory. Many of them make `memory.stat` slow.
//! They are counted without ever reading that file.

use std::fmt;

use procfs::{CGroupControllers, FromBufRead};

use super::cgroup::{CgroupMount, CgroupMounts, Hierarchy, WalkLimits, walk};
use super::root::{HostError, HostRoot};

/// How many dying memory cgroups there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DyingMemcgs {
    /// The number.
    pub count: u64,
    /// How it was found.
    pub method: DyingMethod,
}

/// Ways to count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DyingMethod {
    /// v1: cgroups that the kernel holds less directories that are there. Cgroups made or removed
    /// during the count put it off by as many.
    V1Difference,
    /// v2: `nr_dying_descendants` of the root's `cgroup.stat`, of all controllers.
    V2Descendants,
    /// v2 since 6.12: `nr_dying_subsys_memory` of the root's `cgroup.stat`.
    V2Memory,
}

impl fmt::Display for DyingMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            DyingMethod::V1Difference => "num_cgroups of /proc/cgroups less the v1 directories",
            DyingMethod::V2Descendants => "nr_dying_descendants of the root's cgroup.stat",
            DyingMethod::V2Memory => "nr_dying_subsys_memory of the root's cgroup.stat",
        })
    }
}

/// Why they could not be counted.
#[derive(Debug, thiserror::Error)]
pub enum DyingUnknown {
    /// Neither a v1 memory hierarchy is mounted nor v2 with the memory controller.
    #[error("no hierarchy with the memory controller is mounted")]
    NoController,
    /// Only a part of the hierarchy is mounted here.
    #[error("only a part of the cgroup hierarchy is mounted here (a container's own)")]
    Partial,
    /// There are more directories than the walk may visit, or some cannot be read.
    #[error("gave up counting directories at {0}")]
    Cut(usize),
    /// A file cannot be read or understood.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl DyingMemcgs {
    /// Counts them: on v1 by going over the directories, on v2 by reading one file.
    ///
    /// # Errors
    /// [`DyingUnknown`] says why there is no number.
    pub fn read(root: &HostRoot) -> Result<DyingMemcgs, DyingUnknown> {
        let mounts = CgroupMounts::read(root)?;
        // /proc/cgroups is left alone on v2: since 6.14 a read of it there logs a warning.
        if let Some(mount) = mounts.get(Hierarchy::V1Memory) {
            return of_v1(root, mount, WalkLimits::default());
        }
        let mount = mounts.get(Hierarchy::V2).ok_or(DyingUnknown::NoController)?;
        of_v2(root, mount)
    }
}

fn of_v1(
    root: &HostRoot,
    mount: &CgroupMount,
    limits: WalkLimits,
) -> Result<DyingMemcgs, DyingUnknown> {
    if !mount.is_whole(root) {
        return Err(DyingUnknown::Partial);
    }
    let failed = |source| HostError::Io { path: root.path(&mount.point), source };
    let top = root.place(&mount.point).map_err(failed)?;
    let mut held = num_cgroups(root)?;
    let mut count = 0;
    for _ in 0..3 {
        let end = walk(&top, limits, |_, _| {}).map_err(failed)?;
        if end.cut {
            return Err(DyingUnknown::Cut(end.dirs));
        }
        count = held.saturating_sub(end.dirs as u64);
        // None came or went meanwhile: the two numbers belong together.
        let before = std::mem::replace(&mut held, num_cgroups(root)?);
        if held == before {
            break;
        }
    }
    Ok(DyingMemcgs { count, method: DyingMethod::V1Difference })
}

/// Memory cgroups that the kernel holds, dying ones and the root included.
fn num_cgroups(root: &HostRoot) -> Result<u64, DyingUnknown> {
    let text = root.read("proc/cgroups")?;
    parse_num_cgroups(&text).ok_or_else(|| {
        let what = "no row for an enabled memory controller".to_owned();
        HostError::Content { path: root.path("proc/cgroups"), what }.into()
    })
}

fn parse_num_cgroups(text: &[u8]) -> Option<u64> {
    let rows = CGroupControllers::from_buf_read(text).ok()?.0;
    let memory = rows.into_iter().find(|row| row.name == "memory" && row.enabled)?;
    (memory.hierarchy != 0).then_some(memory.num_cgroups.into())
}

fn of_v2(root: &HostRoot, mount: &CgroupMount) -> Result<DyingMemcgs, DyingUnknown> {
    // On a hybrid host memory may be on v1 without being mounted here: v2 would count 0.
    let controllers = root.read_to_string(mount.point.join("cgroup.controllers"))?;
    if !controllers.split_ascii_whitespace().any(|name| name == "memory") {
        return Err(DyingUnknown::NoController);
    }
    if !mount.is_whole(root) {
        return Err(DyingUnknown::Partial);
    }
    let rel = mount.point.join("cgroup.stat");
    parse_cgroup_stat(&root.read_to_string(&rel)?).ok_or_else(|| {
        let what = "no count of dying descendants".to_owned();
        HostError::Content { path: root.path(&rel), what }.into()
    })
}

fn parse_cgroup_stat(text: &str) -> Option<DyingMemcgs> {
    let value = |name: &str| {
        let mut values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        values.next()?.trim().parse::<u64>().ok()
    };
    let memory = value("nr_dying_subsys_memory").map(|count| (count, DyingMethod::V2Memory));
    let all = || value("nr_dying_descendants").map(|count| (count, DyingMethod::V2Descendants));
    memory.or_else(all).map(|(count, method)| DyingMemcgs { count, method })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_row_of_proc_cgroups() {
        let head = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t3\t1\t1\n";
        let rows = |row: &str| parse_num_cgroups(format!("{head}{row}").as_bytes());
        assert_eq!(rows("memory\t4\t23512\t1\npids\t8\t1\t1\n"), Some(23_512));
        assert_eq!(rows("memory\t0\t90\t1\n"), None, "the controller is on v2");
        assert_eq!(rows("memory\t4\t1\t0\n"), None, "cgroup_disable=memory");
        for odd in
            ["", "memory\n", "memory\t4\n", "memory\t4\t-1\t1", "memory\t4\t99999999999999\t1"]
        {
            assert_eq!(rows(odd), None, "{odd}");
        }
        assert_eq!(parse_num_cgroups(b"\xff\xfe\x00"), None);
        assert_eq!(parse_num_cgroups(&vec![b'x'; 1 << 20]), None);
    }

    #[test]
    fn the_memory_controllers_own_count_is_preferred() {
        let old = "nr_descendants 91\nnr_dying_descendants 23411\n";
        let new = format!("{old}nr_dying_subsys_memory 23390\n");
        let read = |text: &str| parse_cgroup_stat(text).map(|d| (d.count, d.method));
        assert_eq!(read(old), Some((23_411, DyingMethod::V2Descendants)));
        assert_eq!(read(&new), Some((23_390, DyingMethod::V2Memory)));
        for odd in [
            "",
            "nr_dying_descendants",
            "nr_dying_descendants x",
            "nr_dying_descendants -1",
            "nr_dying_descendants99 1",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
