//! The network namespaces of a host that have processes, each once.

mod visit;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Instant;

use super::cgroup::{most_telling, parse_task_cgroups};
use super::root::{HostError, HostRoot};
use super::taskstat::TaskStat;

pub use visit::{NetnsReading, Visitor, enter_home};

/// A network namespace with processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Netns {
    /// Its inode number, which is its name: `net:[4026531833]`.
    pub inode: u64,
    /// A process in it: the one with the lowest id.
    pub pid: u32,
    /// How many processes are in it, of those looked at.
    pub processes: u32,
    /// The cgroup of that process, which tells pod and container.
    pub cgroup: Option<String>,
    /// Whether it is the host's own: see [`home`].
    pub own: bool,
}

/// How far the search goes.
#[derive(Clone, Copy, Debug)]
pub struct NetnsLimits {
    /// Namespaces kept at most.
    pub namespaces: usize,
    /// When to end looking through the processes.
    pub deadline: Instant,
}

/// What the search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetnsList {
    /// The host's own first, then by the number of their processes.
    pub list: Vec<Netns>,
    /// Namespaces met beyond the bound.
    pub beyond: usize,
    /// Processes not looked at because the time was up.
    pub not_looked_at: usize,
    /// Processes of other users in none of these namespaces, which may not be seen without
    /// CAP_SYS_PTRACE.
    pub hidden: usize,
}

/// A process in the host's own network namespace: process 1; where that is hidden (a sandbox, or
/// no CAP_SYS_PTRACE) kthreadd, for kernel threads never leave it; else this process, whose
/// namespace is the only one that can be seen.
#[must_use]
pub fn home(root: &HostRoot) -> u32 {
    let seen = |pid: u32| link(root, pid).is_some();
    let kthreadd = || {
        let stat = TaskStat::read(root, "proc/2/stat");
        stat.is_some_and(|stat| stat.kthread && stat.comm == "kthreadd") && seen(2)
    };
    if seen(1) {
        return 1;
    }
    if kthreadd() {
        return 2;
    }
    let own = root.link("proc/self").ok();
    own.and_then(|target| target.to_str()?.parse().ok()).filter(|pid| seen(*pid)).unwrap_or(1)
}

/// Inode number of the calling thread's own network namespace.
#[must_use]
pub fn own() -> Option<u32> {
    // Under whatever root and number: our own /proc knows us.
    u32::try_from(own_link()?).ok()
}

fn own_link() -> Option<u64> {
    let target = std::fs::read_link("/proc/thread-self/ns/net").ok()?;
    parse_link(&target.to_string_lossy())
}

fn link(root: &HostRoot, pid: u32) -> Option<u64> {
    let target = root.link(format!("proc/{pid}/ns/net")).ok()?;
    parse_link(&target.to_string_lossy())
}

/// Looks through the processes. Of 10,000 processes each costs one readlink(2) of about 3 us.
///
/// # Errors
/// /proc cannot be listed.
pub fn find(root: &HostRoot, limits: NetnsLimits) -> Result<NetnsList, HostError> {
    find_with(root, limits, &BTreeSet::new())
}

/// The same; namespaces of these inodes are kept beyond the bound, too.
///
/// # Errors
/// As above.
pub fn find_with(
    root: &HostRoot,
    limits: NetnsLimits,
    wanted: &BTreeSet<u64>,
) -> Result<NetnsList, HostError> {
    let mut pids = pids(root)?;
    pids.sort_unstable();
    let home = link(root, home(root));
    let mut found = NetnsList::default();
    let mut by_inode: HashMap<u64, Netns> = HashMap::new();
    let mut beyond = HashSet::new();
    let mut hidden = Vec::new();
    for (at, &pid) in pids.iter().enumerate() {
        if at % 64 == 63 && Instant::now() >= limits.deadline {
            found.not_looked_at = pids.len() - at;
            break;
        }
        let inode = match root.link(format!("proc/{pid}/ns/net")) {
            Ok(target) => parse_link(&target.to_string_lossy()),
            // EACCES, or none for a zombie: only the first is a namespace not seen.
            Err(e) => {
                if e.kind() == std::io::ErrorKind::PermissionDenied {
                    hidden.push(pid);
                }
                continue;
            }
        };
        let Some(inode) = inode else { continue };
        if let Some(known) = by_inode.get_mut(&inode) {
            known.processes += 1;
        } else if by_inode.len() < limits.namespaces || wanted.contains(&inode) {
            let own = Some(inode) == home;
            by_inode.insert(inode, Netns { inode, pid, processes: 1, cgroup: None, own });
        } else if beyond.len() < 1 << 20 {
            beyond.insert(inode);
        }
    }
    found.beyond = beyond.len();
    found.list = by_inode.into_values().collect();
    found.hidden = in_none_of(root, &found.list, &hidden);
    found.list.sort_by_key(|n| (!n.own, std::cmp::Reverse(n.processes), n.pid));
    for netns in &mut found.list {
        let text = root.read_to_string(format!("proc/{}/cgroup", netns.pid)).ok();
        let told = text.and_then(|text| most_telling(parse_task_cgroups(&text)));
        netns.cgroup = told.map(|cgroup| cgroup.path);
    }
    Ok(found)
}

/// How many processes, whose link may not be read, are in none of the namespaces in the list. The
/// directory `net/stat` of a process may be looked at, and each namespace has one of its own
/// (`netns_proc_init`, fs/proc/proc_net.c).
fn in_none_of(root: &HostRoot, list: &[Netns], hidden: &[u32]) -> usize {
    if hidden.is_empty() {
        return 0;
    }
    let directory = |pid: u32| {
        let meta = root.metadata(format!("proc/{pid}/net/stat")).ok()?;
        Some(std::os::unix::fs::MetadataExt::ino(&meta))
    };
    let known: HashSet<u64> = list.iter().filter_map(|netns| directory(netns.pid)).collect();
    let unseen = |pid: &&u32| match directory(**pid) {
        Some(inode) => !known.contains(&inode),
        // It has ended meanwhile, or hides this too.
        None => root.has(format!("proc/{pid}")),
    };
    hidden.iter().filter(unseen).count()
}

/// The processes that run now.
fn pids(root: &HostRoot) -> Result<Vec<u32>, HostError> {
    let failed = |source| HostError::Io { path: root.path("proc"), source };
    let listing = root.list("proc").map_err(failed)?;
    Ok(listing.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

/// The inode number of `net:[4026531833]`.
fn parse_link(target: &str) -> Option<u64> {
    target.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_namespaces() {
        assert_eq!(parse_link("net:[4026531833]"), Some(4_026_531_833));
        for odd in
            ["", "net:[", "net:[]", "net:[-1]", "pid:[4026531836]", "net:[99999999999999999999]"]
        {
            assert_eq!(parse_link(odd), None, "{odd}");
        }
    }
}
