//! Every kind of stall that stallgen makes: found, of the right length, with the right culprit.

use serde_json::Value;

use crate::host::{Folder, cpu, findings, machine, stallgen, stallprof, succeeded};
use crate::stalls::Found;
use crate::truth::{TrueStall, Truth};

const COUNT: usize = 50;
const LENGTH: u64 = 20_000_000;
/// One period of the sampler at 999 Hz.
const TICK: u64 = 1_001_001;

/// A run of stallgen under `stallprof record`.
struct Run {
    truth: Truth,
    found: Vec<Found>,
    findings: Value,
    /// The recording, for as long as the test runs.
    _folder: Folder,
}

/// Makes stalls of a kind and records them.
fn run(kind: &str, count: usize, options: &[&str], kind_options: &[&str]) -> Run {
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
    let findings = findings(&recording);
    assert_eq!(findings["lost"].as_array().unwrap().len(), 0, "records were lost");
    let (truth, found) = (Truth::read(&truth), Found::all(&findings));
    Run { truth, found, findings, _folder: folder }
}

/// A stall that was made, the one found for it, and every other found in its time.
struct Match<'a> {
    truth: &'a TrueStall,
    found: &'a Found,
}

/// Finds each stall that made somebody wait, as a lateness of this kind; fails if one is missing.
fn match_all<'a>(
    truth: &'a Truth,
    found: &'a [Found],
    kind: &str,
    waited: impl Fn(&TrueStall) -> bool,
) -> Vec<Match<'a>> {
    let made: Vec<_> = truth.stalls.iter().filter(|t| waited(t)).collect();
    assert!(made.len() >= COUNT * 9 / 10, "only {} of {COUNT} stalls had a victim", made.len());
    made.into_iter()
        .map(|truth| {
            let of_kind = |f: &&Found| f.covers(truth) && f.measure(kind).is_some();
            let found = found.iter().filter(of_kind).max_by_key(|f| f.duration);
            let found = found.unwrap_or_else(|| panic!("not found: {truth:?}"));
            Match { truth, found }
        })
        .collect()
}

/// Each measured length is right within one tick or 2 %. On a virtual machine the hypervisor
/// lengthens one now and then, after the generator has looked at its clock for the last time: so
/// one in twenty-five may be longer, none may be shorter.
fn assert_close(what: &str, lengths: &[(u64, u64)]) {
    let allowed = |truth: u64| TICK.max(truth / 50);
    let shorter = lengths.iter().find(|(measured, truth)| measured + allowed(*truth) < *truth);
    assert!(shorter.is_none(), "{what}: too short (measured, true): {shorter:?} ns");
    let longer: Vec<_> = lengths.iter().filter(|(m, truth)| *m > truth + allowed(*truth)).collect();
    assert!(
        longer.len() <= lengths.len() / 25,
        "{what}: too long (measured, true): {longer:?} ns. Another load on this machine can do \
         this; rerun with: cargo test --test kernel -- kinds"
    );
}

/// Length of the measure of a kind, and the true length.
fn length(m: &Match<'_>, kind: &str) -> (u64, u64) {
    let measure = m.found.measure(kind).unwrap();
    (measure["duration"].as_u64().unwrap(), m.truth.duration)
}

fn assert_culprit(m: &Match<'_>, truth: &Truth, cause: &str) {
    assert!(m.found.blames(truth), "wrong culprit for {:?}: {:?}", m.truth, m.found);
    assert_eq!(m.found.cause, cause, "{:?}", m.found);
    let name = |key: &str| m.found.culprit[key].as_str().map(str::to_owned);
    assert_eq!(name("syscall"), truth.syscall, "{:?}", m.found);
    if truth.file.is_some() {
        assert_eq!(name("file"), truth.file, "{:?}", m.found);
    }
}

/// Whatever else was found while a stall was being made must not blame a bystander for it: the
/// same kind of lateness in the same time has one culprit.
fn assert_nobody_else(truth: &Truth, found: &[Found], cause: &str) {
    for f in found.iter().filter(|f| f.cause == cause && !f.blames(truth)) {
        let during = truth.stalls.iter().find(|t| f.covers(t));
        assert!(during.is_none(), "{f:?} blames another for {during:?}");
    }
}

fn has_victim(t: &TrueStall) -> bool {
    t.victim_wait > LENGTH / 2
}

#[test]
fn interrupts_off() {
    let Some(_machine) = machine() else { return };
    let Run { truth, found, .. } = &run("irqsoff", COUNT, &[], &[]);
    let matches = match_all(truth, found, "interrupt_gap", has_victim);
    let lengths: Vec<_> = matches.iter().map(|m| length(m, "interrupt_gap")).collect();
    assert_close("interrupt gap", &lengths);
    for m in &matches {
        assert_culprit(m, truth, "irqs_off");
    }
    assert_nobody_else(truth, found, "irqs_off");
}

#[test]
fn bottom_halves_off() {
    let Some(_machine) = machine() else { return };
    let Run { truth, found, .. } = &run("bh", COUNT, &[], &[]);
    let matches = match_all(truth, found, "softirq_delay", has_victim);
    let lengths: Vec<_> = matches.iter().map(|m| length(m, "softirq_delay")).collect();
    assert_close("softirq delay", &lengths);
    for m in &matches {
        assert_culprit(m, truth, "bh_off");
    }
    assert_nobody_else(truth, found, "bh_off");
}

#[test]
fn system_call_that_cannot_be_preempted() {
    let Some(_machine) = machine() else { return };
    let Run { truth, found, .. } = &run("syscall", COUNT, &[], &[]);
    let matches = match_all(truth, found, "handoff", |t| t.ksoftirqd.is_some());
    let lengths: Vec<_> = matches.iter().map(wait_of_ksoftirqd).collect();
    assert_close("wait of ksoftirqd", &lengths);
    for m in &matches {
        assert_culprit(m, truth, "non_preemptible");
    }
}

#[test]
fn real_time_task_in_user_mode() {
    let Some(_machine) = machine() else { return };
    let Run { truth, found, .. } = &run("fifo", COUNT, &[], &[]);
    let matches = match_all(truth, found, "handoff", |t| t.ksoftirqd.is_some());
    let lengths: Vec<_> = matches.iter().map(wait_of_ksoftirqd).collect();
    assert_close("wait of ksoftirqd", &lengths);
    for m in &matches {
        assert_culprit(m, truth, "starved_by_rt");
    }
    assert_nobody_else(truth, found, "starved_by_rt");
}

/// ksoftirqd's wait as measured, and as the generator's own observer saw it.
fn wait_of_ksoftirqd(m: &Match<'_>) -> (u64, u64) {
    let (woken, switched_in) = m.truth.ksoftirqd.unwrap();
    let handoff = m.found.measure("handoff").unwrap();
    (handoff["handoff"]["wake_to_in"].as_u64().unwrap(), switched_in - woken)
}

#[test]
fn softirq_handler_that_runs_long() {
    let Some(_machine) = machine() else { return };
    let Run { truth, found, .. } = &run("softirq", COUNT, &[], &[]);
    let matches = match_all(truth, found, "softirq_run", has_victim);
    let lengths: Vec<_> = matches.iter().map(|m| length(m, "softirq_run")).collect();
    assert_close("softirq run", &lengths);
    for m in &matches {
        assert_eq!(m.found.culprit["type"], "softirq", "{:?}", m.found);
        assert_eq!(m.found.culprit["vector"], "NET_RX", "{:?}", m.found);
        assert_eq!(m.found.cause, "softirq_hog");
    }
    assert_no_task(truth, found);
}

#[test]
fn softirq_run_times_are_exact_where_asked_for() {
    let Some(_machine) = machine() else { return };
    let Run { truth, found, findings, .. } = &run("softirq", 10, &["--softirq-runs"], &[]);
    for t in truth.stalls.iter().filter(|t| has_victim(t)) {
        let f = found.iter().find(|f| f.covers(t)).unwrap_or_else(|| panic!("not found: {t:?}"));
        let run = f.measures.iter().find(|x| x["kind"] == "softirq_run").unwrap();
        assert_eq!(run["uncertainty"], 0, "a measured run, not one from samples: {run}");
        let off = run["duration"].as_u64().unwrap().abs_diff(t.duration);
        assert!(off <= t.duration / 50, "{run} {t:?}");
    }
    let latencies = findings["latencies"].as_array().unwrap();
    assert!(latencies.iter().any(|l| l["what"] == "softirq_run" && l["vector"] == "NET_RX"));
}

#[test]
fn hard_interrupt_that_runs_long() {
    let Some(_machine) = machine() else { return };
    let Run { truth, found, .. } = &run("hardirq", COUNT, &[], &[]);
    let matches = match_all(truth, found, "interrupt_gap", has_victim);
    let lengths: Vec<_> = matches.iter().map(|m| length(m, "interrupt_gap")).collect();
    assert_close("interrupt gap", &lengths);
    for m in &matches {
        assert_eq!(m.found.culprit["type"], "hard_irq", "{:?}", m.found);
        assert_eq!(m.found.culprit["kind"], "timer", "{:?}", m.found);
        assert_eq!(m.found.culprit["handler"], "perf_swevent_hrtimer", "{:?}", m.found);
        assert_eq!(m.found.cause, "hard_irq");
    }
    assert_no_task(truth, found);
}

/// No task is blamed for them. Who kept ksoftirqd off the CPU around them is another question,
/// which other load on this machine may answer truly.
fn assert_no_task(truth: &Truth, found: &[Found]) {
    let found: Vec<_> = found.iter().filter(|f| f.measures[0]["kind"] != "handoff").collect();
    for t in &truth.stalls {
        let wrong = found.iter().find(|f| f.covers(t) && f.culprit["type"] == "task");
        assert!(wrong.is_none(), "a task is blamed for {t:?}: {wrong:?}");
    }
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
    let slow: Vec<_> = truth.stalls.iter().filter(|t| has_gap_to_see(t)).collect();
    assert!(slow.len() >= COUNT / 3, "only {} of {COUNT} reads were slow", slow.len());
    for t in slow {
        let inside: Vec<_> = found
            .iter()
            .filter(|f| f.cause == "irqs_off" && f.end() > t.start && f.start < t.end())
            .collect();
        assert!(!inside.is_empty(), "no interrupt gap found in {t:?}");
        for f in inside {
            let worker = f.culprit["work"].as_str().is_some_and(|w| w.contains("memcg"));
            assert!(f.blames(truth) || worker, "{f:?}");
            assert!(f.duration <= t.duration + 2 * TICK, "longer than the read: {f:?} {t:?}");
            if f.blames(truth) {
                by_reader += 1;
                assert_eq!(f.culprit["file"].as_str(), truth.file.as_deref());
                assert_eq!(f.culprit["syscall"], "read");
            }
        }
    }
    assert!(by_reader > 0, "the reader was never found");
    let dying = findings["host"]["dying_memcgs"].as_u64().unwrap();
    assert!((19_000..30_000).contains(&dying), "{dying} dying memcgs");
}

/// A read this long flushed at least one CPU's part for longer than the gap threshold.
fn has_gap_to_see(t: &TrueStall) -> bool {
    t.duration > 16_000_000 && t.victim_wait > 14_000_000
}
