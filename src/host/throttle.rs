//! CPU limits of cgroups and how often they were held back: `cpu.max` and `cpu.stat`
//! (Documentation/admin-guide/cgroup-v2.rst, Documentation/scheduler/sched-bwc.rst).
//!
//! Only cgroups that have a limit are asked for `cpu.stat`: on v2 that file flushes the
//! statistics of the cgroup and of all below it, and limits are set near the leaves.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::cgroup::{CgroupMounts, Hierarchy, WalkEnd, WalkLimits, walk};
use super::root::{HostError, HostRoot};
use crate::units::Nanos;

/// How often and how long a cgroup was held back since it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuStat {
    /// Periods in which it had something to run.
    pub periods: u64,
    /// Periods in which it used up its quota.
    pub throttled: u64,
    /// Time its tasks were held back, summed over CPUs.
    pub time: Nanos,
}

/// A cgroup with a CPU limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limited {
    /// Its path below the top of the hierarchy.
    pub path: PathBuf,
    /// The limit, in thousandths of a CPU.
    pub milli_cpus: u64,
}

/// What one walk over the hierarchy found.
#[derive(Debug, Default)]
pub struct CpuCgroups {
    root: HostRoot,
    /// Where the hierarchy lies under the root.
    top: PathBuf,
    v2: bool,
    /// Those with a limit.
    pub limited: Vec<Limited>,
    /// Cgroups with a limit beyond the bound.
    pub beyond: usize,
    /// Container ids (64 hexadecimal digits) met in the names of cgroups.
    pub containers: HashSet<[u8; 64]>,
    /// How the walk ended.
    pub end: WalkEnd,
}

/// Cgroups whose `cpu.stat` is read at most: about 10 us each.
const MAX_LIMITED: usize = 5_000;
/// Container ids kept at most.
const MAX_CONTAINERS: usize = 200_000;

impl CpuCgroups {
    /// Walks the hierarchy of the cpu controller once.
    ///
    /// # Errors
    /// It is not mounted, or cannot be looked at.
    pub fn scan(root: &HostRoot, limits: WalkLimits) -> Result<CpuCgroups, HostError> {
        let (top, v2) = match CgroupMounts::v1_controller(root, "cpu")? {
            Some(point) => (point, false),
            None => {
                let mounts = CgroupMounts::read(root)?;
                let mount = mounts.get(Hierarchy::V2).ok_or_else(|| HostError::Content {
                    path: root.path("proc/self/mountinfo"),
                    what: "no cgroup hierarchy with the cpu controller is mounted".to_owned(),
                })?;
                (mount.point.clone(), true)
            }
        };
        let failed = |source| HostError::Io { path: root.path(&top), source };
        let place = root.place(&top).map_err(failed)?;
        let root = root.clone();
        let mut found = CpuCgroups { root, top: top.clone(), v2, ..CpuCgroups::default() };
        let end = walk(&place, limits, |below, _| found.visit(below)).map_err(failed)?;
        found.end = end;
        Ok(found)
    }

    fn visit(&mut self, below: &Path) {
        let Some(name) = below.file_name().and_then(|name| name.to_str()) else { return };
        if self.containers.len() < MAX_CONTAINERS {
            self.containers.extend(container_id(name));
        }
        let dir = self.top.join(below);
        let limit = if self.v2 {
            self.text(&dir.join("cpu.max")).and_then(|text| parse_cpu_max(&text))
        } else {
            let quota = self.text(&dir.join("cpu.cfs_quota_us"));
            let period = || self.text(&dir.join("cpu.cfs_period_us"));
            quota
                .filter(|quota| !quota.starts_with('-'))
                .and_then(|quota| milli_cpus(quota.trim(), period()?.trim()))
        };
        let Some(milli_cpus) = limit else { return };
        if self.limited.len() < MAX_LIMITED {
            self.limited.push(Limited { path: below.to_owned(), milli_cpus });
        } else {
            self.beyond += 1;
        }
    }

    /// Asks each limited cgroup, in their order; none of one that is gone or cannot be understood.
    #[must_use]
    pub fn read(&self) -> Vec<Option<CpuStat>> {
        let one = |limited: &Limited| {
            let text = self.text(&self.top.join(&limited.path).join("cpu.stat"))?;
            CpuStat::parse(&text)
        };
        self.limited.iter().map(one).collect()
    }

    fn text(&self, rel: &Path) -> Option<String> {
        let mut text = String::new();
        self.root.open(rel).ok()?.take(64 << 10).read_to_string(&mut text).ok()?;
        Some(text)
    }
}

impl CpuStat {
    /// Reads the file of either version.
    #[must_use]
    pub fn parse(text: &str) -> Option<CpuStat> {
        let value = |name: &str| {
            let mut lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?.parse::<u64>().ok()
        };
        let v1 = || value("throttled_time");
        let time = value("throttled_usec").map(|us| us.saturating_mul(1_000)).or_else(v1)?;
        let stat = CpuStat {
            periods: value("nr_periods")?,
            throttled: value("nr_throttled")?,
            time: Nanos(time),
        };
        (stat.throttled <= stat.periods).then_some(stat)
    }
}

/// Reads `50000 100000` or `max 100000`; none without a limit.
fn parse_cpu_max(text: &str) -> Option<u64> {
    let (quota, period) = text.trim().split_once(' ')?;
    milli_cpus(quota, period)
}

fn milli_cpus(quota: &str, period: &str) -> Option<u64> {
    let (quota, period): (u64, u64) = (quota.parse().ok()?, period.parse().ok()?);
    quota.checked_mul(1_000)?.checked_div(period)
}

/// The container id in a name such as `cri-containerd-ID.scope`, `ID` or `docker-ID.scope`.
#[must_use]
pub fn container_id(name: &str) -> Option<[u8; 64]> {
    let hex = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let bytes = name.strip_suffix(".scope").unwrap_or(name).as_bytes();
    let (before, id) = bytes.split_last_chunk::<64>()?;
    let ends = before.last().is_none_or(|b| matches!(b, b'-' | b':'));
    (ends && id.iter().all(hex)).then_some(*id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_stat_of_both_versions() {
        let v2 = "usage_usec 9\nuser_usec 5\nsystem_usec 4\ncore_sched.force_idle_usec 0\n\
            nr_periods 100\nnr_throttled 31\nthrottled_usec 2500000\nnr_bursts 0\nburst_usec 0\n";
        let v1 = "nr_periods 100\nnr_throttled 31\nthrottled_time 2500000000\n";
        let want = CpuStat { periods: 100, throttled: 31, time: Nanos::from_millis(2_500) };
        assert_eq!((CpuStat::parse(v2), CpuStat::parse(v1)), (Some(want), Some(want)));
        for odd in [
            "",
            "nr_periods 1\n",
            "nr_periods 1\nnr_throttled 2\nthrottled_time 0\n",
            "nr_periods x\nnr_throttled 0\nthrottled_time 0\n",
            &v1[..v1.len() - 1],
        ] {
            assert_eq!(CpuStat::parse(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn limits() {
        assert_eq!(parse_cpu_max("150000 100000\n"), Some(1_500));
        for none in
            ["max 100000\n", "", "1 0", "x y", "99999999999999999999 1", "18446744073709551615 1"]
        {
            assert_eq!(parse_cpu_max(none), None, "{none}");
        }
    }

    #[test]
    fn container_ids_in_names() {
        let id = "0123456789abcdef".repeat(4);
        let found = |name: String| container_id(&name).is_some();
        assert!(found(id.clone()) && found(format!("cri-containerd-{id}.scope")));
        assert!(found(format!("kubepods-pod1.slice:cri-containerd:{id}")));
        assert!(
            !found(format!("x{id}")) && !found(id[1..].to_owned()) && !found(id.to_uppercase())
        );
    }
}
