//! What a recording says about the host and itself, and how fast it starts.

use std::time::{Duration, Instant};

use crate::host::{Folder, findings, machine, stallprof, succeeded};

#[test]
fn a_short_recording_tells_where_and_how_it_was_made() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("facts");
    let recording = folder.path("r.stall");
    let output = stallprof().args(["record", "-d", "1s", "-o"]).arg(&recording).output().unwrap();
    succeeded(&output);
    let f = findings(&recording);
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_eq!(f["host"]["kernel"], release.trim());
    assert_eq!(f["window"]["complete"], true);
    let span = f["window"]["end"].as_u64().unwrap() - f["window"]["start"].as_u64().unwrap();
    assert!((900_000_000..3_000_000_000).contains(&span), "{span} ns");
    for probe in f["probes"].as_array().unwrap() {
        assert!(probe["method"].is_string(), "{probe} does not run on this kernel");
    }
    // Softirqs happen all the time: a histogram without any would be a probe that sees nothing.
    let rows = f["latencies"].as_array().unwrap();
    let count = |vector: &str| {
        let of = rows.iter().filter(|r| r["vector"] == vector && r["what"] == "softirq_delay");
        of.map(|r| r["count"].as_u64().unwrap()).sum::<u64>()
    };
    assert!(count("RCU") > 0 && count("SCHED") > 0, "{rows:?}");
}

/// The budget is 500 ms; a test allows for a loaded machine, a benchmark tells the figure.
#[test]
fn recording_begins_at_once() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("begin");
    let began = Instant::now();
    let output = stallprof()
        .args(["record", "-d", "100ms", "-o"])
        .arg(folder.path("r.stall"))
        .output()
        .unwrap();
    succeeded(&output);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}
