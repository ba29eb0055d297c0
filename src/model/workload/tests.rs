//! Paths as kubelet, container runtimes and systemd make them.

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
    let expected = Workload { runtime, container, pod: None, pod_uid, unit };
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

/// Where kubelet, its runtime or the whole node runs inside something else.
#[test]
fn nested_nodes_and_odd_drivers() {
    let static_pod = "0123456789abcdef0123456789abcdef";
    for (path, want) in [
        // kind: systemd in a container of Docker's, on v2 with both drivers there.
        (
            "/system.slice/docker-{A}.scope/kubelet.slice/kubelet-kubepods.slice/\
             kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod{_}.slice/\
             cri-containerd-{B}.scope",
            ["containerd", "{B}", "{U}", ""],
        ),
        (
            "/system.slice/docker-{A}.scope/kubelet/kubepods/burstable/pod{U}/{B}",
            ["", "{B}", "{U}", ""],
        ),
        (
            "/system.slice/docker-{A}.scope/kubelet.slice/kubelet.service",
            ["docker", "{A}", "", "kubelet.service"],
        ),
        ("/system.slice/docker-{A}.scope/init.scope", ["docker", "{A}", "", "init.scope"]),
        // kind under Podman, rootful and rootless.
        (
            "/machine.slice/libpod-{A}.scope/container/kubelet.slice/kubelet-kubepods.slice/\
             kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod{_}.slice/\
             cri-containerd-{B}.scope",
            ["containerd", "{B}", "{U}", ""],
        ),
        // minikube and k3d: a node in Docker.
        (
            "/docker/{A}/kubepods.slice/kubepods-besteffort.slice/\
             kubepods-besteffort-pod{_}.slice/docker-{B}.scope",
            ["docker", "{B}", "{U}", ""],
        ),
        ("/docker/{A}/kubepods/besteffort/pod{U}/{B}", ["", "{B}", "{U}", ""]),
        ("/system.slice/docker-{A}.scope/kubepods/pod{U}/{B}", ["", "{B}", "{U}", ""]),
        ("/docker/{A}/k3s", ["docker", "{A}", "", ""]),
        // k3s, RKE2 and microk8s on a host: one service for all, or the pods' own slices.
        ("/system.slice/k3s.service", ["", "", "", "k3s.service"]),
        ("/system.slice/k3s.service/kubepods/burstable/pod{U}/{A}", ["", "{A}", "{U}", ""]),
        (
            "/system.slice/k3s.service/kubepods-besteffort-pod{_}.slice:cri-containerd:{A}",
            ["containerd", "{A}", "{U}", ""],
        ),
        (
            "/user.slice/user-1000.slice/user@1000.service/app.slice/k3s-rootless.service/\
             kubepods/besteffort/pod{U}/{A}",
            ["", "{A}", "{U}", ""],
        ),
        // Nested views: a cgroup namespace of its own, and one left for its parent.
        (
            "/kubepods-burstable-pod{_}.slice/cri-containerd-{A}.scope",
            ["containerd", "{A}", "{U}", ""],
        ),
        ("/../cri-containerd-{A}.scope", ["containerd", "{A}", "", ""]),
        ("/../../pod{U}/{A}", ["", "", "", ""]),
        // kubelet with a root of its own, of both drivers.
        ("/custom/kubepods/burstable/pod{U}/{A}", ["", "{A}", "{U}", ""]),
        (
            "/custom.slice/custom-kubepods.slice/custom-kubepods-pod{_}.slice/crio-{A}.scope",
            ["cri-o", "{A}", "{U}", ""],
        ),
        // Guaranteed pods, and static ones.
        ("/kubepods.slice/kubepods-pod{_}.slice/crio-{A}.scope", ["cri-o", "{A}", "{U}", ""]),
        (
            "/kubepods.slice/kubepods-burstable.slice/\
             kubepods-burstable-pod0123456789abcdef0123456789abcdef.slice/docker-{A}.scope",
            ["docker", "{A}", static_pod, ""],
        ),
        // CRI-O with the cgroupfs driver, and its monitors, which are no containers.
        ("/kubepods/pod{U}/crio-{A}/container", ["cri-o", "{A}", "{U}", ""]),
        ("/kubepods/pod{U}/crio-conmon-{A}", ["", "", "{U}", ""]),
        ("/system.slice/crio-conmon-{A}.scope", ["", "", "", "crio-conmon-{A}.scope"]),
        // Kata puts a whole sandbox into one cgroup.
        ("/kubepods/burstable/pod{U}/kata_{A}", ["", "", "{U}", ""]),
        ("/kata_overhead/{A}", ["", "", "", ""]),
        // systemd inside a pod's container.
        (
            "/kubepods.slice/kubepods-pod{_}.slice/cri-containerd-{A}.scope/system.slice/\
             nginx.service",
            ["containerd", "{A}", "{U}", "nginx.service"],
        ),
        // Docker without root, with a slice of its own, in Docker.
        (
            "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{A}.scope",
            ["docker", "{A}", "", ""],
        ),
        ("/batch.slice/docker-{A}.scope", ["docker", "{A}", "", ""]),
        ("/system.slice/docker-{A}.scope/docker/{B}", ["docker", "{B}", "", ""]),
        (
            "/ecstasks.slice/ecstasks-0f9c3d5e7b1a4c2d.slice/docker-{A}.scope",
            ["docker", "{A}", "", ""],
        ),
        // Pods of Podman, and its containers under systemd.
        (
            "/machine.slice/machine-libpod_pod_{B}.slice/libpod-{A}.scope/container",
            ["podman", "{A}", "", ""],
        ),
        (
            "/user.slice/user-1000.slice/user@1000.service/user.slice/nerdctl-{A}.scope",
            ["containerd", "{A}", "", ""],
        ),
        // Not of Kubernetes or Docker: a machine, a container of LXC, an allocation of Nomad.
        (
            "/machine.slice/systemd-nspawn@web.service/payload/system.slice/ssh.service",
            ["", "", "", "ssh.service"],
        ),
        ("/lxc.payload.web1/init.scope", ["", "", "", "init.scope"]),
        ("/nomad.slice/share.slice/{U}.web.scope", ["", "", "", "{U}.web.scope"]),
    ] {
        check(path, want);
    }
}

#[test]
fn units_and_sessions() {
    let user = "/user.slice/user-1000.slice";
    for (path, unit) in [
        ("/system.slice/ssh.service".to_owned(), "ssh.service"),
        ("/system.slice/docker.service".to_owned(), "docker.service"),
        ("/system.slice/system-getty.slice/getty@tty1.service".to_owned(), "getty@tty1.service"),
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
