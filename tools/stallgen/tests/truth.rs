//! The stalls come about as told: how long, and what they did to others.

#![allow(clippy::unwrap_used)]

mod common;

use std::process::{Output, Stdio};
use std::thread;

use common::skip::skipped;
use common::{stallgen, start, turn_as_root};
use serde_json::Value;

const MS: u64 = 1_000_000;
const COUNT: usize = 12;

/// Header, stalls and end of the truth on standard output.
fn truth(output: &Output) -> (Value, Vec<Value>, Value) {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let mut lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let end = lines.pop().expect("no truth");
    let header = lines.remove(0);
    assert_eq!(header["type"], "header");
    assert!(lines.iter().all(|line| line["type"] == "stall"));
    assert_eq!(end["type"], "end");
    (header, lines, end)
}

/// Makes COUNT stalls of 20 ms on CPU 0. Any machine has that one.
fn stalls(kind: &str) -> (Value, Vec<Value>) {
    let output =
        stallgen(&format!("{kind} --cpu 0 --count {COUNT} --every 80ms")).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{kind}: {message}");
    let (header, stalls, end) = truth(&output);
    assert_eq!(header["kind"], kind);
    assert_eq!(stalls.len(), COUNT, "{kind}: {message}");
    assert_eq!(end["complete"], true);
    for stall in &stalls {
        let duration = stall["duration_ns"].as_u64().unwrap();
        // While a hypervisor runs something else, nobody looks at the clock.
        let paused = stall["paused_ns"].as_u64().unwrap();
        assert!((20 * MS..25 * MS + paused).contains(&duration), "{kind}: {stall}");
    }
    (header, stalls)
}

/// All but one of COUNT, for a packet may just not have been there.
fn nearly_all(stalls: &[Value], wanted: impl Fn(&Value) -> bool) -> bool {
    stalls.iter().filter(|stall| wanted(stall)).count() >= COUNT - 1
}

fn one_cpu() -> bool {
    let one = thread::available_parallelism().is_ok_and(|n| n.get() == 1);
    if one {
        skipped("victims", "they need a second CPU to be sent from");
    }
    one
}

#[test]
fn kinds_that_keep_softirqs_away_make_packets_wait() {
    let Some(_turn) = turn_as_root() else { return };
    for kind in ["bh", "softirq", "hardirq", "irqsoff"] {
        let (header, stalls) = stalls(kind);
        assert_eq!(header["tid"].is_null(), matches!(kind, "softirq" | "hardirq"));
        if !one_cpu() {
            let waited = |s: &Value| s["victim_wait_ns"].as_u64().unwrap() > 15 * MS;
            assert!(nearly_all(&stalls, waited), "{kind}: {stalls:#?}");
        }
    }
}

#[test]
fn kinds_that_leave_interrupts_on_keep_ksoftirqd_waiting() {
    let Some(_turn) = turn_as_root() else { return };
    for kind in ["syscall", "fifo"] {
        let (header, stalls) = stalls(kind);
        assert_eq!(header["comm"], format!("sg-{kind}"));
        if !one_cpu() {
            let waited = |s: &Value| {
                let woken = s["ksoftirqd_woken_ns"].as_u64();
                let switched_in = s["ksoftirqd_in_ns"].as_u64();
                woken.zip(switched_in).is_some_and(|(woken, to)| to - woken > 10 * MS)
            };
            assert!(nearly_all(&stalls, waited), "{kind}: {stalls:#?}");
        }
    }
}

#[test]
fn a_read_above_dying_memcgs_grows_with_them() {
    let Some(_turn) = turn_as_root() else { return };
    let longest = |dying: u32| {
        let arguments = format!("memcg --cpu 0 --count 5 --dying {dying} --no-victims");
        let output = stallgen(&arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let (header, stalls, _) = truth(&output);
        assert!(header["dying"].as_u64().unwrap() >= u64::from(dying) * 9 / 10, "{header}");
        assert!(header["file"].as_str().unwrap().ends_with("memory.stat"));
        stalls.iter().map(|s| s["duration_ns"].as_u64().unwrap()).max().unwrap()
    };
    let (few, many) = (longest(100), longest(4000));
    assert!(many > 5 * few, "{few} ns with 100, {many} ns with 4000");
}

#[test]
fn a_signal_ends_the_run_and_the_truth_says_so() {
    let Some(_turn) = turn_as_root() else { return };
    let mut command = stallgen("bh --cpu 0 --count 1000");
    let child = start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    // SAFETY: plain system call; the child has not been waited for.
    unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGTERM) };
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(128 + libc::SIGTERM));
    let (_, stalls, end) = truth(&output);
    assert_eq!(end["complete"], false);
    assert!(!stalls.is_empty());
}
