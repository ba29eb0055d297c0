//! Made-up slow files: what the recorded ones do not hold, and names that lie.

use stallprof::analysis::analyse;
use stallprof::model::findings::Findings;
use stallprof::model::*;
use stallprof::render::{Style, json, terminal};
use stallprof::units::{Cpu, Nanos};

use super::tape::{PERIOD, START, Tape, at};

fn ms(ms: u64) -> Nanos {
    Nanos(ms * 1_000_000)
}

fn tape(probes: &[&str]) -> Tape {
    let mut tape = Tape::new();
    let meta = &mut tape.0.meta;
    (meta.arch, meta.kernel) = ("x86_64".into(), "6.12.0".into());
    (meta.start, meta.sample_period, meta.stall_threshold) = (START, PERIOD, ms(5));
    (meta.cpus, meta.syscall_min) = (vec![1], ms(5));
    let runs = |name: &&str| ProbeStatus {
        name: (*name).into(),
        method: Some("tp_btf".into()),
        ..ProbeStatus::default()
    };
    meta.probes = probes.iter().map(runs).collect();
    tape.0.end = Some(at(60_000.0));
    tape
}

/// A slow `read` (0) or `write` (1) that ends so many milliseconds after the start.
fn call(tape: &mut Tape, nr: u32, task: TaskId, file: &str, until: f64, length: u64) {
    let syscall = SyscallId { nr_plus_1: nr + 1, file: tape.str(file), ..SyscallId::default() };
    let (time, cpu, duration) = (at(until), Cpu(1), ms(length));
    let on_cpu = duration;
    let slow = SyscallSlow { time, cpu, task, syscall, duration, on_cpu, slept: false, ret: 4096 };
    tape.0.syscalls.push(slow);
}

fn more(tape: &mut Tape, until: f64, filesystem: Filesystem, waited: u64, held: u64) {
    tape.0.file_calls.push(FileCall {
        time: at(until),
        cpu: Cpu(1),
        filesystem,
        rstat_waited: ms(waited),
        rstat_held: ms(held),
        rstat_locks: 2,
    });
}

fn shown(f: &Findings) -> String {
    let mut out = Vec::new();
    terminal::verdict(&mut out, f, Style::default()).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_kernel_says_where_a_file_is_not_its_path() {
    let mut tape = tape(&["rstat", "memcg"]);
    let agent = tape.task("agent", 70, 70);
    // Mounted elsewhere; and a liar's path on an ordinary file system.
    call(&mut tape, 0, agent, "/mnt/x/k/memory.stat", 100.0, 20);
    more(&mut tape, 100.0, Filesystem::CgroupV2, 3, 16);
    call(&mut tape, 0, agent, "/sys/fs/cgroup/memory/memory.stat", 200.0, 30);
    more(&mut tape, 200.0, Filesystem::Other, 0, 0);
    let f = analyse(&tape.0);
    assert_eq!((f.slow_files.len(), f.slow_file_calls.len()), (1, 1));
    let (group, call) = (&f.slow_files[0], &f.slow_file_calls[0]);
    assert_eq!(group.task.file.as_deref(), Some("/mnt/x/k/memory.stat"));
    assert_eq!((call.of_cgroup.as_ref(), group.cgroups.len()), (None, 0), "no usual mount point");
    let rstat = call.rstat.unwrap();
    assert_eq!((rstat.waited, rstat.held, rstat.locks), (ms(3), ms(16), 2));
    let other = f.slow_calls.iter().find(|c| c.filesystem.is_none()).unwrap();
    assert_eq!(other.task.file.as_deref(), Some("/sys/fs/cgroup/memory/memory.stat"));
}

#[test]
fn threads_of_a_process_and_files_of_a_kind_are_one_group() {
    let mut tape = tape(&["memcg"]);
    let (a, b) = (tape.task("agent", 70, 70), tape.task("agent", 70, 71));
    let other = tape.task("other", 80, 80);
    for (n, task) in [a, b, a, other].into_iter().enumerate() {
        let until = 100.0 * (n + 1) as f64;
        call(&mut tape, 0, task, &format!("/proc/{n}/smaps"), until, 10);
        call(&mut tape, 1, task, &format!("/proc/{n}/clear_refs"), until + 50.0, 10);
    }
    // It waits for news of the kernel; that is no slowness.
    call(&mut tape, 0, other, "/proc/kmsg", 900.0, 400);
    let f = analyse(&tape.0);
    let rows: Vec<_> = f
        .slow_files
        .iter()
        .map(|g| (g.task.tgid.0, g.task.syscall.as_deref(), g.task.file.as_deref(), g.calls))
        .collect();
    for row in [
        (70, Some("read"), Some("/proc/*/smaps"), 3),
        (70, Some("write"), Some("/proc/*/clear_refs"), 3),
        (80, Some("read"), Some("/proc/3/smaps"), 1),
        (80, Some("write"), Some("/proc/3/clear_refs"), 1),
    ] {
        assert!(rows.contains(&row), "{row:?} is not in {rows:?}");
    }
    assert_eq!(rows.len(), 4, "{rows:?}");
    assert!(f.slow_files.iter().all(|g| g.rstat.is_none()), "not measured is not 0");
    for words in ["smaps", "clear_refs"] {
        assert!(f.advice.iter().any(|a| a.contains(words)), "{:?}", f.advice);
    }
}

#[test]
fn what_all_reads_cost_is_a_rate_of_the_whole_recording() {
    let mut tape = tape(&["memcg"]);
    tape.task("sh", 70, 70); // before it called exec
    let task = tape.task("cadvisor", 70, 70);
    let file = tape.str("memory.stat");
    for (n, cpu) in [(1, 1), (2, 1), (3, 0)] {
        tape.0.file_reads.push(FileReads {
            time: at(1_000.0 * f64::from(n)),
            cpu: Cpu(cpu),
            task,
            filesystem: Filesystem::CgroupV1,
            file,
            reads: 40,
            total: ms(700),
            on_cpu: ms(690),
            slept: 1,
            bytes: 4096,
            at_least: Nanos(100_000),
        });
    }
    let f = analyse(&tape.0);
    let [reads] = &f.file_reads[..] else { panic!("{:?}", f.file_reads) };
    assert_eq!((reads.calls, reads.per_minute), (120, 120), "the recording lasts a minute");
    assert_eq!(reads.total_per_minute, ms(2_100));
    let by_cpu: Vec<_> = reads.by_cpu.iter().map(|s| (s.cpu.0, s.calls, s.total)).collect();
    assert_eq!(by_cpu, [(1, 80, ms(1_400)), (0, 40, ms(700))]);
    let shown = shown(&f);
    assert!(shown.contains("120   2.10 s    99 %  cadvisor[70] memory.stat"), "{shown}");
    assert!(shown.contains("only reads of 100 us or longer are counted"), "{shown}");
}

#[test]
fn names_that_lie_and_numbers_out_of_bounds_do_no_harm() {
    let mut tape = tape(&["memcg", "rstat"]);
    let evil = "/sys/fs/cgroup/a\x1b[2J\n/\u{202e}b<script>/memory.stat";
    let task = tape.task("\x1b]0;x\x07", 70, 70);
    for (n, file) in [evil, "/proc/\u{7}/1/smaps", &"/9".repeat(5_000), ""].into_iter().enumerate()
    {
        let until = 50.0 * (n + 1) as f64;
        call(&mut tape, 0, task, file, until, 10);
        more(&mut tape, until, Filesystem::Proc, u64::MAX >> 24, u64::MAX >> 24);
        let file = tape.str(file);
        let (reads, total) = (u64::MAX, Nanos(u64::MAX));
        let row = FileReads { time: at(until), task, file, reads, total, ..FileReads::default() };
        tape.0.file_reads.push(row);
        tape.0.file_reads.push(FileReads { filesystem: Filesystem::CgroupV2, ..row });
    }
    tape.0.syscalls.iter_mut().for_each(|c| c.ret = i64::MIN);
    tape.0.dying_memcgs = (0..9)
        .map(|n| DyingMemcgs { time: at(f64::from(n)), count: u64::MAX * u64::from(n > 4) })
        .collect();
    let f = analyse(&tape.0);
    assert_eq!(f.dying_trend.unwrap().growth_per_minute, None, "no number for it");
    let text = shown(&f);
    let mut out = Vec::new();
    json::write(&mut out, &f).unwrap();
    let json = String::from_utf8(out).unwrap();
    for shown in [&text, &json] {
        assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "acts on a terminal");
        assert!(!shown.contains("<script>") || shown == &text);
    }
    assert!(text.contains("\\x1b[2J"), "{text}");
}
