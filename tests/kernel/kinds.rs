//! Every kind of stall that stallgen makes: found, of the right length, with the right culprit.

use std::process::Command;

use perf_event_open::config::{Cpu, Opts, Proc, SampleOn};
use perf_event_open::count::Counter;
use perf_event_open::event::sw::Software;
use serde_json::Value;
use stallscore::expected::Expected;
use stallscore::found::Found;
use stallscore::made::Comparison;
use stallscore::precision::Precision;
use stallscore::read::Truth;

use crate::host::{
    Folder, Recorder, cpu, findings, machine, nothing_lost, stallgen, stallprof, succeeded,
};

const COUNT: usize = 50;
/// One period of the sampler at 999 Hz.
const TICK: u64 = 1_001_001;

/// A run of stallgen under `stallprof record`.
pub struct Run {
    pub truth: Truth,
    pub found: Vec<Found>,
    pub findings: Value,
    /// The recording, for as long as the test runs.
    _folder: Folder,
}

/// Makes stalls of a kind and records them.
pub fn run(kind: &str, count: usize, options: &[&str], kind_options: &[&str]) -> Run {
    let folder = Folder::new(kind);
    let (recording, truth) = (folder.path("r.stall"), folder.path("truth"));
    let cpu = cpu().to_string();
    let output = stallprof()
        .args(["record", "-C", &cpu, "-o"])
        .arg(&recording)
        .args(options)
        .arg("--")
        .arg(stallgen())
        .args([kind, "--cpu", &cpu, "--count", &count.to_string(), "--truth"])
        .arg(&truth)
        .args(kind_options)
        .output()
        .unwrap();
    succeeded(&output);
    Run::read(folder)
}

impl Run {
    /// Makes stalls of a kind while `record`, given without its file, records beside, which ends as
    /// told.
    pub fn beside(
        record: Command,
        folder: Folder,
        kind: &str,
        count: usize,
        end: fn(Recorder),
    ) -> Run {
        let generator = stallgen();
        let recorder = Recorder::start(record, &folder.path("r.stall"));
        let made = Command::new(generator)
            .args([kind, "--cpu", &cpu().to_string(), "--count", &count.to_string(), "--truth"])
            .arg(folder.path("truth"))
            .output()
            .unwrap();
        end(recorder);
        succeeded(&made);
        Run::read(folder)
    }

    /// Reads what `r.stall` and `truth` of a folder hold.
    pub fn read(folder: Folder) -> Run {
        let findings = findings(&folder.path("r.stall"));
        nothing_lost(&findings);
        let truth = Truth::read(&folder.path("truth")).unwrap();
        assert!(truth.complete, "stallgen did not finish");
        let found = Found::all(&findings).unwrap();
        Run { truth, found, findings, _folder: folder }
    }
}

/// Compares; fails if a stall that made somebody wait was not found.
fn compare(run: &Run) -> Comparison<'_> {
    let comparison = Comparison::of(&run.truth, &run.found, &run.findings).unwrap();
    let waited = comparison.made.len();
    // Waits of ksoftirqd that outlast their stall do not count (stallscore's has_victim).
    let enough = if comparison.expected.measure == "handoff" { COUNT / 2 } else { COUNT * 9 / 10 };
    assert!(waited >= enough, "only {waited} of {COUNT} stalls had a victim");
    for made in &comparison.made {
        assert!(made.found.is_some(), "not found: {:?}", made.truth);
    }
    comparison
}

/// The culprit of each is the right one: no other task is blamed for any. While ksoftirqd waits,
/// interrupts go on, and on a virtual machine that lost the CPU their softirqs can take most of a
/// stall: one in twenty-five may be theirs, or nobody's.
fn assert_culprits(comparison: &Comparison<'_>) {
    let faults = comparison.faults();
    let another = faults.iter().any(|(f, _)| f.culprit["type"] == "task");
    let allowed = match comparison.expected.measure {
        "handoff" => comparison.made.len() / 25,
        // One may be part of something longer that nobody did: a SCHED softirq that an idle CPU
        // let lie.
        _ if faults.iter().all(|(f, _)| f.culprit["type"] == "unknown") => {
            comparison.made.len() / 40
        }
        _ => 0,
    };
    assert!(!another && faults.len() <= allowed, "wrong culprits: {faults:?}");
}

/// Whatever else was found while a stall was being made must not blame a bystander for it.
fn assert_nobody_else(comparison: &Comparison<'_>) {
    let bystanders = &comparison.bystanders;
    assert!(bystanders.is_empty(), "bystanders are blamed: {bystanders:?}");
}

/// Each measured length is right within one tick or 2 %. On a virtual machine the hypervisor
/// lengthens one now and then, after the generator has looked at its clock for the last time: so
/// one in twenty-five may be longer, none may be shorter.
pub fn assert_close(what: &str, lengths: &[(u64, u64)]) {
    assert_within(what, lengths, 1);
}

/// The same within so many ticks.
pub fn assert_within(what: &str, lengths: &[(u64, u64)], ticks: u64) {
    let allowed = |truth: u64| (ticks * TICK).max(truth / 50);
    let shorter = lengths.iter().find(|(measured, truth)| measured + allowed(*truth) < *truth);
    assert!(shorter.is_none(), "{what}: too short (measured, true): {shorter:?} ns");
    let longer: Vec<_> = lengths.iter().filter(|(m, truth)| *m > truth + allowed(*truth)).collect();
    assert!(
        longer.len() <= lengths.len() / 25,
        "{what}: too long (measured, true): {longer:?} ns. Another load on this machine can do \
         this; rerun with: cargo test --test kernel -- kinds"
    );
}

/// Found, of the right length, with the right culprit and no other.
fn found_and_right(kind: &str, what: &str) {
    let run = run(kind, COUNT, &[], &[]);
    let comparison = compare(&run);
    assert_close(what, &comparison.lengths());
    assert_culprits(&comparison);
    assert_nobody_else(&comparison);
}

#[test]
fn interrupts_off() {
    let Some(_machine) = machine() else { return };
    found_and_right("irqsoff", "interrupt gap");
}

#[test]
fn bottom_halves_off() {
    let Some(_machine) = machine() else { return };
    found_and_right("bh", "softirq delay");
}

#[test]
fn system_call_that_cannot_be_preempted() {
    let Some(_machine) = machine() else { return };
    found_and_right("syscall", "wait of ksoftirqd");
}

#[test]
fn real_time_task_in_user_mode() {
    let Some(_machine) = machine() else { return };
    found_and_right("fifo", "wait of ksoftirqd");
}

#[test]
fn softirq_handler_that_runs_long() {
    let Some(_machine) = machine() else { return };
    found_and_right("softirq", "softirq run");
}

/// The time that short interrupts take from a handler belongs to its run.
#[test]
fn softirq_handler_that_is_interrupted_often() {
    let Some(_machine) = machine() else { return };
    let opts = Opts { sample_on: SampleOn::Count(50_000), ..Opts::default() }; // ns
    let on = (Proc::ALL, Cpu(cpu()));
    let timer = Counter::new(Software::CpuClock, on, opts).unwrap();
    timer.enable().unwrap();
    let run = run("softirq", COUNT, &[], &[]);
    let comparison = compare(&run);
    assert_close("softirq run", &comparison.lengths());
    assert_culprits(&comparison);
}

#[test]
fn hard_interrupt_that_runs_long() {
    let Some(_machine) = machine() else { return };
    found_and_right("hardirq", "interrupt gap");
}

/// Another process's profile was asked for: the stalls of the CPU are told all the same.
#[test]
fn softirq_handler_that_runs_long_beside_the_process_asked_for() {
    let Some(_machine) = machine() else { return };
    let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let run = run("softirq", 15, &["--pid", &other.id().to_string()], &[]);
    other.kill().unwrap();
    other.wait().unwrap();
    let comparison = Comparison::of(&run.truth, &run.found, &run.findings).unwrap();
    let missed = comparison.made.iter().filter(|made| made.found.is_none()).count();
    assert!(missed <= 1, "{missed} of {} not found", comparison.made.len());
}

#[test]
fn softirq_run_times_are_exact_where_asked_for() {
    let Some(_machine) = machine() else { return };
    let Run { truth, found, findings, .. } = &run("softirq", 10, &["--softirq-runs"], &[]);
    let comparison = Comparison::of(truth, found, findings).unwrap();
    assert!(comparison.made.iter().all(|m| m.found.is_some()), "not found: {comparison:?}");
    let mut lengths = Vec::new();
    for (t, f) in comparison.pairs() {
        let run = f.measures.iter().find(|x| x["kind"] == "softirq_run").unwrap();
        assert_eq!(run["uncertainty"], 0, "a measured run, not one from samples: {run}");
        lengths.push((run["duration"].as_u64().unwrap(), t.duration_ns));
    }
    assert_close("softirq run", &lengths);
    let latencies = findings["latencies"].as_array().unwrap();
    assert!(latencies.iter().any(|l| l["what"] == "softirq_run" && l["vector"] == "NET_RX"));
}

/// Nothing is injected: 20,000 removed cgroups, and somebody who reads memory.stat. The flush is
/// the reader's or a kworker's; both are right answers when true, so each read that was slow must
/// have a stall inside it that blames one of them, and nobody else.
#[test]
fn memory_stat_of_dying_cgroups() {
    let Some(_machine) = machine() else { return };
    let Run { truth, found, findings, .. } =
        &run("memcg", COUNT, &[], &["--every", "250ms", "--dying", "20000"]);
    let mut by_reader = 0;
    let expected = Expected::of("memcg").unwrap();
    let slow: Vec<_> =
        truth.stalls.iter().filter(|t| expected.has_victim(&truth.header, t)).collect();
    assert!(slow.len() >= COUNT / 3, "only {} of {COUNT} reads were slow", slow.len());
    // A hypervisor that takes the CPU makes a gap longer than its read, or one nobody can be named for.
    let allowed = 1 + slow.len() / 25;
    let (mut unnamed, mut longer) = (Vec::new(), Vec::new());
    for t in slow {
        let inside: Vec<_> =
            found.iter().filter(|f| f.cause == "irqs_off" && f.shares(t) > 0).collect();
        if inside.is_empty() {
            assert!(found.iter().any(|f| f.shares(t) > 0), "no stall found in {t:?}");
            unnamed.push(t);
        }
        for f in inside {
            let precision = Precision::of(findings);
            let fault = expected.fault(&truth.header, f, false, precision);
            assert!(fault.is_none(), "{fault:?}: {f:?}");
            if f.duration > t.duration_ns + 2 * TICK {
                longer.push((f, t));
            }
            by_reader += usize::from(f.blames(&truth.header));
        }
    }
    assert!(unnamed.len() <= allowed, "nobody is named in {unnamed:?}");
    assert!(longer.len() <= allowed, "longer than the read: {longer:?}");
    assert!(by_reader > 0, "the reader was never found");
    let dying = findings["host"]["dying_memcgs"].as_u64().unwrap();
    assert!((19_000..30_000).contains(&dying), "{dying} dying memcgs");
}
