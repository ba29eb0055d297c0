//! What a cgroup path says about whose task it is: container, pod, systemd unit.
//!
//! Path shapes: kubelet `pkg/kubelet/cm` (both cgroup drivers), runc/crun scopes `PREFIX-ID.scope`,
//! Docker's and Podman's cgroupfs drivers, systemd. Only shapes known to be a container are taken
//! for one: a wrong container name is worse than none.

use crate::model::findings::Workload;

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
mod tests {
    use super::*;

    const A: &str = "3f4e8ab1c05d2b9d6a7c1e0f9b8d7c6a5e4f3d2c1b0a99887766554433221100";
    const B: &str = "b86a19f2d3c4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e";
    const UID: &str = "6c6ef0a4-8a5d-4f05-b2cd-0d1a6d0c8a11";

    /// A line of the table: `{A}`, `{B}` are container ids, `{U}` a pod UID, `{_}` the same with
    /// underscores.
    fn check(path: &str, want: [&str; 4]) {
        let fill = |text: &str| {
            let text = text.replace("{A}", A).replace("{B}", B).replace("{U}", UID);
            text.replace("{_}", &UID.replace('-', "_"))
        };
        let path = fill(path);
        let [runtime, container, pod_uid, unit] =
            want.map(|text| Some(fill(text)).filter(|text| !text.is_empty()));
        let expected = Workload { runtime, container, pod_uid, unit };
        assert_eq!(workload(&path).unwrap_or_default(), expected, "{path}");
        assert_eq!(workload(&path).is_none(), expected == Workload::default(), "{path}");
        assert_eq!(workload(&format!("{path} (deleted)")), workload(&path));
    }

    #[test]
    fn containers_and_pods() {
        let slice = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{_}.slice";
        for (path, want) in [
            // Docker: cgroupfs and systemd drivers, in Docker, on ECS.
            ("/docker/{A}", ["docker", "{A}", "", ""]),
            ("/system.slice/docker-{A}.scope", ["docker", "{A}", "", ""]),
            ("/docker/{A}/docker/{B}", ["docker", "{B}", "", ""]),
            ("/docker/{A}/init.scope", ["docker", "{A}", "", "init.scope"]),
            ("/docker/{A}/system.slice/nginx.service", ["docker", "{A}", "", "nginx.service"]),
            ("/../../docker/{B}", ["docker", "{B}", "", ""]),
            ("/ecs/0f9c3d5e7b1a4c2d/{A}", ["", "{A}", "", ""]),
            ("/ecs/prod/0f9c3d5e7b1a4c2d/{A}", ["", "{A}", "", ""]),
            // Kubernetes, cgroupfs driver: the path does not tell the runtime.
            ("/kubepods/burstable/pod{U}/{A}", ["", "{A}", "{U}", ""]),
            ("/kubepods/pod{U}/{A}", ["", "{A}", "{U}", ""]),
            ("/kubepods/besteffort/pod{U}", ["", "", "{U}", ""]),
            ("/kubepods/besteffort/pod{U}/crio-{A}", ["cri-o", "{A}", "{U}", ""]),
            ("/kubepods/burstable/pod{U}/{A}/docker/{B}", ["docker", "{B}", "{U}", ""]),
            (
                "/kubepods/burstable/pod0123456789abcdef0123456789abcdef/{A}",
                ["", "{A}", "0123456789abcdef0123456789abcdef", ""],
            ),
            // kind: a node that is a container of Docker's.
            ("/docker/{A}/kubelet/kubepods/besteffort/pod{U}/{B}", ["", "{B}", "{U}", ""]),
            (
                "/docker/{A}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{_}.slice/\
                 cri-containerd-{B}.scope",
                ["containerd", "{B}", "{U}", ""],
            ),
            // containerd that was not told about systemd.
            (
                "/system.slice/containerd.service/kubepods-burstable-pod{_}.slice:cri-containerd:{A}",
                ["containerd", "{A}", "{U}", ""],
            ),
            // nerdctl, Podman with and without systemd, rootless, Quadlet.
            ("/default/{A}", ["containerd", "{A}", "", ""]),
            ("/system.slice/nerdctl-{A}.scope", ["containerd", "{A}", "", ""]),
            ("/machine.slice/libpod-{A}.scope", ["podman", "{A}", "", ""]),
            ("/machine.slice/libpod-{A}.scope/container", ["podman", "{A}", "", ""]),
            ("/libpod_parent/{B}/libpod-{A}", ["podman", "{A}", "", ""]),
            (
                "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{A}.scope",
                ["podman", "{A}", "", "user@1000.service"],
            ),
            ("/system.slice/web.service/libpod-payload-{A}", ["podman", "{A}", "", "web.service"]),
        ] {
            check(path, want);
        }
        for (inside, want) in [
            ("/cri-containerd-{A}.scope", ["containerd", "{A}", "{U}", ""]),
            ("/crio-{A}.scope", ["cri-o", "{A}", "{U}", ""]),
            ("/crio-{A}.scope/container", ["cri-o", "{A}", "{U}", ""]),
            ("/docker-{A}.scope", ["docker", "{A}", "{U}", ""]),
            ("/crio-conmon-{A}.scope", ["", "", "{U}", "crio-conmon-{A}.scope"]),
            ("", ["", "", "{U}", ""]),
        ] {
            check(&format!("{slice}{inside}"), want);
        }
    }

    #[test]
    fn units_and_sessions() {
        let user = "/user.slice/user-1000.slice";
        for (path, unit) in [
            ("/system.slice/ssh.service".to_owned(), "ssh.service"),
            ("/system.slice/docker.service".to_owned(), "docker.service"),
            (
                "/system.slice/system-getty.slice/getty@tty1.service".to_owned(),
                "getty@tty1.service",
            ),
            ("/system.slice/dev-hugepages.mount".to_owned(), "dev-hugepages.mount"),
            ("/init.scope".to_owned(), "init.scope"),
            (format!("{user}/session-3.scope"), "session-3.scope"),
            (format!("{user}/user@1000.service/init.scope"), "user@1000.service"),
            (format!("{user}/user@1000.service/app.slice/gpg.service"), "gpg.service"),
            ("/lxc.payload.web1/system.slice/nginx.service".to_owned(), "nginx.service"),
            ("/system.slice/containerd.service/worker".to_owned(), "containerd.service"),
        ] {
            check(&path, ["", "", "", unit]);
        }
    }

    #[test]
    fn lookalikes_are_not_taken_for_containers() {
        for path in [
            "",
            "/",
            "/..",
            "/../..",
            "//",
            "/docker",
            "/docker/",
            "/docker/buildkit/{A}",
            "/docker/3f4e8ab1c05d",
            "/dockers/{A}",
            "/{A}",
            "/builds/{A}",
            "/my/default/{A}",
            "/kubepods",
            "/kubepods/burstable",
            "/kubepods.slice/kubepods-besteffort.slice",
            "/burstable/pod{U}/{A}",
            "/pod{U}/{A}",
            "/kubepods/burstable/podinfo",
            "/kubepods/burstable/pod{_}",
            "/notkubepods-pod{_}.slice",
            "/libpod-conmon-{A}",
            "/system.slice",
            "/user.slice/user-1000.slice",
            "/.service",
            "/a.service.d",
            "/ecs/{A}/x",
            "/system.slice:podman:{A}",
            "/x:cri-containerd:{A}",
            "/agent/6a82f5e291854dc2",
        ] {
            check(path, [""; 4]);
        }
        for scope in ["libpod-conmon-{A}.scope", "crio-conmon-{A}.scope", "docker-{A}x.scope"] {
            check(&format!("/machine.slice/{scope}"), ["", "", "", scope]);
        }
        check(&format!("/docker/{}", A.to_uppercase()), [""; 4]);
        check("/system.slice/docker-proxy.scope", ["", "", "", "docker-proxy.scope"]);
        let long = format!("/{}", "kubepods-pod/docker/:.slice-".repeat(40_000));
        assert_eq!(workload(&long), None);
        assert_eq!(workload("/docker/\u{fffd}\u{fffd}/pod"), None);
    }
}
