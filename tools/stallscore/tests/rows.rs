//! From a truth and findings to a row.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::{Value, json};
use stallscore::found::Found;
use stallscore::made::Comparison;
use stallscore::read::Truth;
use stallscore::row::{Outcome, Row};
use stallscore::truth::{self, Header, Stall};

const MS: u64 = 1_000_000;

/// Two stalls of 60 ms with bottom halves off, at 1 s and 2 s, written and read back.
fn truth(name: &str, paused_ns: u64) -> Truth {
    let header = Header {
        kind: "bh".into(),
        cpu: 3,
        tgid: Some(10),
        tid: Some(11),
        comm: Some("sg-bh".into()),
        length_ns: 60 * MS,
        count: 2,
        file: None,
        syscall: Some("sendto".into()),
        vector: None,
        dying: None,
    };
    let stall = |n: u32| Stall {
        n,
        kind: "bh".into(),
        cpu: 3,
        tgid: Some(10),
        tid: Some(11),
        start_ns: u64::from(n + 1) * 1_000 * MS,
        duration_ns: 60 * MS,
        paused_ns,
        victim_wait_ns: 59 * MS,
        victims: 20,
        ksoftirqd_woken_ns: None,
        ksoftirqd_in_ns: None,
    };
    let path = std::env::temp_dir().join(format!("stallscore-{name}-{}", std::process::id()));
    truth::write(&path, &header, &[stall(0), stall(1)], true).unwrap();
    let truth = Truth::read(&path);
    std::fs::remove_file(&path).unwrap();
    truth.unwrap()
}

fn found(at_ms: u64, cause: &str, tid: u32) -> Value {
    let measure = json!({ "kind": "softirq_delay", "duration": 58 * MS });
    json!({
        "cpu": 3, "start": (at_ms + 1) * MS, "duration": 58 * MS, "cause": cause,
        "culprit": { "type": "task", "tgid": 10, "tid": tid, "syscall": "sendto" },
        "measures": [measure],
    })
}

fn row(truth: &Truth, stalls: &[Value], sampler: Option<&str>, preemption: &str) -> Row {
    let probe = |name: &str, method: Option<&str>| json!({ "name": name, "method": method });
    let findings = json!({
        "host": { "kernel": "6.1", "preemption": preemption },
        "stalls": stalls,
        "probes": [probe("softirq", Some("tp_btf")), probe("sampler", sampler)],
    });
    let found = Found::all(&findings).unwrap();
    Row::of(&Comparison::of(truth, &found, &findings).unwrap(), "default", &findings)
}

#[test]
fn all_found_is_right() {
    let both = [found(1_000, "bh_off", 11), found(2_000, "bh_off", 11)];
    let row = row(&truth("right", 0), &both, Some("perf_event"), "voluntary");
    assert_eq!((row.outcome, row.waited, row.found, row.right), (Outcome::Right, 2, 2, 2));
    // A millisecond less than the victim waited.
    assert_eq!(row.error_ns, Some((-(MS as i64), -(MS as i64))));
}

#[test]
fn a_missing_stall_is_wrong_and_without_the_probe_not_measured() {
    let one = [found(1_000, "bh_off", 11)];
    let truth = truth("missing", 0);
    assert_eq!(row(&truth, &one, Some("perf_event"), "voluntary").outcome, Outcome::Wrong);
    assert_eq!(row(&truth, &one, None, "voluntary").outcome, Outcome::NotMeasured);
}

#[test]
fn blaming_another_is_wrong_even_without_the_probe() {
    let both = [found(1_000, "bh_off", 11), found(2_000, "bh_off", 99)];
    let row = row(&truth("another", 0), &both, None, "voluntary");
    assert_eq!((row.outcome, row.right, row.bystanders), (Outcome::Wrong, 1, 1));
}

#[test]
fn with_preempt_rt_the_cause_has_another_true_name() {
    let both = [found(1_000, "non_preemptible", 11), found(2_000, "bh_off", 11)];
    let truth = truth("rt", 0);
    assert_eq!(row(&truth, &both, Some("perf_event"), "rt").outcome, Outcome::Right);
    assert_eq!(row(&truth, &both, Some("perf_event"), "voluntary").outcome, Outcome::Wrong);
}

#[test]
fn what_the_host_disturbed_proves_nothing() {
    let row = row(&truth("disturbed", 20 * MS), &[], Some("perf_event"), "voluntary");
    assert_eq!((row.outcome, row.disturbed, row.waited), (Outcome::Failed, 2, 0));
}
