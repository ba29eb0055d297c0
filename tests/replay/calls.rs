//! Made-up stalls of tasks in system calls: which could be preempted, and who was in none, whatever
//! its registers say.

use stallprof::analysis::analyse;
use stallprof::model::findings::{Cause, Findings};
use stallprof::model::*;
use stallprof::render::{Style, flame, ordered};

use super::made::{READ, WITH_BH_OFF, delay, in_kernel, ms, only, slow_call, tape, ticks, wait};
use super::tape::Tape;

/// A ksoftirqd wait of 20 ms behind one task, with `count` samples like `like`.
fn behind(change: impl FnOnce(&mut Tape, TaskId), like: SyscallId, count: usize) -> Findings {
    let mut tape = tape();
    let task = tape.task("cat", 70, 70);
    wait(&mut tape, task, 0.0, 20.0);
    let in_call = in_kernel(&mut tape, task, &["clear_page", "vfs_read", "do_syscall_64"]);
    ticks(&mut tape, 0.0, count, Sample { syscall: like, ..in_call });
    change(&mut tape, task);
    analyse(&tape.0)
}

fn probe_of_calls(tape: &mut Tape) {
    let method = Some("tp_btf".to_owned());
    tape.0.meta.probes.push(ProbeStatus { name: "syscall".into(), method, ..Default::default() });
    tape.0.meta.syscall_min = ms(5.0);
}

#[test]
fn one_sample_does_not_tell_what_could_not_be_preempted() {
    for (count, cause) in [
        (0, Cause::StarvedByTasks),
        (1, Cause::StarvedByTasks),
        (4, Cause::StarvedByTasks),
        (5, Cause::NonPreemptible),
        (20, Cause::NonPreemptible),
    ] {
        let f = behind(|_, _| (), READ, count);
        let (stall, task) = only(&f);
        assert_eq!((stall.cause, task.map(|t| t.tid.0)), (cause, Some(70)), "{count}");
        let told = match count {
            0 => "no sample fell into it",
            20 => "all 20 samples of it are in the kernel",
            _ => &format!("samples cover {count}.00 ms of its 20.0 ms"),
        };
        assert!(stall.evidence.words.contains(told), "{count}: {}", stall.evidence.words);
    }
}

#[test]
fn short_calls_one_after_another_can_be_preempted() {
    let cause = |f: &Findings| only(f).0.cause;
    // The same number and arguments; but a call of that length would have been recorded.
    let looping = behind(|tape, _| probe_of_calls(tape), READ, 20);
    assert_eq!(cause(&looping), Cause::StarvedByTasks);
    let one = |tape: &mut Tape, task| {
        probe_of_calls(tape);
        slow_call(tape, task, 20.1, 20.2);
    };
    assert_eq!(cause(&behind(one, READ, 20)), Cause::NonPreemptible);
    // One call that is over before the last sample, and one of somebody else.
    let early = |tape: &mut Tape, task| {
        probe_of_calls(tape);
        slow_call(tape, task, 12.0, 12.0);
    };
    assert_eq!(cause(&behind(early, READ, 20)), Cause::StarvedByTasks);
    let other = |tape: &mut Tape, _| {
        probe_of_calls(tape);
        let other = tape.task("cat", 71, 71);
        slow_call(tape, other, 20.1, 20.2);
    };
    assert_eq!(cause(&behind(other, READ, 20)), Cause::StarvedByTasks);
    // Other arguments are another call; and without a call there are page faults, one by one.
    let last_differs = |tape: &mut Tape, _| tape.0.samples.last_mut().unwrap().syscall.args[0] = 8;
    assert_eq!(cause(&behind(last_differs, READ, 20)), Cause::StarvedByTasks);
    assert_eq!(cause(&behind(|_, _| (), SyscallId::default(), 20)), Cause::StarvedByTasks);
}

/// With PREEMPT_RT a thread of higher priority comes when the section ends, waits for what the task
/// holds, and gives the CPU back. Older recordings do not tell how long the turns were.
#[test]
fn a_second_short_turn_does_not_hide_the_first() {
    for (longest, cause) in [
        (19.0, Cause::NonPreemptible),
        (10.1, Cause::NonPreemptible),
        (10.0, Cause::StarvedByTasks),
        (0.0, Cause::StarvedByTasks),
    ] {
        let turns = |tape: &mut Tape, _| {
            let runner = &mut tape.0.runners[0];
            (runner.turns, runner.longest) = (2, ms(longest));
        };
        let f = behind(turns, READ, 20);
        let (stall, task) = only(&f);
        assert_eq!((stall.cause, task.map(|t| t.tid.0)), (cause, Some(70)), "{longest}");
        let told = format!("to this task, {longest:.1} ms of it in one turn");
        let words = &stall.evidence.words;
        assert_eq!(words.contains(&told), cause == Cause::NonPreemptible, "{words}");
    }
}

/// ksoftirqd may be woken just before the call that keeps it waiting, while its task is in user mode.
#[test]
fn a_sample_before_a_long_call_does_not_hide_it() {
    for (entered, cause) in [(1.0, Cause::NonPreemptible), (3.0, Cause::StarvedByTasks)] {
        let late = |tape: &mut Tape, task| {
            probe_of_calls(tape);
            slow_call(tape, task, 20.1, 20.1 - entered);
            for s in tape.0.samples.iter_mut().take(entered as usize) {
                (s.user_mode, s.syscall) = (true, SyscallId::default());
            }
        };
        let f = behind(late, READ, 20);
        let (stall, _) = only(&f);
        assert_eq!(stall.cause, cause, "{entered}");
        let told = "; 19 of 20 samples of it are in the kernel, in one system call";
        let words = &stall.evidence.words;
        assert_eq!(words.contains(told), cause == Cause::NonPreemptible, "{words}");
    }
}

/// Before 6.5 the ticks alone tell, and the same rule holds.
#[test]
fn short_calls_can_be_preempted_on_old_kernels_too() {
    for (args, cause) in [(0, Cause::NonPreemptible), (1, Cause::StarvedByTasks)] {
        let mut tape = tape();
        tape.0.meta.kernel = "6.1.0".into();
        let task = tape.task("cat", 70, 70);
        let like = in_kernel(&mut tape, task, &WITH_BH_OFF);
        ticks(&mut tape, 0.0, 20, Sample { ksoftirqd_waits: ms(3.0), ..like });
        tape.0
            .samples
            .iter_mut()
            .enumerate()
            .for_each(|(n, s)| s.syscall.args[2] += args * n as u64);
        delay(&mut tape, 0.0, 20.0);
        assert_eq!(only(&analyse(&tape.0)).0.cause, cause);
    }
}

/// Workers of io_uring hold in their registers the call that their creator was in.
#[test]
fn a_worker_of_io_uring_is_in_no_system_call() {
    for begin in [&["ret_from_fork", "ret_from_fork_asm"][..], &["ret_from_fork"]] {
        let mut tape = tape();
        let worker = tape.task("iou-wrk-70", 70, 75);
        let stale = tape.str("/stale");
        let stack = [&["__dev_queue_xmit", "io_issue_sqe", "io_wq_worker"], begin].concat();
        let user_stack = tape.stack(&["stale_main"], false);
        let like = in_kernel(&mut tape, worker, &stack);
        let like = Sample { user_stack, syscall: SyscallId { file: stale, ..READ }, ..like };
        ticks(&mut tape, 0.0, 20, like);
        delay(&mut tape, 0.0, 20.0);
        let f = analyse(&tape.0);
        let (stall, task) = only(&f);
        assert_eq!(stall.cause, Cause::BhOff);
        let task = task.unwrap();
        assert_eq!((&task.comm[..], &task.syscall, &task.file), ("iou-wrk-70", &None, &None));
        let mut shown = Vec::new();
        ordered::write(&mut shown, &tape.0, stall, 9, Style::default()).unwrap();
        let mut shown = String::from_utf8(shown).unwrap();
        for (line, _) in flame::held(&tape.0, &f).iter().chain(&flame::profile(&tape.0, &f)) {
            shown.push_str(line);
        }
        for word in ["read", "stale"] {
            assert!(!shown.contains(word), "{word} in {shown}");
        }
        assert!(shown.contains("io_wq_worker"), "{shown}");
    }
}

#[test]
fn a_kernel_thread_has_no_system_calls() {
    let mut tape = tape();
    let worker = tape.task("kworker/1:0", 40, 40);
    tape.0.tasks[worker.0 as usize].kthread = true;
    let like = in_kernel(&mut tape, worker, &["flush", "process_one_work", "kthread"]);
    ticks(&mut tape, 0.0, 20, like);
    delay(&mut tape, 0.0, 20.0);
    slow_call(&mut tape, worker, 30.0, 20.0);
    let f = analyse(&tape.0);
    assert_eq!((f.slow_calls.len(), only(&f).1.unwrap().syscall.as_deref()), (0, None));
    let held = flame::held(&tape.0, &f);
    assert!(held.iter().all(|(line, _)| !line.contains("read(2)")), "{held:?}");
}
