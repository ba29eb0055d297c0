//! What a cgroup path says about whose task it is: container, pod, systemd unit.
//!
//! Path shapes: kubelet `pkg/kubelet/cm` (both cgroup drivers), runc/crun scopes `PREFIX-ID.scope`,
//! Docker's and Podman's cgroupfs drivers, systemd. Only shapes known to be a container are taken
//! for one: a wrong container name is worse than none.

use super::findings::Workload;

/// Reads a cgroup path (as in `/proc/PID/cgroup`); none if it names no container, pod or unit.
///
/// With containers in containers the innermost counts. A unit is the innermost one inside that
/// container; one outside only where it is the container's own (Podman).
#[must_use]
pub fn workload(path: &str) -> Option<Workload> {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let mut found = Workload::default();
    for (at, part) in parts.iter().enumerate() {
        let before = &parts[..at];
        let pod = pod_uid(before, part);
        let container = container(before, part);
        let is_pod = pod.is_some();
        if is_pod {
            found = Workload { pod_uid: pod, ..Workload::default() };
        }
        if let Some((runtime, id)) = container {
            if runtime != Some("podman") {
                found.unit = None;
            }
            found.runtime = runtime.map(str::to_owned);
            found.container = Some(id.to_owned());
        } else if !is_pod && is_unit(part, found.unit.is_some()) {
            found.unit = Some((*part).to_owned());
        }
    }
    (found != Workload::default()).then_some(found)
}

/// Runtime (where the shape tells it) and id, if `part` below `before` is a container's cgroup.
fn container<'a>(before: &[&str], part: &'a str) -> Option<(Option<&'static str>, &'a str)> {
    // runc under systemd: PREFIX-ID.scope. The monitors `crio-conmon-ID` and `libpod-conmon-ID`
    // are no containers, and their prefix is not in the list.
    if let Some((prefix, id)) = part.strip_suffix(".scope").and_then(|s| s.rsplit_once('-')) {
        return Some((Some(runtime_of(prefix)?), full_id(id)?));
    }
    // The same with a runtime that is not told about systemd: SLICE:PREFIX:ID as a directory.
    if let Some((rest, id)) = part.rsplit_once(':') {
        let (slice, prefix) = rest.rsplit_once(':')?;
        return Some((Some(runtime_of(prefix)?), full_id(id)?))
            .filter(|_| slice.ends_with(".slice"));
    }
    if let Some(id) = part.strip_prefix("libpod-") {
        return Some((Some("podman"), full_id(id.strip_prefix("payload-").unwrap_or(id))?));
    }
    if let Some(id) = part.strip_prefix("crio-") {
        return Some((Some("cri-o"), full_id(id)?));
    }
    let id = full_id(part)?;
    let (parent, above) = before.split_last()?;
    match *parent {
        "docker" => Some((Some("docker"), id)),
        // nerdctl with the cgroupfs driver: /NAMESPACE/ID.
        "default" | "k8s.io" if above.is_empty() => Some((Some("containerd"), id)),
        // A pod under the cgroupfs driver holds bare ids, whichever runtime made them.
        _ if pod_uid(above, parent).is_some() => Some((None, id)),
        // Amazon ECS: /ecs/TASK/ID or /ecs/CLUSTER/TASK/ID.
        _ if (2..=3).contains(&before.len()) && before[0] == "ecs" => Some((None, id)),
        _ => None,
    }
}

/// Runtime that uses this prefix for its scopes.
fn runtime_of(prefix: &str) -> Option<&'static str> {
    match prefix {
        "docker" => Some("docker"),
        "cri-containerd" | "nerdctl" => Some("containerd"),
        "crio" => Some("cri-o"),
        "libpod" | "libpod-payload" => Some("podman"),
        _ => None,
    }
}

/// A container id in full: 64 digits of lower-case hexadecimal.
fn full_id(text: &str) -> Option<&str> {
    let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    (text.len() == 64 && text.bytes().all(hex)).then_some(text)
}

/// Pod UID, if `part` below `before` is a pod's cgroup.
fn pod_uid(before: &[&str], part: &str) -> Option<String> {
    // systemd driver: [PARENT-]kubepods[-QOS]-podUID.slice, the UID with `_` for `-`.
    let slice = part.split_once(':').map_or(part, |(slice, _)| slice);
    if let Some((head, uid)) = slice.strip_suffix(".slice").and_then(|s| s.rsplit_once("-pod")) {
        let head = head.strip_suffix("-burstable").unwrap_or(head);
        let head = head.strip_suffix("-besteffort").unwrap_or(head);
        let kube = head == "kubepods" || head.ends_with("-kubepods");
        return kube.then(|| uid_text(uid, b'_')).flatten();
    }
    // cgroupfs driver: kubepods[/QOS]/podUID.
    let (parent, above) = before.split_last()?;
    let kube = match *parent {
        "kubepods" => true,
        "burstable" | "besteffort" => above.last() == Some(&"kubepods"),
        _ => false,
    };
    kube.then(|| uid_text(part.strip_prefix("pod")?, b'-')).flatten()
}

/// A UID as Kubernetes writes it: a UUID, or for static pods 32 digits without dashes.
fn uid_text(text: &str, dash: u8) -> Option<String> {
    let digits = text.bytes().enumerate().all(|(at, b)| match at {
        8 | 13 | 18 | 23 if text.len() == 36 => b == dash,
        _ => b.is_ascii_hexdigit(),
    });
    (digits && matches!(text.len(), 32 | 36)).then(|| text.replace('_', "-"))
}

/// A cgroup that systemd makes for a unit. `init.scope` counts only where no other is known: each
/// `user@N.service` has one inside.
fn is_unit(part: &str, have_one: bool) -> bool {
    if part == "init.scope" {
        return !have_one;
    }
    [".service", ".scope", ".mount", ".socket", ".swap"]
        .iter()
        .any(|kind| part.strip_suffix(kind).is_some_and(|name| !name.is_empty()))
}

#[cfg(test)]
mod tests;
