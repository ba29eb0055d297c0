//! Cgroups: which one a task is in, where the hierarchies are mounted, and ids to paths.
//!
//! The `procfs` crate reads `/proc/PID/cgroup` too, but gives up on names that are not UTF-8.

use std::fmt;

mod ids;
mod mounts;
mod walk;

pub use ids::CgroupIds;
pub use mounts::{CgroupMount, CgroupMounts};
pub use walk::{WalkEnd, WalkLimits, walk};

/// The hierarchies that matter here. On a hybrid host all three exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hierarchy {
    /// cgroup v1 with the memory controller, alone or with others.
    V1Memory,
    /// cgroup v1 without controllers, kept by systemd (`name=systemd`).
    V1Systemd,
    /// cgroup v2.
    V2,
}

impl Hierarchy {
    /// What a v1 hierarchy is, by its comma-separated controllers; none if it does not matter.
    fn of_v1<'a>(mut controllers: impl Iterator<Item = &'a str>) -> Option<Hierarchy> {
        controllers.find_map(|name| match name {
            "memory" => Some(Hierarchy::V1Memory),
            "name=systemd" => Some(Hierarchy::V1Systemd),
            _ => None,
        })
    }
}

impl fmt::Display for Hierarchy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Hierarchy::V1Memory => "v1 memory",
            Hierarchy::V1Systemd => "v1 name=systemd",
            Hierarchy::V2 => "v2",
        })
    }
}

/// Where a task is in one hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskCgroup {
    /// Which hierarchy.
    pub hierarchy: Hierarchy,
    /// Path below the root of the hierarchy, or of the reader's cgroup namespace; `/` is the root.
    /// Names are chosen by whoever may create cgroups: not to be trusted.
    pub path: String,
    /// The cgroup has been removed since (only v2 tells).
    pub deleted: bool,
}

/// Reads `/proc/PID/cgroup`, one line a hierarchy: `ID:CONTROLLERS:PATH`. Lines of other
/// hierarchies, or that make no sense, are left out.
#[must_use]
pub fn parse_task_cgroups(text: &str) -> Vec<TaskCgroup> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<TaskCgroup> {
    let (id, rest) = line.split_once(':')?;
    // Controllers have no colon, names (`name=a:b`) may, paths do: the path starts at `:/`.
    let (controllers, path) = rest.split_at(rest.find(":/")?);
    let path = &path[1..];
    let hierarchy = match (id, controllers) {
        ("0", "") => Hierarchy::V2,
        _ => Hierarchy::of_v1(controllers.split(','))?,
    };
    let gone = path.strip_suffix(" (deleted)").filter(|_| hierarchy == Hierarchy::V2);
    let deleted = gone.is_some();
    Some(TaskCgroup { hierarchy, path: gone.unwrap_or(path).to_owned(), deleted })
}

/// The one that tells most: that of the v1 memory controller, else systemd's, else v2's; the root
/// of a hierarchy only if it is the root in all of them.
#[must_use]
pub fn most_telling(cgroups: Vec<TaskCgroup>) -> Option<TaskCgroup> {
    cgroups.into_iter().min_by_key(|cgroup| (cgroup.path == "/", cgroup.hierarchy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str) -> Option<(Hierarchy, String, bool)> {
        most_telling(parse_task_cgroups(text)).map(|c| (c.hierarchy, c.path, c.deleted))
    }

    #[test]
    fn the_most_telling_path_is_chosen() {
        use Hierarchy::{V1Memory, V1Systemd, V2};
        for (text, hierarchy, path, deleted) in [
            ("9:name=systemd:/\n4:memory:/agent/6a\n1:cpu:/\n0::/\n", V1Memory, "/agent/6a", false),
            ("5:cpu,memory:/a\n1:name=systemd:/b\n0::/c\n", V1Memory, "/a", false),
            (
                "4:memory:/\n1:name=systemd:/init.scope\n0::/init.scope\n",
                V1Systemd,
                "/init.scope",
                false,
            ),
            ("4:memory:/\n0::/k/pod1\n", V2, "/k/pod1", false),
            ("4:memory:/\n1:name=systemd:/\n0::/\n", V1Memory, "/", false),
            ("0::/a/b (deleted)\n", V2, "/a/b", true),
            ("4:memory:/a (deleted)\n", V1Memory, "/a (deleted)", false),
            ("0::/x.slice:cri-containerd:99\n", V2, "/x.slice:cri-containerd:99", false),
            ("7:name=odd:one:/q\n0::/ a\tb:/c\n", V2, "/ a\tb:/c", false),
            ("0::/../../other", V2, "/../../other", false),
        ] {
            assert_eq!(chosen(text), Some((hierarchy, path.to_owned(), deleted)), "{text}");
        }
    }

    #[test]
    fn nonsense_is_no_cgroup() {
        let long = format!("0::{}", "a".repeat(1 << 20));
        for text in
            ["", "\n\n", "0", "0:", "0::", ":::", "0::relative", "3:cpu:/x", "0:memory", &long]
        {
            assert_eq!(chosen(text), None, "{text:.40}");
        }
        assert!(chosen(&format!("0::/{}", ":/".repeat(1 << 19))).is_some());
    }
}
