//! What is concluded from the files of several kernels.

use std::fs::File;
use std::time::{Duration, SystemTime};

use Severity::{Critical, Notice, Ok as Fine, Unknown, Warning};
use stallprof::health::{Severity, examine};

use super::{TempDir, of, read_at_once, tree, worst};

pub const TREES: [&str; 4] = ["5.10", "6.1", "6.12", "6.18"];

#[test]
fn each_kernel_s_files_are_understood() {
    for (name, want) in [
        (
            "5.10",
            vec![
                ("conntrack-fill", Critical),
                ("dying-memcgs", Warning),
                ("pressure", Warning),
                ("conntrack-loss", Notice),
                ("softnet-drops", Notice),
                ("neighbours", Notice),
                ("fragmentation", Notice),
                ("listen-overflows", Notice),
                ("cpu-throttling", Notice),
            ],
        ),
        ("6.1", vec![]),
        (
            "6.12",
            vec![
                ("dying-memcgs", Critical),
                ("neighbours", Critical),
                ("ephemeral-ports", Warning),
                ("cni", Warning),
                ("conntrack-fill", Unknown),
                ("listen-overflows", Notice),
                ("cpu-throttling", Notice),
            ],
        ),
        ("6.18", vec![("pressure", Warning), ("dying-memcgs", Notice), ("conntrack-loss", Notice)]),
    ] {
        let report = examine(&read_at_once(&tree(name)));
        // Devices and rules are asked of a running kernel only.
        let asked = ["snat-random", "rules", "fdb", "mtu-tunnels", "mtu-pods", "ipam-leases"];
        for finding in report.findings.iter().filter(|f| !asked.contains(&&*f.check)) {
            let expected = want.iter().find(|(check, _)| *check == finding.check);
            let most = expected.map_or(Fine, |(_, severity)| *severity);
            assert!(finding.severity <= most, "{name}: {finding:?}");
        }
        for (check, severity) in want {
            let found = of(&report, check).iter().map(|f| f.severity).max();
            assert_eq!(found, Some(severity), "{name} {check}");
        }
        for check in ["rules", "mtu-tunnels", "mtu-pods", "fdb"] {
            assert_eq!(of(&report, check)[0].severity, Unknown, "{name} {check}: not asked");
        }
    }
}

#[test]
fn numbers_of_the_files() {
    let report = examine(&read_at_once(&tree("5.10")));
    let number = |check: &str, name: &str| of(&report, check)[0].numbers[name];
    assert_eq!(number("conntrack-fill", "entries"), 250_000);
    assert_eq!(number("conntrack-loss", "insert_failed_total"), 3);
    assert_eq!(number("softnet-drops", "dropped_total"), 7);
    assert_eq!(number("neighbours", "table_fulls_total"), 5);
    assert_eq!(number("dying-memcgs", "dying"), 6_001);
    let report = examine(&read_at_once(&tree("6.12")));
    let listen = of(&report, "listen-overflows")[0];
    assert_eq!(listen.subject.as_deref(), Some("pod kube-system/coredns-x7k2p"));
    assert_eq!((listen.numbers["overflows_total"], listen.numbers["drops_total"]), (77, 80));
}

#[test]
fn leases_whose_sandbox_is_gone() {
    let dir = TempDir::new("health-leases");
    super::hostile::copy(&tree("6.12"), &dir.0);
    let old = SystemTime::now() - Duration::from_secs(3_600);
    for last in 2..=5 {
        let path = dir.0.join(format!("var/lib/cni/networks/cbr0/10.244.3.{last}"));
        File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
    }
    let report = examine(&read_at_once(&dir.0));
    let stale = of(&report, "ipam-leases")[0];
    assert_eq!((stale.severity, stale.numbers["stale"], stale.numbers["leases"]), (Notice, 3, 4));
    assert!(stale.value.contains("10.244.3.3"), "{}", stale.value);
}

#[test]
fn a_root_with_nothing_is_unknown_and_not_well() {
    let facts = read_at_once(std::path::Path::new("/nonexistent"));
    for check in stallprof::health::checks::CHECKS {
        // Without a directory for them there are no containers: that much is known.
        let absent = ["cni", "ipam-leases"].contains(&check.name);
        let want = if absent { Fine } else { Unknown };
        assert_eq!(worst(&facts, check.name), want, "{}", check.name);
    }
}
