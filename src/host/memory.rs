//! How much memory this process may still take: by the limit of its own cgroup, and by what the host
//! has left.
//!
//! No `memory.stat` is read. What cannot be reclaimed of a process that is alone in its cgroup is
//! known without: its anonymous pages and its BPF maps. Limits further up, which others share, are
//! not looked at.

use std::fs;

use super::cgroup::{CgroupMounts, Hierarchy, TaskCgroup, parse_task_cgroups};
use super::{HostRoot, sys};

/// Files with limits. Without one v2 says `max`, and v1 a number that no machine has. Past the one of
/// v2's that is called high nobody is killed, but made to wait.
const LIMITS: [(Hierarchy, &str); 3] = [
    (Hierarchy::V1Memory, "memory.limit_in_bytes"),
    (Hierarchy::V2, "memory.max"),
    (Hierarchy::V2, "memory.high"),
];
const NONE: u64 = 1 << 60;

/// The memory of our own process, whatever other root is looked at.
#[derive(Debug)]
pub struct OwnMemory {
    root: HostRoot,
    mounts: CgroupMounts,
}

impl OwnMemory {
    /// Looks where the cgroups are mounted.
    #[must_use]
    pub fn open() -> OwnMemory {
        let root = HostRoot::default();
        let mounts = CgroupMounts::read(&root).unwrap_or_default();
        OwnMemory { root, mounts }
    }

    /// Bytes that we may still take; none where nothing tells.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        let host = self.root.read_to_string("proc/meminfo").ok();
        let host = host.and_then(|text| available(&text));
        let taken = || sys::anonymous_memory().unwrap_or_default() + maps();
        let own = self.limit().map(|limit| limit.saturating_sub(taken()));
        host.into_iter().chain(own).min()
    }

    fn limit(&self) -> Option<u64> {
        let own = self.root.read_to_string("proc/self/cgroup").ok()?;
        let own = parse_task_cgroups(&own);
        let limits = LIMITS.iter().filter_map(|(hierarchy, file)| {
            let mount = self.mounts.get(*hierarchy)?;
            let cgroup = own.iter().find(|cgroup| cgroup.hierarchy == *hierarchy)?;
            let file = mount.point.join(below(cgroup, &mount.root)?).join(file);
            self.root.value(file)?.parse().ok().filter(|limit| *limit < NONE)
        });
        limits.min()
    }
}

/// Where a cgroup is below a mount; none if it is elsewhere.
fn below<'c>(cgroup: &'c TaskCgroup, mount: &str) -> Option<&'c str> {
    let path = cgroup.path.strip_prefix(mount.trim_end_matches('/'))?;
    let inside = path.is_empty() || path.starts_with('/');
    (inside && !path.split('/').any(|part| part == "..")).then(|| path.trim_start_matches('/'))
}

/// What /proc/meminfo says can be taken without swapping.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Memory of the BPF maps that we hold, which the kernel charges to us.
fn maps() -> u64 {
    let infos = fs::read_dir("/proc/self/fdinfo").into_iter().flatten().flatten();
    let texts = infos.filter_map(|info| fs::read_to_string(info.path()).ok());
    texts.filter(|text| text.contains("map_id:")).filter_map(|text| charged(&text)).sum()
}

fn charged(fdinfo: &str) -> Option<u64> {
    fdinfo.lines().find_map(|line| line.strip_prefix("memlock:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_files_say() {
        assert_eq!(available("MemTotal:  9 kB\nMemAvailable:    1234 kB\n"), Some(1234 << 10));
        assert_eq!(available("MemAvailable: many kB\n"), None);
        assert_eq!(charged("pos:\t0\nmap_type:\t27\nmemlock:\t4096\nmap_id:\t3\n"), Some(4096));
        for (path, mount, told) in [
            ("/a/b", "/", Some("a/b")),
            ("/", "/", Some("")),
            ("/docker/1", "/docker/1", Some("")),
            ("/docker/1/x", "/docker/1", Some("x")),
            ("/docker/12", "/docker/1", None),
            ("/other", "/docker/1", None),
            ("/../other", "/", None),
        ] {
            let cgroup =
                TaskCgroup { hierarchy: Hierarchy::V2, path: path.to_owned(), deleted: false };
            assert_eq!(below(&cgroup, mount), told, "{path} {mount}");
        }
    }
}
