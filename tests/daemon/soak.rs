//! All at once for a while: stalls of several kinds, scrapes, reloads, incidents asked for. Memory
//! and descriptors stay as they are, and every stall is counted. `tools/soak` does it for long.

use std::time::{Duration, Instant};

use crate::host::{Daemon, Folder, machine, stalls, wait};

/// `VARIABLE`, or a little for CI.
pub fn amount(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn mixed_load_leaves_memory_and_descriptors_flat() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("soak");
    let file = folder.path("c.toml");
    std::fs::write(&file, "[flight]\nbefore = \"5s\"\nafter = \"500ms\"\n").unwrap();
    let more = ["-s", "triggers.cooldown=5s", "-s", "store.count=10"];
    let daemon =
        Daemon::start(&folder, &[&["-c", file.to_str().unwrap()], more.as_slice()].concat());
    let long = Duration::from_secs(amount("STALLPROF_SOAK", 8));
    let (began, mut made, mut early) = (Instant::now(), 0, None);
    for round in 0.. {
        if began.elapsed() >= long {
            break;
        }
        stalls("irqsoff", 4, "60ms");
        made += 4;
        for kind in ["bh", "softirq", "fifo", "syscall"] {
            stalls(kind, 2, "60ms");
        }
        daemon.signal(if round % 3 == 0 { libc::SIGUSR1 } else { libc::SIGHUP });
        for path in ["/metrics", "/", "/incidents"] {
            assert_eq!(daemon.get(path).unwrap().status, 200);
        }
        if began.elapsed() >= long / 2 {
            early.get_or_insert_with(|| size(&daemon));
        }
    }
    let by_culprit = "stallprof_stalls_total{cause=\"irqs_off\",culprit=\"stallgen\"}";
    let counted = || daemon.metric(by_culprit).unwrap_or_default();
    let enough = f64::from(made) * 0.9;
    wait("all stalls to be counted", Duration::from_secs(20), || counted() >= enough);
    let ((memory, fds), (early, early_fds)) = (size(&daemon), early.unwrap());
    eprintln!("RSS {early} -> {memory} bytes, descriptors {early_fds} -> {fds}, {made} stalls");
    let incidents = |result: &str| {
        daemon.metric(&format!("stallprof_incidents_total{{result=\"{result}\"}}")).unwrap()
    };
    let [stored, repeated, failed] = ["stored", "repeated", "failed"].map(incidents);
    eprintln!("{} counted, incidents: {stored} stored, {repeated} repeated", counted());
    assert!(stored > 0.0 && failed == 0.0, "{failed} incidents failed");
    assert!(memory < early + early / 10 + (6 << 20), "memory grew: {early} -> {memory} bytes");
    assert!(fds <= early_fds + 2, "descriptors: {early_fds} -> {fds}");
    for reason in ["ring_full", "rate_limited", "preempted"] {
        let series =
            format!("stallprof_lost_records_total{{probe=\"sampler\",reason=\"{reason}\"}}");
        assert_eq!(daemon.metric(&series), Some(0.0), "samples were lost");
    }
    let log = daemon.stop();
    assert!(!log.contains("panicked"), "{log}");
}

/// Memory and descriptors.
pub fn size(daemon: &Daemon) -> (u64, u64) {
    let value = |series: &str| daemon.metric(series).unwrap() as u64;
    (value("stallprof_process_resident_memory_bytes"), value("stallprof_process_open_fds"))
}
