//! Paths of files and cgroups, component by component. What the kernel, systemd or a container
//! runtime names is kept; ids of containers and pods become others of the same shape, so that they
//! are still known as what they are.

use super::kept::{KEPT, NAMELESS};
use super::{Key, named};

/// What stands before the id of a container or a pod.
const BEFORE_ID: &[&str] = &[
    "",
    "pod",
    "docker-",
    "cri-containerd-",
    "nerdctl-",
    "crio-",
    "crio-conmon-",
    "libpod-",
    "libpod-payload-",
    "libpod-conmon-",
    "kubepods-pod",
    "kubepods-burstable-pod",
    "kubepods-besteffort-pod",
];

/// Kinds of systemd's units.
const UNITS: [&str; 6] = [".service", ".scope", ".slice", ".mount", ".socket", ".swap"];

/// A path with pseudonyms for what somebody named.
pub fn path(path: &str, key: &Key) -> String {
    let (path, deleted) = match path.strip_suffix(" (deleted)") {
        Some(path) => (path, " (deleted)"),
        None => (path, ""),
    };
    if !path.starts_with('/') {
        return nameless(path, key) + deleted;
    }
    let mut shown = String::with_capacity(path.len() + 16);
    for (n, part) in path.split('/').enumerate().skip(1) {
        shown.push('/');
        // Numbers of processes stand in the recording anyway.
        let pid = path.starts_with("/proc/") && part.bytes().all(|b| b.is_ascii_digit());
        match pid && n > 1 {
            true => shown += part,
            false => shown += &component(part, key),
        }
    }
    shown + deleted
}

/// `socket:[12345]`, `anon_inode:[eventpoll]`; anything else is a name.
fn nameless(name: &str, key: &Key) -> String {
    let kept = match name.split_once(':') {
        Some(("socket" | "pipe", rest)) => {
            rest.bytes().all(|b| b.is_ascii_digit() || b == b'[' || b == b']')
        }
        Some(("anon_inode", rest)) => NAMELESS.contains(&rest),
        _ => false,
    };
    if kept { name.to_owned() } else { named("file", name, key) }
}

fn component(part: &str, key: &Key) -> String {
    if part.is_empty() || KEPT.contains(&part) {
        return part.to_owned();
    }
    if let Some(shown) = with_id(part, key) {
        return shown;
    }
    match UNITS.iter().find_map(|kind| Some((part.strip_suffix(kind)?, *kind))) {
        Some((name, kind)) => key.tag(name) + kind,
        None => key.tag(part),
    }
}

/// A component with the id of a container (64 hexadecimal digits) or a pod (a UUID).
fn with_id(part: &str, key: &Key) -> Option<String> {
    let (stem, kind) = match UNITS.iter().find_map(|k| Some((part.strip_suffix(k)?, *k))) {
        Some(found) => found,
        None => (part, ""),
    };
    for length in [64, 36, 32] {
        let Some(at) = stem.len().checked_sub(length).filter(|at| stem.is_char_boundary(*at))
        else {
            continue;
        };
        let (before, id) = stem.split_at(at);
        if !BEFORE_ID.contains(&before) {
            continue;
        }
        let dash = |n: usize| length == 36 && matches!(n, 8 | 13 | 18 | 23);
        let fits = |(n, b): (usize, u8)| match dash(n) {
            true => matches!(b, b'-' | b'_'),
            false => b.is_ascii_digit() || matches!(b, b'a'..=b'f'),
        };
        if !id.bytes().enumerate().all(fits) {
            continue;
        }
        // One pod is written with dashes here and underlines there.
        let mut digits = key.hex(&id.replace('_', "-"), 64).into_bytes().into_iter();
        let new = id.bytes().enumerate().map(|(n, b)| match dash(n) {
            true => char::from(b),
            false => digits.next().map_or('0', char::from),
        });
        return Some(format!("{before}{}{kind}", new.collect::<String>()));
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::workload::workload;

    fn shown(text: &str) -> String {
        path(text, &Key::from_bytes(&[7; 16]).unwrap())
    }

    #[test]
    fn what_the_kernel_names_is_kept() {
        for kept in [
            "/sys/fs/cgroup/memory/memory.stat",
            "/proc/4711/task/4712/smaps",
            "/proc/self/status",
            "socket:[12345]",
            "anon_inode:[eventpoll]",
            "/",
        ] {
            assert_eq!(shown(kept), kept);
        }
    }

    #[test]
    fn what_somebody_names_is_hidden() {
        for (text, hidden) in [
            ("/sys/fs/cgroup/memory/acme/memory.stat", "acme"),
            ("/home/bob/memory.stat", "bob"),
            ("/system.slice/acme.service", "acme"),
            ("/user.slice/user-1000.slice/session-3.scope", "1000"),
            ("/data/4711/x", "4711"),
            ("/memfd:acme (deleted)", "acme"),
            ("anon_inode:[acme]", "acme"),
            ("socket:[acme]", "acme"),
            ("acme", "acme"),
            ("/\u{e9}\u{e9}\u{e9}acme\u{1f600}", "acme"),
        ] {
            assert!(!shown(text).contains(hidden), "{text}: {}", shown(text));
        }
        let (stat, same) = (shown("/sys/fs/cgroup/acme/memory.stat"), shown("/acme/cpu.stat"));
        assert!(stat.ends_with("/memory.stat") && same.ends_with("/cpu.stat"));
        assert_eq!(stat.split('/').nth(4), same.split('/').nth(1), "one name, one pseudonym");
    }

    #[test]
    fn containers_and_pods_are_still_known_as_such() {
        let id = "3f4e8ab1c05d2b9d6a7c1e0f9b8d7c6a5e4f3d2c1b0a99887766554433221100";
        let uid = "4f1c2d3e_5a6b_4c7d_8e9f_0a1b2c3d4e5f";
        let text = format!(
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{uid}.slice/\
             cri-containerd-{id}.scope"
        );
        let (was, is) = (workload(&text).unwrap(), workload(&shown(&text)).unwrap());
        assert_eq!(is.runtime, was.runtime);
        assert_eq!(is.pod_uid.as_ref().unwrap().len(), was.pod_uid.as_ref().unwrap().len());
        assert!(is.container != was.container && is.pod_uid != was.pod_uid);
        let other = workload(&shown(&format!("/kubepods/pod{}/{id}", uid.replace('_', "-"))));
        assert_eq!(other.unwrap().pod_uid, is.pod_uid, "the same pod under another driver");
    }
}
