//! A run that is killed leaves nothing that holds a CPU or a name.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashSet;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use common::{stallgen, start, turn_as_root};
use libbpf_rs::query::ProgInfoIter;

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < give_up, "{what}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Threads with the names stallgen gives, those of its children included.
fn threads() -> HashSet<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let tasks = processes.flat_map(|p| fs::read_dir(p.path().join("task")).into_iter().flatten());
    let is_ours = |task: &PathBuf| {
        fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.starts_with("sg-"))
    };
    tasks.flatten().map(|task| task.path()).filter(is_ours).collect()
}

/// BPF programs with the names of stallgen's.
fn programs() -> HashSet<u32> {
    let is_ours = |name: &[u8]| {
        name.starts_with(b"hog_in_") || name == b"ksoftirqd_woken" || name == b"victim"
    };
    let programs = ProgInfoIter::default();
    programs.filter(|p| is_ours(p.name.as_bytes())).map(|p| p.id).collect()
}

/// Where the cgroups of the process are, if any are left.
fn groups_of(pid: u32) -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let cgroups = mounts.lines().filter(|line| line.contains(" cgroup"));
    let paths = cgroups.map(|line| format!("{}/stallgen/{pid}", line.split(' ').nth(1).unwrap()));
    paths.filter(|path| fs::exists(path).unwrap()).collect()
}

#[test]
fn nothing_stays_after_sigkill() {
    let Some(_turn) = turn_as_root() else { return };
    let mut groups = Vec::new();
    for arguments in [
        "hardirq --cpu 0 --length 500ms --every 600ms",
        "syscall --cpu 0 --length 500ms --every 600ms",
        "memcg --cpu 0 --dying 30000",
    ] {
        let (old_threads, old_programs) = (threads(), programs());
        let mut child = start(stallgen(arguments).stdout(Stdio::null()).stderr(Stdio::null()));
        let new_threads = &threads() - &old_threads;
        let new_programs = &programs() - &old_programs;
        assert!(!new_threads.is_empty() && !new_programs.is_empty(), "{arguments}: did not start");
        child.kill().unwrap();
        child.wait().unwrap();
        eventually("threads stay", || threads().is_disjoint(&new_threads));
        eventually("BPF programs stay", || programs().is_disjoint(&new_programs));
        groups.push(child.id());
    }
    // Cgroups have names: the next run removes them, whatever its kind.
    assert_ne!(groups_of(groups[2]), Vec::<String>::new());
    assert!(stallgen("fifo --cpu 0 --count 1 --no-victims").output().unwrap().status.success());
    assert_eq!(groups.into_iter().flat_map(groups_of).collect::<Vec<_>>(), Vec::<String>::new());
}
