//! What the path of a file on cgroupfs or procfs tells.

use crate::model::Filesystem;

/// Where hierarchies of cgroups are mounted, on the host and below a container's view of it.
const CGROUPS: &str = "/sys/fs/cgroup/";
/// Controllers of cgroup v1, which their mount points are named after.
const V1: [&str; 14] = [
    "blkio",
    "cpu",
    "cpuacct",
    "cpuset",
    "debug",
    "devices",
    "freezer",
    "hugetlb",
    "memory",
    "net_cls",
    "net_prio",
    "perf_event",
    "pids",
    "systemd",
];

/// The file system by the usual mount points, for recordings that do not tell it.
pub fn filesystem(path: &str) -> Filesystem {
    if path.starts_with("/proc/") {
        return Filesystem::Proc;
    }
    let Some(below) = path.strip_prefix(CGROUPS) else { return Filesystem::Other };
    let (hierarchy, _) = below.split_once('/').unwrap_or((below, ""));
    let is_v1 = hierarchy.split(',').all(|name| V1.contains(&name));
    if is_v1 { Filesystem::CgroupV1 } else { Filesystem::CgroupV2 }
}

/// `cgroup` or `proc`.
pub fn word(filesystem: Filesystem) -> &'static str {
    match filesystem {
        Filesystem::Proc => "proc",
        _ => "cgroup",
    }
}

/// What files of one kind have in common: the name of a cgroup's file, a path of procfs with `*`
/// for numbers.
pub fn pattern(path: &str, filesystem: Filesystem) -> String {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    match filesystem {
        Filesystem::Proc => {
            let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            let parts = path.split('/').map(|part| if number(part) { "*" } else { part });
            parts.collect::<Vec<_>>().join("/")
        }
        _ => path.rsplit('/').next().unwrap_or(path).to_owned(),
    }
}

/// The cgroup that a file is of, where it lies below a usual mount point.
pub fn cgroup(path: &str, filesystem: Filesystem) -> Option<String> {
    if !matches!(filesystem, Filesystem::CgroupV1 | Filesystem::CgroupV2) {
        return None;
    }
    // The path of one whose outer names are missing begins with dots.
    let (_, below) = path.starts_with('/').then(|| path.split_once(CGROUPS)).flatten()?;
    let (dir, _) = below.rsplit_once('/').unwrap_or(("", below));
    let inside = match filesystem {
        Filesystem::CgroupV1 => dir.split_once('/').map_or("", |(_, inside)| inside),
        // Of a host that has v1 too.
        _ => match dir.strip_prefix("unified") {
            Some("") => "",
            Some(inside) if inside.starts_with('/') => &inside[1..],
            _ => dir,
        },
    };
    Some(format!("/{inside}"))
}

#[cfg(test)]
mod tests {
    use super::Filesystem::{CgroupV1, CgroupV2, Other, Proc};
    use super::*;

    #[test]
    fn usual_paths() {
        for (path, fs, same, of) in [
            ("/sys/fs/cgroup/memory/memory.stat", CgroupV1, "memory.stat", Some("/")),
            ("/sys/fs/cgroup/memory/a/b c/memory.stat", CgroupV1, "memory.stat", Some("/a/b c")),
            ("/sys/fs/cgroup/cpu,cpuacct/k/cpu.stat", CgroupV1, "cpu.stat", Some("/k")),
            (
                "/sys/fs/cgroup/kubepods.slice/cpu.stat",
                CgroupV2,
                "cpu.stat",
                Some("/kubepods.slice"),
            ),
            ("/sys/fs/cgroup/memory.stat", CgroupV2, "memory.stat", Some("/")),
            ("/sys/fs/cgroup/unified/x/cgroup.stat", CgroupV2, "cgroup.stat", Some("/x")),
            ("/sys/fs/cgroup/unified/cgroup.stat", CgroupV2, "cgroup.stat", Some("/")),
            ("/sys/fs/cgroup/memory/x/memory.stat (deleted)", CgroupV1, "memory.stat", Some("/x")),
            ("/proc/12/smaps", Proc, "/proc/*/smaps", None),
            ("/proc/12/task/13/stat", Proc, "/proc/*/task/*/stat", None),
            ("/proc/stat", Proc, "/proc/stat", None),
        ] {
            assert_eq!(filesystem(path), fs, "{path}");
            assert_eq!(pattern(path, fs), same, "{path}");
            assert_eq!(cgroup(path, fs).as_deref(), of, "{path}");
        }
        let elsewhere = "/rootfs/sys/fs/cgroup/memory/k/memory.stat";
        assert_eq!(cgroup(elsewhere, CgroupV1).as_deref(), Some("/k"));
        assert_eq!(cgroup("/mnt/k/memory.stat", CgroupV2), None, "where it is mounted is unknown");
        assert_eq!(cgroup(".../sys/fs/cgroup/k/memory.stat", CgroupV2), None, "cut");
    }

    #[test]
    fn odd_paths_do_no_harm() {
        let long = format!("/proc/{}", "1/".repeat(1 << 16));
        for path in ["", "/", "//", "/proc/", "/proc", "/sys/fs/cgroup/", " (deleted)", &long] {
            for fs in [Other, CgroupV1, CgroupV2, Proc] {
                let _ = (filesystem(path), pattern(path, fs), cgroup(path, fs));
            }
        }
        assert_eq!(filesystem("/home/proc/1/smaps"), Other);
        assert_eq!(pattern("/proc/1\u{660}/smaps", Proc), "/proc/1\u{660}/smaps");
    }
}
