//! What is read from the trees.

use stallprof::host::caps::{Cap, Caps};
use stallprof::host::cgroup::{CgroupIds, CgroupMounts, Hierarchy, WalkLimits};
use stallprof::host::kernel::{Lockdown, Sysctls, has_btf};
use stallprof::host::ksoftirqd::ksoftirqds;
use stallprof::host::memcg::DyingMethod;
use stallprof::host::stat::StealReader;
use stallprof::host::tasks::TaskFacts;
use stallprof::host::{CpuList, HostFacts, HostRoot};
use stallprof::model::Meta;
use stallprof::units::{Cpu, Ktime, Nanos, Tgid, Tid};

use super::tree;

fn root(name: &str) -> HostRoot {
    HostRoot::new(tree(name))
}

#[test]
fn the_facts_that_a_recording_begins_with() {
    use DyingMethod::{V1Difference, V2Descendants, V2Memory};
    for (name, version, cpus, dying, hz, preemption) in [
        ("5.10-v1", (5, 10), "0-1", (5, V1Difference), Some(250), Some("voluntary")),
        ("6.1-v2", (6, 1), "0-3", (23_411, V2Descendants), Some(250), Some("voluntary")),
        ("6.12-v2", (6, 12), "0-7,9-11", (97, V2Memory), None, Some("full")),
        ("6.18-v1", (6, 18), "0-1", (6, V1Difference), Some(250), Some("none")),
        ("6.18-v2", (6, 18), "0-63", (0, V2Memory), Some(1000), Some("lazy")),
    ] {
        let facts = HostFacts::read(&root(name)).expect(name);
        let read = facts.version.expect("a version");
        assert_eq!((read.major, read.minor), version, "{name}");
        assert_eq!(facts.cpus_online.to_string(), cpus, "{name}");
        let counted = facts.dying_memcgs.as_ref().expect(name);
        assert_eq!((counted.count, counted.method), dying, "{name}");

        let mut meta = Meta::default();
        facts.fill(&mut meta);
        assert!(meta.kernel.starts_with(&format!("{}.{}.", version.0, version.1)), "{name}");
        assert!(meta.kernel_version.starts_with("#1 SMP") && !meta.host.is_empty(), "{name}");
        assert_eq!(meta.hz, hz, "{name}");
        assert_eq!(meta.preemption.as_deref(), preemption, "{name}");
        assert_eq!(meta.dying_memcgs, Some(dying.0), "{name}");
        let threaded = if name == "6.12-v2" { vec!["eth0"] } else { vec![] };
        assert_eq!(meta.threaded_napi, threaded, "{name}");
        assert_eq!(meta.cpus_online, facts.cpus_online.numbers(), "{name}");
    }
}

#[test]
fn what_a_kernel_allows() {
    let r = root("6.1-v2");
    let settings = Sysctls::read(&r);
    assert_eq!(settings.perf_event_paranoid, Some(3));
    assert_eq!(settings.perf_event_max_sample_rate, Some(79_750));
    assert_eq!((settings.kptr_restrict, settings.bpf_stats_enabled), (Some(0), Some(0)));
    assert_eq!(settings.unprivileged_bpf_disabled, Some(2));
    for (name, lockdown, btf, bpf) in [
        ("5.10-v1", None, true, false),
        ("6.1-v2", Some(Lockdown::None), true, false),
        ("6.12-v2", Some(Lockdown::Integrity), true, true),
        ("6.18-v1", None, true, true),
        ("6.18-v2", Some(Lockdown::Confidentiality), false, true),
    ] {
        let caps = Caps::effective(&root(name)).expect(name);
        assert_eq!((Lockdown::read(&root(name)), has_btf(&root(name))), (lockdown, btf), "{name}");
        assert_eq!(caps.has(Cap::Bpf), bpf, "{name}");
    }
    let caps = Caps::effective(&root("6.12-v2")).expect("a set");
    let names: Vec<_> = caps.names().collect();
    assert_eq!(names, ["CAP_SYS_ADMIN", "CAP_PERFMON", "CAP_BPF"]);
}

#[test]
fn ksoftirqd_is_a_kernel_thread() {
    let tids = |name: &str| {
        let cpus = CpuList::online(&root(name)).expect(name);
        let found = ksoftirqds(&root(name), &cpus);
        found.iter().map(|(cpu, tid)| (cpu.0, tid.0)).collect::<Vec<_>>()
    };
    // Children not listed; process 9 calls itself ksoftirqd/1.
    assert_eq!(tids("5.10-v1"), [(0, 10), (1, 16)]);
    assert_eq!(tids("6.1-v2"), [(0, 13), (1, 18), (2, 24), (3, 30)]);
    assert_eq!(tids("6.12-v2"), [(0, 16), (1, 22)], "CPU 8 is not online");
    assert_eq!(tids("6.18-v1"), [(0, 14), (1, 22)]);
    assert_eq!(tids("6.18-v2"), [], "process 2 is no kthreadd: another pid namespace");
}

#[test]
fn steal_times() {
    let read = |name: &str| {
        let mut reader = StealReader::open(&root(name)).expect(name);
        let steals = reader.read().expect(name);
        steals.iter().map(|s| (s.cpu, s.total)).collect::<Vec<_>>()
    };
    let first = [(Cpu(0), Nanos::from_millis(190)), (Cpu(1), Nanos::from_millis(120))];
    assert_eq!(read("5.10-v1"), first);
    let second = [(Cpu(0), Nanos::from_millis(5000)), (Cpu(11), Nanos::from_millis(4000))];
    assert_eq!(read("6.12-v2"), second);
}

#[test]
fn tasks_at_first_sight() {
    let pod = "/kubepods.slice/kubepods-burstable.slice/\
               kubepods-burstable-pod6c6ef0a4_8a5d_4f05_b2cd_0d1a6d0c8a11.slice/cri-containerd-";
    for (name, tgid, tid, process, hierarchy, path, deleted) in [
        ("5.10-v1", 4242, 4250, "java", Hierarchy::V1Memory, "/docker/3f4e8ab1", false),
        ("6.1-v2", 812, 812, "sshd", Hierarchy::V2, "/system.slice/ssh.service", false),
        ("6.12-v2", 10137, 10144, "cadvisor", Hierarchy::V2, pod, false),
        ("6.12-v2", 10200, 10200, "sh", Hierarchy::V2, pod, true),
        ("6.18-v1", 300, 300, "bash", Hierarchy::V1Memory, "/agent/6a82f5e291854dc2", false),
        ("6.18-v2", 77, 90, "kubelet", Hierarchy::V2, "/podruntime/kubelet", false),
    ] {
        let facts = TaskFacts::read(&root(name), Tgid(tgid), Tid(tid), None).expect(name);
        let cgroup = facts.cgroup.expect(name);
        assert_eq!((facts.process.as_str(), facts.stat.tid), (process, Tid(tid)), "{name}");
        assert_eq!((cgroup.hierarchy, cgroup.deleted), (hierarchy, deleted), "{name}");
        assert!(cgroup.path.starts_with(path), "{name}: {}", cgroup.path);
    }
    let r = root("5.10-v1");
    let thread = |start| TaskFacts::read(&r, Tgid(4242), Tid(4250), Some(Ktime(start)));
    let facts = thread(1_234_567_654_321).expect("the thread that started then");
    assert_eq!((facts.stat.comm.as_str(), facts.stat.kthread), ("GC Thread#0", false));
    assert_eq!(thread(1_234_577_654_321), None, "another one that has its id now");
    assert_eq!(TaskFacts::read(&r, Tgid(1), Tid(1), None), None, "gone");
}

#[test]
fn cgroup_ids_within_limits() {
    let r = root("5.10-v1");
    let mounts = CgroupMounts::read(&r).expect("a mount table");
    let mount = mounts.get(Hierarchy::V1Memory).expect("the memory hierarchy");
    let scan = |dirs, depth| {
        CgroupIds::scan(&r, mount, WalkLimits { dirs, depth }).expect("a scan").scanned()
    };
    assert_eq!((scan(50_000, 64).dirs, scan(50_000, 64).cut), (5, false));
    assert_eq!((scan(50_000, 1).dirs, scan(50_000, 1).cut), (3, true));
    assert_eq!((scan(2, 64).dirs, scan(2, 64).cut), (2, true));
    let ids = CgroupIds::scan(&r, mount, WalkLimits::default()).expect("a scan");
    let dir = tree("5.10-v1").join("sys/fs/cgroup/memory/system.slice/docker.service");
    let ino = std::os::unix::fs::MetadataExt::ino(&dir.metadata().expect("the directory"));
    assert_eq!(ids.get(ino), Some("/system.slice/docker.service"));
    assert_eq!(ids.get(0), None);
}

#[test]
fn errors_name_the_file() {
    let nowhere = HostRoot::new("/nonexistent");
    let error = HostFacts::read(&nowhere).expect_err("no host there").to_string();
    assert!(error.starts_with("/nonexistent/proc/sys/kernel/osrelease: "), "{error}");
    let error = Caps::effective(&nowhere).expect_err("no host there").to_string();
    assert!(error.starts_with("/nonexistent/proc/self/status: "), "{error}");
    let inside = root("6.1-v2").path("/../../etc/./passwd");
    assert_eq!(inside, tree("6.1-v2").join("etc/passwd"), "no path leads out of the root");
}
