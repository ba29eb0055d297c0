//! Without injected stalls: whoever is named must have been there.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use stallscore::found::Found;

use crate::host::{Folder, cpu, findings, machine, stallprof, succeeded};

/// A period in which nothing of ours runs.
#[test]
fn a_quiet_period_names_no_culprit_that_was_not_there() {
    let Some(_machine) = machine() else { return };
    check("quiet", &[]);
}

/// Ordinary load: tasks that take turns, and a task that makes system calls without end.
#[test]
fn a_busy_period_names_no_culprit_that_was_not_there() {
    let Some(_machine) = machine() else { return };
    let cpu = cpu().to_string();
    let pinned = |script: &str| {
        let child = Command::new("taskset").args(["-c", &cpu, "sh", "-c", script]).spawn();
        Hog(child.expect("taskset is part of util-linux"))
    };
    let hogs = [
        pinned("while :; do :; done"),
        pinned("while :; do :; done"),
        pinned("exec dd if=/dev/zero of=/dev/null bs=64k 2>/dev/null"),
        pinned("while :; do cat /proc/self/smaps > /dev/null; done"),
    ];
    check("busy", &hogs);
}

struct Hog(Child);

impl Drop for Hog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Records for some seconds beside an independent witness, the kernel's own trace of switches,
/// and compares: the task blamed for a stall was on that CPU for at least half of it.
fn check(name: &str, _hogs: &[Hog]) {
    let folder = Folder::new(name);
    let recording = folder.path("r.stall");
    let witness = Witness::start();
    let output = stallprof()
        .args(["record", "--stall", "4ms", "-d", "6s", "-C", &cpu().to_string(), "-o"])
        .arg(&recording)
        .output()
        .unwrap();
    let switches = witness.stop();
    succeeded(&output);
    assert!(switches.len() > 100, "the witness saw only {} switches", switches.len());
    let findings = findings(&recording);
    for stall in Found::all(&findings).unwrap() {
        if stall.culprit["type"] != "task" {
            continue;
        }
        let tid = stall.culprit["tid"].as_u64().unwrap();
        let (start, end) = judged(&stall);
        let was_there = time_on_cpu(&switches, stall.cpu, tid, start, end);
        // The witness's clock is printed in microseconds.
        assert!(
            2 * (was_there + 2_000) >= end - start,
            "{stall:?} blames {tid}, which ran for {was_there} ns of {}",
            end - start
        );
    }
}

/// The time in which the culprit held the CPU: of a handoff, that in which ksoftirqd was runnable.
fn judged(stall: &Found) -> (u64, u64) {
    match stall.measures[0]["handoff"].as_object() {
        Some(parts) => {
            let part = |name: &str| parts[name].as_u64().unwrap();
            let woken = stall.start + part("raise_to_wake");
            (woken, woken + part("wake_to_in"))
        }
        None => (stall.start, stall.end()),
    }
}

/// A `sched_switch` as the kernel's trace has it.
struct Switch {
    cpu: u64,
    time: u64,
    from: u64,
    to: u64,
}

fn time_on_cpu(switches: &[Switch], cpu: u64, tid: u64, start: u64, end: u64) -> u64 {
    let own: Vec<_> = switches.iter().filter(|s| s.cpu == cpu).collect();
    let mut total = 0;
    for pair in own.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        if a.to == tid && b.from == tid {
            total += b.time.min(end).saturating_sub(a.time.max(start));
        }
    }
    // On the CPU before the first switch, or after the last one.
    if let Some(first) = own.first().filter(|s| s.from == tid) {
        total += first.time.min(end).saturating_sub(start);
    }
    if let Some(last) = own.last().filter(|s| s.to == tid) {
        total += end.saturating_sub(last.time.max(start));
    }
    total
}

/// An instance of the kernel's own tracer.
struct Witness(std::path::PathBuf);

impl Witness {
    fn start() -> Witness {
        let tracing = Path::new("/sys/kernel/tracing");
        if !tracing.join("instances").exists() {
            let mounted = Command::new("mount")
                .args(["-t", "tracefs", "nodev", "/sys/kernel/tracing"])
                .stderr(Stdio::null())
                .status();
            assert!(mounted.is_ok_and(|s| s.success()), "tracefs cannot be mounted");
        }
        let path = tracing.join(format!("instances/stallprof-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        let witness = Witness(path);
        witness.set("trace_clock", "mono");
        witness.set("buffer_size_kb", "16384");
        witness.set("events/sched/sched_switch/enable", "1");
        witness
    }

    fn set(&self, file: &str, value: &str) {
        std::fs::write(self.0.join(file), value).unwrap();
    }

    fn stop(self) -> Vec<Switch> {
        self.set("tracing_on", "0");
        let trace = std::fs::read(self.0.join("trace")).unwrap();
        String::from_utf8_lossy(&trace).lines().filter_map(switch).collect()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// `  comm-123  [001] d..2.  1234.567890: sched_switch: prev_comm=.. prev_pid=1 .. next_pid=2 ..`
fn switch(line: &str) -> Option<Switch> {
    let (head, event) = line.split_once(": sched_switch: ")?;
    let (before, cpu) = head.rsplit_once('[')?;
    let _ = before;
    let cpu = cpu.split_once(']')?.0.parse().ok()?;
    let (secs, micros) = head.split_whitespace().last()?.split_once('.')?;
    let number = |key: &str| event.rsplit_once(key)?.1.split_whitespace().next()?.parse().ok();
    Some(Switch {
        cpu,
        time: secs.parse::<u64>().ok()? * 1_000_000_000 + micros.parse::<u64>().ok()? * 1_000,
        from: number("prev_pid=")?,
        to: number("next_pid=")?,
    })
}
