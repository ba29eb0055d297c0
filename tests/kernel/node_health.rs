//! A recording has the health of the node in it, as `stallprof check` tells it.

use serde_json::Value;

use crate::host::{Folder, findings, machine, stallprof, succeeded};

/// Checks whose findings do not change from one second to the next on a host left alone.
const STEADY: [&str; 7] =
    ["cni", "fdb", "ipam-leases", "mtu-tunnels", "rules", "rx-spread", "snat-random"];

#[test]
fn a_recording_has_what_check_finds() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("health");
    let path = folder.path("a.stall");
    succeeded(&stallprof().args(["record", "-d", "1", "-o"]).arg(&path).output().unwrap());
    let checked = stallprof().args(["check", "--format", "json"]).output().unwrap();
    let checked: Value = serde_json::from_slice(&checked.stdout).unwrap();

    let f = findings(&path);
    assert_eq!(f["window"]["complete"], true, "it has its end all the same");
    let end = f["window"]["end"].as_u64().unwrap();
    let length = end - f["window"]["start"].as_u64().unwrap();
    assert!(length < 1_500_000_000, "reading is no part of the recording: {length} ns");
    let after = f["health"]["time"].as_u64().unwrap() - end;
    assert!((400_000_000..2_000_000_000).contains(&after), "read {after} ns after the end");

    let health = f["health"]["findings"].as_array().unwrap();
    let checked = checked["findings"].as_array().unwrap();
    let names = |list: &[Value]| {
        let names = list.iter().map(|f| f["check"].as_str().unwrap().to_owned());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(names(health), names(checked), "all checks, and no others");
    for check in STEADY {
        let of = |list: &[Value]| -> Vec<Value> {
            list.iter().filter(|f| f["check"] == check).cloned().collect()
        };
        let mut read = of(health);
        for finding in &mut read {
            assert!(finding.as_object_mut().unwrap().remove("told_in").is_some());
        }
        assert_eq!(read, of(checked), "{check}");
    }
}
