//! `--host-root`: stallprof in a box of its own (mounts, task numbers, host name), as a container is,
//! with the host's files at another place.

use std::path::PathBuf;
use std::process::{Command, Output};

use stallprof::host::HostRoot;
use stallprof::host::cgroup::{CgroupMounts, Hierarchy};

use crate::host::{Folder, findings, machine, stallgen, stallprof, stderr, succeeded};

/// Runs a line of sh(1) in such a box. `$ROOT` has the host's proc and sys mounted and an
/// etc/hostname of its own; our own /proc shows the box alone.
fn boxed(folder: &Folder, line: &str) -> Output {
    let root = folder.path("host");
    for part in ["proc", "sys", "etc"] {
        std::fs::create_dir_all(root.join(part)).unwrap();
    }
    std::fs::write(root.join("etc/hostname"), "# a node\nnode-of-the-test\n").unwrap();
    let mounts = "set -e; mount --rbind /proc $ROOT/proc; mount --rbind /sys $ROOT/sys
                  mount -t proc proc /proc; hostname box";
    Command::new("unshare")
        .args(["--mount", "--uts", "--pid", "--fork", "--propagation", "private", "--kill-child"])
        .args(["sh", "-c", &format!("{mounts}; cd {}; {line}", folder.path(".").display())])
        .env("ROOT", &root)
        .env("STALLPROF", env!("CARGO_BIN_EXE_stallprof"))
        .output()
        .unwrap()
}

/// A cgroup of a pod, as the kubelet makes it; removed with the value.
struct PodCgroup(Vec<PathBuf>);

const UID: &str = "6c6ef0a4-8a5d-4f05-b2cd-0d1a6d0c8a11";

impl PodCgroup {
    fn new() -> PodCgroup {
        let mounts = CgroupMounts::read(&HostRoot::default()).unwrap();
        let mount = mounts.get(Hierarchy::V1Memory).or_else(|| mounts.get(Hierarchy::V2)).unwrap();
        let parts = [
            format!("stallprof-hostroot-{}", std::process::id()),
            "kubepods".to_owned(),
            format!("pod{UID}"),
            "0123456789abcdef".repeat(4),
        ];
        let mut path = mount.point.clone();
        let mut made = Vec::new();
        for part in parts {
            path.push(part);
            std::fs::create_dir(&path).unwrap();
            made.push(path.clone());
        }
        PodCgroup(made)
    }

    fn take(&self, pid: u32) {
        let container = self.0.last().unwrap();
        std::fs::write(container.join("cgroup.procs"), pid.to_string()).unwrap();
    }
}

impl Drop for PodCgroup {
    fn drop(&mut self) {
        self.0.iter().rev().for_each(|path| drop(std::fs::remove_dir(path)));
    }
}

/// Who stalled the CPU has the names that the host's files tell, not those of the box.
#[test]
fn tasks_have_their_names_in_a_box() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("host-root");
    std::fs::create_dir_all(folder.path(&format!("host/var/log/pods/shop_cart-0_{UID}"))).unwrap();
    let cgroup = PodCgroup::new();
    let cpu = crate::host::cpu().to_string();
    let record = |options: &str, file: &str| {
        // Outside of the box: the neighbour that a node agent is there to catch.
        let args = ["irqsoff", "--cpu", &cpu, "--count", "200", "--truth", "/dev/null"];
        let mut neighbour = Command::new(stallgen()).args(args).spawn().unwrap();
        cgroup.take(neighbour.id());
        let line = format!("$STALLPROF record {options} -C {cpu} -d 1500ms -o {file}");
        let output = boxed(&folder, &line);
        let _ = neighbour.kill();
        neighbour.wait().unwrap();
        succeeded(&output);
        let found = findings(&folder.path(file));
        let culprits = found["culprits"].as_array().unwrap().iter().map(|group| &group["culprit"]);
        let task = culprits.clone().find(|c| c["tgid"] == neighbour.id()).cloned();
        let task = task.unwrap_or_else(|| panic!("{:?}", culprits.collect::<Vec<_>>()));
        (found["host"]["name"].clone(), task, String::from_utf8(output.stdout).unwrap())
    };
    let (host, culprit, verdict) = record("--host-root $ROOT", "seen.stall");
    assert_eq!(host, "node-of-the-test");
    let path = culprit["cgroup"].as_str().unwrap_or_else(|| panic!("{culprit}"));
    assert!(cgroup.0.last().unwrap().ends_with(&path[1..]), "{path}");
    assert_eq!(culprit["workload"]["pod"], "shop/cart-0", "{culprit}");
    assert!(verdict.contains("pod shop/cart-0"), "{verdict}");
    let (host, culprit, _) = record("", "unseen.stall");
    assert_eq!(host, "box");
    assert!(culprit["cgroup"].is_null() && culprit["workload"].is_null(), "{culprit}");
}

/// A process is told by its number on the host.
#[test]
fn a_process_is_told_by_the_hosts_number() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("host-root-pid");
    let pid = std::process::id();
    let record = format!("$STALLPROF record -d 300ms -o r.stall --pid {pid}");
    let refused = boxed(&folder, &record);
    assert!(!refused.status.success());
    assert!(stderr(&refused).contains("no such process"), "{}", stderr(&refused));
    let refused = boxed(&folder, "$STALLPROF record -d 300ms -o r.stall --pid 1");
    assert!(stderr(&refused).contains("--host-root"), "{}", stderr(&refused));
    succeeded(&boxed(&folder, &format!("{record} --host-root $ROOT")));
    assert!(findings(&folder.path("r.stall"))["window"]["complete"].as_bool().unwrap());
}

/// All of / at another place, as with `docker run -v /:/host`.
#[test]
fn the_whole_host_mounted() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("host-root-whole");
    let line =
        "mkdir all; mount --rbind / all; umount -l all/proc; mount --rbind $ROOT/proc all/proc
                $STALLPROF doctor --host-root all --format json >doctor
                $STALLPROF record -o r.stall --host-root all -- \
                    sh -c 'i=0; while [ $i -lt 500000 ]; do i=$((i+1)); done'";
    succeeded(&boxed(&folder, line));
    let doctor = std::fs::read(folder.path("doctor")).unwrap();
    let doctor: serde_json::Value = serde_json::from_slice(&doctor).unwrap();
    let here = stallprof().args(["doctor", "--format", "json"]).output().unwrap();
    let here: serde_json::Value = serde_json::from_slice(&here.stdout).unwrap();
    let methods = |d: &serde_json::Value| {
        let probes = d["probes"].as_array().unwrap().iter();
        probes.map(|p| (p["name"].clone(), p["method"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(methods(&doctor), methods(&here));
    assert_eq!(doctor["checks"], here["checks"]);
    let found = findings(&folder.path("r.stall"));
    let samples = |cpu: &serde_json::Value| cpu["samples"].as_u64().unwrap();
    assert!(found["cpus"].as_array().unwrap().iter().map(samples).sum::<u64>() > 0);
}

#[test]
fn what_is_no_host_is_refused() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("no-host");
    let copied = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/host/6.18-v2");
    let empty = folder.path(".").display().to_string();
    for command in [&["record"][..], &["daemon", "--print-config"], &["doctor"], &["top"]] {
        for (root, why) in [
            (empty.as_str(), "no directory proc in it"),
            ("/no/such/folder", "No such file or directory"),
            ("/dev/null", "Not a directory"),
            (copied, "only a kernel that runs can be measured"),
        ] {
            let output = stallprof().args(command).args(["--host-root", root]).output().unwrap();
            let said = stderr(&output);
            assert_eq!(output.status.code(), Some(2), "{command:?} {root}: {said}");
            assert!(said.contains(root) && said.contains(why), "{command:?}: {said}");
        }
    }
    // Those that only read take copied files, and nothing less.
    for (command, code) in [(&["check"][..], 64), (&["rxpath"], 2), (&["rxpath", "show"], 2)] {
        let run =
            |root: &str| stallprof().args(command).args(["--host-root", root]).output().unwrap();
        let output = run(&empty);
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert!(stderr(&output).contains("no directory proc in it"), "{}", stderr(&output));
        assert_ne!(run(copied).status.code(), Some(code));
    }
    let measure = ["rxpath", "show", "--measure", "1s", "--host-root", copied];
    let output = stallprof().args(measure).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
}
