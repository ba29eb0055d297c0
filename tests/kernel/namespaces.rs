//! In a pid namespace of its own /proc has no kernel threads: ksoftirqd is found all the same.

use std::process::{Command, Stdio};

use stallprof::recording;
use stallscore::made::Comparison;

use crate::host::{Folder, Recorder, cpu, machine, stallgen, stallprof, succeeded};
use crate::kinds::Run;

const COUNT: usize = 20;

/// Each wait that a real-time task made, by a way to measure it.
fn waits_are_found(method: &str) {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new(&format!("pid-namespace-{method}"));
    let mut record = Command::new("unshare");
    record
        .args(["--pid", "--fork", "--mount-proc", "--kill-child"])
        .args([env!("CARGO_BIN_EXE_stallprof"), "record", "-C", &cpu().to_string(), "-d", "6s"])
        .args(["--method", &format!("ksoftirqd={method}")])
        .stderr(Stdio::null());
    // Signals to unshare do not reach it: it ends by itself.
    let run = Run::beside(record, folder, "fifo", COUNT, Recorder::wait);
    let comparison = Comparison::of(&run.truth, &run.found, &run.findings).unwrap();
    assert!(comparison.made.len() >= COUNT / 3, "ksoftirqd was woken too seldom");
    let missed = comparison
        .made
        .iter()
        .filter(|made| made.found.as_ref().is_none_or(|found| found.measure("handoff").is_none()));
    // The first may be what it is found by.
    let missed = missed.count();
    assert!(missed <= 1, "{missed} of {} not found", comparison.made.len());
}

#[test]
fn waits_of_ksoftirqd_are_found_by_arguments() {
    waits_are_found("tp_btf");
}

#[test]
fn waits_of_ksoftirqd_are_found_by_records() {
    waits_are_found("tracepoint");
}

/// The kernel calls its workers by what they are at when asked: no name to keep.
#[test]
fn kernel_threads_have_no_process() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("kernel-threads");
    let recording = folder.path("r.stall");
    let cpu = cpu().to_string();
    let mut record = stallprof();
    record.args(["record", "-C", &cpu, "-o"]).arg(&recording).arg("--").arg(stallgen());
    record.args([
        "memcg",
        "--cpu",
        &cpu,
        "--count",
        "8",
        "--dying",
        "3000",
        "--truth",
        "/dev/null",
    ]);
    succeeded(&record.output().unwrap());
    let r = recording::read(&recording).unwrap();
    let threads: Vec<_> = r.tasks.iter().filter(|t| t.kthread && t.tid.0 != 0).collect();
    assert!(!threads.is_empty(), "no kernel thread was seen");
    let named = threads.iter().find(|t| !r.str(t.process).is_empty());
    assert!(named.is_none(), "{named:?} of {}", r.str(named.unwrap().process));
    let own = r.tasks.iter().filter(|t| !t.kthread && t.tid.0 != 0);
    assert!(own.clone().any(|t| !r.str(t.process).is_empty()), "nobody has a process");
}
