//! Hosts of 10,000 network namespaces and of 100,000 cgroups.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use stallprof::health::{Options, Severity, examine, examine_aside, gather};
use stallprof::host::HostRoot;

use super::{TempDir, of, tree};

/// Reading as the command does it. Another second is for a machine that is busy with other tests.
fn in_time(root: &TempDir) -> stallprof::health::Facts {
    let begin = Instant::now();
    let facts = gather(&HostRoot::new(&root.0), Options::default());
    println!("{:?}; left out: {:?}", begin.elapsed(), facts.left_out());
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    facts
}

#[test]
fn ten_thousand_namespaces() {
    let dir = TempDir::in_memory("health-namespaces");
    super::hostile::copy(&tree("6.1"), &dir.0);
    for pid in 10_000..20_000 {
        let process = dir.0.join(format!("proc/{pid}"));
        fs::create_dir_all(process.join("ns")).unwrap();
        symlink(format!("net:[{}]", 4_026_540_000u64 + pid), process.join("ns/net")).unwrap();
        symlink("../1/net", process.join("net")).unwrap();
        symlink("../1/cgroup", process.join("cgroup")).unwrap();
    }
    let facts = in_time(&dir);
    let read = facts.namespaces.as_ref().unwrap().list.len();
    assert!(read <= 1_000, "{read}");
    assert!(facts.left_out().iter().any(|words| words.contains("namespace")), "it is said");
    let report = examine(&facts);
    assert!(report.findings.len() < 100 && !report.left_out.is_empty());
    assert_eq!(facts.namespaces.as_ref().unwrap().list[0].name, "host", "it is read first");
}

#[test]
fn a_hundred_thousand_cgroups() {
    let dir = TempDir::in_memory("health-cgroups");
    super::hostile::copy(&tree("6.1"), &dir.0);
    for slice in 0..1_000 {
        for leaf in 0..100 {
            fs::create_dir_all(dir.0.join(format!("sys/fs/cgroup/{slice}.slice/{leaf}"))).unwrap();
        }
    }
    let facts = in_time(&dir);
    let report = examine(&facts);
    let throttling = of(&report, "cpu-throttling")[0];
    assert_eq!(throttling.severity, Severity::Unknown, "those not visited may be held back");
    assert_eq!(of(&report, "dying-memcgs")[0].severity, Severity::Ok, "one file tells, on v2");
}

#[test]
fn beside_other_work_it_is_given_up_in_time() {
    let (window, deadline) = (Duration::from_secs(5), Duration::from_millis(100));
    let begin = Instant::now();
    let report =
        examine_aside(HostRoot::default(), Options { window, deadline, ..Options::default() });
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    let late = |f: &&stallprof::health::Finding| f.value.contains("not done in time");
    let late: Vec<_> = report.findings.iter().filter(late).collect();
    assert!(!late.is_empty() && late.iter().all(|f| f.severity == Severity::Unknown), "{report:?}");
}
