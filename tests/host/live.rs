//! On this machine: what is read agrees with what the kernel says elsewhere.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};
use std::sync::PoisonError;
use std::time::Instant;

use stallprof::host::caps::{Cap, Caps};
use stallprof::host::cgroup::{CgroupIds, CgroupMounts, Hierarchy, WalkLimits};
use stallprof::host::kconfig::KernelConfig;
use stallprof::host::kernel::Uname;
use stallprof::host::ksoftirqd::ksoftirqds;
use stallprof::host::stat::StealReader;
use stallprof::host::tasks::TaskFacts;
use stallprof::host::{CpuList, HostFacts, HostRoot};
use stallprof::units::{Ktime, Tgid, Tid};

use super::CGROUPS;
use crate::skip::skipped;

fn output(program: &str, args: &[&str]) -> String {
    let out = Command::new(program).args(args).output().expect(program);
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

#[test]
fn facts_agree_with_uname_and_sysconf() {
    let root = HostRoot::default();
    let begin = Instant::now();
    let facts = HostFacts::read(&root).expect("facts");
    println!("HostFacts::read took {:?}: {facts:?}", begin.elapsed());
    assert_eq!(facts.uname.release, output("uname", &["-r"]));
    assert_eq!(facts.uname.version, output("uname", &["-v"]));
    assert_eq!(facts.uname.hostname, output("uname", &["-n"]));
    assert_eq!(facts.uname.arch, output("uname", &["-m"]));
    assert_eq!(
        facts.cpus_online.cpus().len().to_string(),
        output("getconf", &["_NPROCESSORS_ONLN"])
    );
    let configured = KernelConfig::read(&root, &facts.uname.release);
    match configured.and_then(|config| config.hz()) {
        Some(hz) => assert_eq!(facts.hz, Some(hz), "the clock's resolution tells HZ"),
        None => assert!(facts.hz.is_some_and(|hz| hz >= 100), "{:?}", facts.hz),
    }
}

#[test]
fn the_packed_configuration_is_what_zcat_makes_of_it() {
    if !HostRoot::default().has("proc/config.gz") {
        let name = "the_packed_configuration_is_what_zcat_makes_of_it";
        return skipped(name, "this kernel has no /proc/config.gz");
    }
    let config = KernelConfig::read(&HostRoot::default(), "").expect("a configuration");
    assert_eq!(config, KernelConfig::parse(&(output("zcat", &["/proc/config.gz"]) + "\n")));
}

#[test]
fn ksoftirqds_are_those_with_the_name() {
    let root = HostRoot::default();
    let cpus = CpuList::online(&root).expect("CPUs");
    // A process that calls itself so must not be taken for one.
    let mut liar = Command::new("sh")
        .args(["-c", "printf ksoftirqd/0 > /proc/self/task/$$/comm; echo ready; read x"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh");
    let mut ready = [0; 6];
    let mut stdout = liar.stdout.take().expect("its output");
    std::io::Read::read_exact(&mut stdout, &mut ready).expect("ready");
    let lie = fs::read_to_string(format!("/proc/{}/comm", liar.id())).expect("its name");

    let begin = Instant::now();
    let found = ksoftirqds(&root, &cpus);
    println!("ksoftirqds took {:?}: {found:?}", begin.elapsed());
    drop(liar.stdin.take());
    liar.wait().expect("its end");

    assert_eq!(lie, "ksoftirqd/0\n");
    if found.is_empty() {
        return skipped("ksoftirqds_are_those_with_the_name", "not in the host's pid namespace");
    }
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), cpus.cpus());
    for (cpu, tid) in found {
        let comm = fs::read_to_string(format!("/proc/{tid}/comm")).expect("a thread");
        assert_eq!(comm, format!("ksoftirqd/{cpu}\n"));
        assert_ne!(tid.0, liar.id());
    }
}

#[test]
fn steal_is_that_of_proc_stat() {
    let mut reader = StealReader::open(&HostRoot::default()).expect("open");
    let steals = reader.read().expect("steal times").to_vec();
    let cpus: Vec<_> = steals.iter().map(|s| s.cpu).collect();
    assert_eq!(cpus, CpuList::online(&HostRoot::default()).expect("CPUs").cpus());
    let text = fs::read_to_string("/proc/stat").expect("/proc/stat");
    for (line, steal) in text.lines().skip(1).zip(&steals) {
        let ticks: u64 =
            line.split_whitespace().nth(8).and_then(|n| n.parse().ok()).expect("steal");
        assert!(
            ticks * 10_000_000 >= steal.total.0
                && ticks * 10_000_000 < steal.total.0 + 10_u64.pow(9)
        );
    }
    let begin = Instant::now();
    for _ in 0..100 {
        reader.read().expect("steal times");
    }
    println!("StealReader::read takes {:?}", begin.elapsed() / 100);
}

#[test]
fn this_thread_is_known() {
    let root = HostRoot::default();
    let tid = fs::read_link("/proc/thread-self").expect("a thread");
    let tid: u32 = tid.file_name().and_then(|n| n.to_str()?.parse().ok()).expect("its id");
    let tgid = Tgid(std::process::id());
    let begin = Instant::now();
    let facts = TaskFacts::read(&root, tgid, Tid(tid), None).expect("this thread");
    println!("TaskFacts::read took {:?}: {facts:?}", begin.elapsed());
    assert_eq!(facts.process, fs::read_to_string("/proc/self/comm").expect("a name").trim());
    assert!(!facts.stat.kthread && facts.stat.tid == Tid(tid));
    let start = facts.stat.start();
    assert_eq!(TaskFacts::read(&root, tgid, Tid(tid), Some(start)), Some(facts));
    let earlier = Ktime(start.0 - 10_000_000);
    assert_eq!(TaskFacts::read(&root, tgid, Tid(tid), Some(earlier)), None);
    assert_eq!(TaskFacts::read(&root, tgid, Tid(u32::MAX), None), None);
}

#[test]
fn cgroup_ids_are_inode_numbers() {
    let root = HostRoot::default();
    let mounts = CgroupMounts::read(&root).expect("a mount table");
    let _alone = CGROUPS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut checked = 0;
    for hierarchy in [Hierarchy::V1Memory, Hierarchy::V1Systemd, Hierarchy::V2] {
        let Some(mount) = mounts.get(hierarchy) else { continue };
        let begin = Instant::now();
        let mut ids = CgroupIds::scan(&root, mount, WalkLimits::default()).expect("a scan");
        println!("{hierarchy}: {:?} in {:?}", ids.scanned(), begin.elapsed());
        let top = root.path(&mount.point);
        let ino = top.metadata().expect("the mount").ino();
        assert_eq!(ids.get(ino), Some(mount.root.as_str()));

        // One that is made after the scan is asked of the kernel.
        let name = format!("stallprof test {}", std::process::id());
        if let Err(e) = fs::create_dir(top.join(&name)) {
            skipped("cgroup_ids_are_inode_numbers", &format!("no new cgroup: {e}"));
            continue;
        }
        let ino = top.join(&name).metadata().expect("the cgroup").ino();
        let path = format!("{}/{name}", mount.root.trim_end_matches('/'));
        assert_eq!(ids.get(ino), None);
        let begin = Instant::now();
        let found = ids.find(ino).map(str::to_owned);
        println!("{hierarchy}: find took {:?}", begin.elapsed());
        let again = CgroupIds::scan(&root, mount, WalkLimits::default()).expect("a scan");
        fs::remove_dir(top.join(&name)).expect("the cgroup goes");
        assert_eq!(again.get(ino), Some(path.as_str()));
        if Caps::effective(&root).expect("capabilities").has(Cap::DacReadSearch) {
            assert_eq!(found, Some(path));
            assert_eq!(ids.get(ino), found.as_deref());
            ids.forget(ino);
            assert_eq!(ids.find(ino), None, "it is gone");
        }
        checked += 1;
    }
    if checked == 0 {
        skipped("cgroup_ids_are_inode_numbers", "no cgroup hierarchy that can be written");
    }
}

#[test]
fn a_root_elsewhere_is_not_mixed_with_this_host() {
    let facts = Uname::read(&HostRoot::new(super::tree("6.1-v2"))).expect("facts");
    assert_eq!((facts.release.as_str(), facts.hostname.as_str()), ("6.1.0-37-amd64", "web7"));
}
