//! Lower rungs of the ladder: other methods give the same findings, or say what they cannot.

use std::process::Stdio;

use stallscore::made::Comparison;

use crate::host::{Folder, Recorder, cpu, machine};
use crate::kinds::{Run, assert_close, assert_within, run};
use crate::rights::with_rights;

/// Root without BPF.
const NO_BPF: [&str; 1] = ["--bounding-set=-bpf,-sys_admin"];

/// Makes stalls while a stallprof that may not use BPF records beside.
fn run_without_bpf(kind: &str, count: usize) -> Run {
    let folder = Folder::new(&format!("no-bpf-{kind}"));
    let mut record = with_rights(&NO_BPF, env!("CARGO_BIN_EXE_stallprof").as_ref());
    record.args(["record", "-C", &cpu().to_string()]).stderr(Stdio::null());
    Run::beside(record, folder, kind, count, Recorder::stop)
}

/// The right task or nobody: what the late tick shows is less than what BPF sees.
#[test]
fn interrupts_off_without_bpf() {
    let Some(_machine) = machine() else { return };
    let run = run_without_bpf("irqsoff", 20);
    let comparison = Comparison::of(&run.truth, &run.found, &run.findings).unwrap();
    assert!(comparison.made.len() >= 18, "{comparison:?}");
    for made in &comparison.made {
        assert!(made.found.is_some(), "not found: {:?}", made.truth);
    }
    assert_close("interrupt gap", &comparison.lengths());
    assert!(comparison.bystanders.is_empty(), "blamed: {:?}", comparison.bystanders);
    let header = &run.truth.header;
    let right = comparison.pairs().filter(|(_, found)| found.blames(header)).count();
    for (_, found) in comparison.pairs().filter(|(_, found)| !found.blames(header)) {
        assert_eq!(found.culprit["type"], "unknown", "{found:?}");
    }
    assert!(2 * right >= comparison.made.len(), "only {right} have the right culprit");
}

/// A long hard interrupt shows as a gap; without a probe of hard interrupts nobody can be named.
#[test]
fn hard_interrupts_without_bpf() {
    let Some(_machine) = machine() else { return };
    let run = run_without_bpf("hardirq", 20);
    for found in run.found.iter().filter(|f| f.measure("interrupt_gap").is_some()) {
        assert!(!found.blames_a_task(), "a task is blamed: {found:?}");
    }
}

/// ksoftirqd's waits by its counters: of the right length, soon after they ended, and as it is not
/// known who ran, nobody is named.
#[test]
fn waits_of_ksoftirqd_by_its_counters() {
    let Some(_machine) = machine() else { return };
    let run = run("fifo", 20, &["--method", "ksoftirqd=procfs"], &[]);
    let waits = run.truth.stalls.iter().filter_map(|s| s.ksoftirqd_wait());
    let waits: Vec<_> = waits.filter(|(woken, came)| came - woken > 10_000_000).collect();
    let handoffs: Vec<_> = run.found.iter().filter(|f| f.measure("handoff").is_some()).collect();
    assert!(waits.len() >= 5, "ksoftirqd was woken too seldom: {waits:?}");
    let mut lengths = Vec::new();
    for (woken, came) in &waits {
        // Looked at every 5 ms, by a thread that other load may keep waiting.
        let soon = *came..came + 50_000_000;
        let near = handoffs.iter().filter(|f| soon.contains(&f.end()));
        let Some(found) = near.min_by_key(|f| f.duration.abs_diff(came - woken)) else { continue };
        assert!(!found.blames_a_task(), "{found:?}");
        // Where it had another turn before it was looked at, the mean of both is told.
        if 3 * found.duration > 2 * (came - woken) {
            lengths.push((found.duration, came - woken));
        }
    }
    assert!(2 * lengths.len() >= waits.len(), "of {waits:?} only {lengths:?} were found");
    assert_close("wait of ksoftirqd", &lengths);
}

/// The same findings by other tracepoint methods.
fn by(method: &str) {
    let Some(_machine) = machine() else { return };
    let forced: Vec<String> = ["softirq", "ksoftirqd", "hardirq", "syscall"]
        .iter()
        .flat_map(|probe| ["--method".to_owned(), format!("{probe}={method}")])
        .collect();
    let forced: Vec<&str> = forced.iter().map(String::as_str).collect();
    for kind in ["bh", "syscall", "softirq"] {
        let run = run(kind, 10, &forced, &[]);
        let comparison = Comparison::of(&run.truth, &run.found, &run.findings).unwrap();
        assert!(!comparison.made.is_empty(), "{kind} by {method}: nobody waited");
        for made in &comparison.made {
            assert!(made.found.is_some(), "{kind} by {method}: not found: {:?}", made.truth);
        }
        match (kind, method) {
            // Trace events make some ticks be skipped.
            ("softirq", "tracepoint") => assert_within(kind, &comparison.lengths(), 3),
            _ => assert_close(kind, &comparison.lengths()),
        }
        let faults = comparison.faults();
        // As in kinds::assert_culprits: softirqs on top can take most of one wait of ksoftirqd.
        let another = faults.iter().any(|(f, _)| f.blames_a_task());
        let allowed = usize::from(comparison.expected.measure == "handoff");
        assert!(!another && faults.len() <= allowed, "{kind} by {method}: {faults:?}");
        assert!(comparison.bystanders.is_empty(), "{kind}: {:?}", comparison.bystanders);
    }
}

#[test]
fn raw_tracepoints() {
    by("raw_tp");
}

#[test]
fn tracepoints() {
    by("tracepoint");
}
