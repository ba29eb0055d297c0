//! Made-up stalls, for what the recorded ones do not hold: threads that rename themselves, stalls
//! with few samples in them, locks of workers, stalls without an end.

use stallprof::analysis::analyse;
use stallprof::model::findings::{Cause, Culprit, Findings, Stall, TaskCulprit};
use stallprof::model::*;
use stallprof::units::{Cpu, Nanos};

use super::tape::{PERIOD, START, Tape, at};

pub const READ: SyscallId = SyscallId { nr_plus_1: 1, args: [7, 0, 4096], file: StrId(0) };
pub const WITH_BH_OFF: [&str; 4] = ["__dev_queue_xmit", "udp_sendmsg", "vfs_read", "do_syscall_64"];

pub fn ms(ms: f64) -> Nanos {
    Nanos((ms * 1e6) as u64)
}

pub fn tape() -> Tape {
    let mut tape = Tape::new();
    let meta = &mut tape.0.meta;
    (meta.arch, meta.kernel) = ("x86_64".into(), "6.18.0".into());
    (meta.start, meta.sample_period, meta.stall_threshold) = (START, PERIOD, ms(5.0));
    meta.cpus = vec![1];
    tape
}

/// A softirq that waits for so many milliseconds from `from` on.
pub fn delay(tape: &mut Tape, from: f64, length: f64) {
    let (time, vector) = (at(from + length), Vector::NET_RX);
    let delay = SoftirqDelay { time, cpu: Cpu(1), vector, delay: ms(length), ..Default::default() };
    tape.0.delays.push(delay);
}

/// A handoff with one task on the CPU all the time.
pub fn wait(tape: &mut Tape, task: TaskId, from: f64, length: f64) {
    let (time, cpu, ran) = (at(from + length), Cpu(1), ms(length));
    let handoff = Handoff { time, cpu, wake_to_in: ran, entered: true, ..Default::default() };
    tape.0.handoffs.push(handoff);
    tape.0.runners.push(Runner { time, cpu, task, policy: 0, ran, longest: ran, turns: 1 });
}

/// Ticks in the middle of each millisecond.
pub fn ticks(tape: &mut Tape, from: f64, count: usize, like: Sample) {
    for n in 0..count {
        tape.sample(from + 0.5 + n as f64, 1, like);
    }
}

pub fn slow_call(tape: &mut Tape, task: TaskId, until: f64, length: f64) {
    let (time, cpu, duration) = (at(until), Cpu(1), ms(length));
    let call = SyscallSlow { time, cpu, task, syscall: READ, duration, ..Default::default() };
    tape.0.syscalls.push(call);
}

pub fn in_kernel(tape: &mut Tape, task: TaskId, functions: &[&str]) -> Sample {
    let kernel_stack = tape.stack(functions, true);
    Sample { task, kernel_stack, syscall: READ, pending: 1 << 3, ..Sample::default() }
}

pub fn only(f: &Findings) -> (&Stall, Option<&TaskCulprit>) {
    assert_eq!((f.stalls.len(), f.culprits.len()), (1, 1), "{:.2000}", format!("{:?}", f.stalls));
    match &f.stalls[0].culprit {
        Culprit::Task(task) => (&f.stalls[0], Some(task)),
        _ => (&f.stalls[0], None),
    }
}

#[test]
fn a_task_that_renames_itself_in_a_stall_keeps_its_votes() {
    let mut tape = tape();
    // Under each of its names it has half of the samples at most.
    for (n, (name, count)) in [("sh", 6), ("exec", 4), ("cat", 10)].into_iter().enumerate() {
        let task = tape.task(name, 70, 70);
        let like = in_kernel(&mut tape, task, &WITH_BH_OFF);
        ticks(&mut tape, [0.0, 6.0, 10.0][n], count, like);
    }
    delay(&mut tape, 0.0, 20.0);
    let f = analyse(&tape.0);
    let (stall, task) = only(&f);
    assert_eq!((stall.cause, stall.evidence.agree), (Cause::BhOff, 20));
    assert_eq!(task.unwrap().comm, "cat");
}

#[test]
fn a_task_that_renames_itself_between_stalls_is_one_culprit() {
    let mut tape = tape();
    for (n, name) in ["worker-1", "worker-2", "worker-2", "worker-3"].into_iter().enumerate() {
        let from = 100.0 * n as f64;
        let task = tape.task(name, 70, 71);
        let like = in_kernel(&mut tape, task, &WITH_BH_OFF);
        ticks(&mut tape, from, 20, like);
        delay(&mut tape, from, 20.0);
        slow_call(&mut tape, task, from + 20.1, 20.2);
    }
    let other = tape.task("worker-2", 70, 72);
    slow_call(&mut tape, other, 900.0, 20.0);
    let f = analyse(&tape.0);
    assert_eq!((f.stalls.len(), f.culprits.len(), f.slow_calls.len()), (4, 1, 2));
    let Culprit::Task(task) = &f.culprits[0].culprit else { panic!("no task") };
    assert_eq!((task.comm.as_str(), f.culprits[0].stalls.len()), ("worker-2", 4));
    assert_eq!((f.slow_calls[0].task.comm.as_str(), f.slow_calls[0].calls), ("worker-2", 4));
}

/// The scheduler's record has the name before `execve`, the samples have the one after it, and so
/// has the record of the call.
#[test]
fn what_a_renamed_task_did_while_ksoftirqd_waited_is_known() {
    let mut tape = tape();
    let (old, new) = (tape.task("sh", 70, 70), tape.task("cat", 70, 70));
    let file = tape.str("/bin/cat");
    wait(&mut tape, old, 0.0, 20.0);
    let like = in_kernel(&mut tape, old, &["clear_page", "vfs_read", "do_syscall_64"]);
    ticks(&mut tape, 0.0, 20, like);
    tape.0.samples.iter_mut().skip(6).for_each(|s| s.task = new);
    slow_call(&mut tape, new, 20.1, 20.2);
    tape.0.syscalls[0].syscall.file = file;
    let f = analyse(&tape.0);
    let (stall, task) = only(&f);
    assert_eq!((stall.cause, stall.evidence.agree), (Cause::NonPreemptible, 20));
    let task = task.unwrap();
    assert_eq!((task.comm.as_str(), task.file.as_deref()), ("cat", Some("/bin/cat")));
}

/// ksoftirqd was woken just before a section with bottom halves off began. That the softirqs waited
/// for its end tells what it was; one that was served meanwhile, that it was not.
#[test]
fn bottom_halves_off_while_ksoftirqd_waits_are_named() {
    for (caller, cause) in
        [("__local_bh_enable_ip", Cause::BhOff), ("irq_exit_rcu", Cause::NonPreemptible)]
    {
        let mut tape = tape();
        let task = tape.task("worker", 70, 70);
        wait(&mut tape, task, 0.0, 20.0);
        delay(&mut tape, 0.5, 19.4);
        tape.0.delays[0].entry_stack = tape.stack(&["handle_softirqs", caller], true);
        let like = in_kernel(&mut tape, task, &WITH_BH_OFF);
        ticks(&mut tape, 0.0, 20, like);
        let f = analyse(&tape.0);
        let (stall, culprit) = only(&f);
        assert_eq!((stall.cause, culprit.unwrap().comm.as_str()), (cause, "worker"));
        assert_eq!(stall.duration, ms(20.0));
    }
}

/// Two threads of one name, and one number used twice, are not one task.
#[test]
fn threads_of_one_name_do_not_vote_together() {
    let mut tape = tape();
    for n in 0..3 {
        let task = tape.task("worker", 70, 71 + n);
        let like = in_kernel(&mut tape, task, &WITH_BH_OFF);
        ticks(&mut tape, f64::from(n) * 7.0, 7, like);
    }
    delay(&mut tape, 0.0, 21.0);
    tape.0.tasks[3].tid = tape.0.tasks[2].tid;
    let f = analyse(&tape.0);
    assert_eq!(only(&f).0.cause, Cause::Unexplained);
}

#[test]
fn the_verdict_says_how_much_of_a_stall_its_samples_cover() {
    for (count, named, words) in [
        (4, false, "only 4 samples fell into its 20.0 ms"),
        (5, true, "softirqs pending; samples cover 5.00 ms of its 20.0 ms"),
        (14, true, "softirqs pending; samples cover 14.0 ms of its 20.0 ms"),
        (15, true, "softirqs pending"),
        (20, true, "softirqs pending"),
    ] {
        let mut tape = tape();
        let task = tape.task("cat", 70, 70);
        let like = in_kernel(&mut tape, task, &WITH_BH_OFF);
        ticks(&mut tape, 0.0, count, like);
        delay(&mut tape, 0.0, 20.0);
        let f = analyse(&tape.0);
        let (stall, task) = only(&f);
        assert_eq!(task.is_some(), named, "{count}");
        assert!(stall.evidence.words.ends_with(words), "{count}: {}", stall.evidence.words);
    }
}

/// On PREEMPT_RT the compiler makes a copy of the loop that runs softirqs, and ksoftirqd runs it.
#[test]
fn a_copy_of_the_softirq_loop_is_the_softirq_loop() {
    let mut tape = tape();
    let task = tape.task("ksoftirqd/1", 29, 29);
    let stack =
        ["process_backlog", "net_rx_action", "handle_softirqs.constprop.0", "run_ksoftirqd"];
    let like = in_kernel(&mut tape, task, &stack);
    ticks(&mut tape, 0.0, 20, like);
    delay(&mut tape, 0.0, 20.0);
    let f = analyse(&tape.0);
    assert_eq!(only(&f).0.cause, Cause::SoftirqHog);
}

/// The softirq that ksoftirqd enters at last waited for as long as ksoftirqd, and a bit: who ran
/// was booked, and the few samples do not decide.
#[test]
fn a_delay_that_ksoftirqd_ends_is_its_wait_for_the_cpu() {
    let mut tape = tape();
    let hog = tape.task("hog", 80, 80);
    wait(&mut tape, hog, 1.0, 60.0);
    tape.0.runners[0].policy = 1;
    let entered = ["handle_softirqs", "run_ksoftirqd", "smpboot_thread_fn"];
    let entry_stack = tape.stack(&entered, true);
    delay(&mut tape, 0.0, 61.5);
    tape.0.delays[0].entry_stack = entry_stack;
    let f = analyse(&tape.0);
    let (stall, task) = only(&f);
    assert_eq!((stall.cause, stall.duration), (Cause::StarvedByRt, ms(61.5)));
    assert_eq!(task.unwrap().comm, "hog");
}

/// The late tick found a kworker giving back the lock of its pool, before it called anything.
#[test]
fn a_lock_of_the_worker_itself_is_no_work_function() {
    for (innermost, work) in [
        ("_raw_spin_unlock_irq", None),
        ("flush_memcg_stats_dwork", Some("flush_memcg_stats_dwork")),
    ] {
        let mut tape = tape();
        let task = tape.task("kworker/1:0", 23, 23);
        tape.0.tasks[task.0 as usize].kthread = true;
        let stack = [innermost, "process_one_work", "worker_thread", "kthread", "ret_from_fork"];
        let like = in_kernel(&mut tape, task, &stack);
        ticks(&mut tape, 0.0, 20, like);
        delay(&mut tape, 0.0, 20.0);
        let f = analyse(&tape.0);
        assert_eq!(only(&f).1.unwrap().work.as_deref(), work);
    }
}

/// No event tells of the end of a stall that is still going on: the last tick does, as long as it is
/// the last.
#[test]
fn a_stall_that_outlasts_the_recording_is_told() {
    for (ended, stalls) in [(20.0, 1), (500.0, 0)] {
        let mut tape = tape();
        let task = tape.task("worker", 70, 70);
        let like = in_kernel(&mut tape, task, &WITH_BH_OFF);
        ticks(&mut tape, 0.0, 20, like);
        for (n, s) in tape.0.samples.iter_mut().enumerate() {
            s.pending_for = ms(0.5 + n as f64);
        }
        tape.0.end = Some(at(ended));
        let f = analyse(&tape.0);
        assert_eq!(f.stalls.len(), stalls);
        assert_eq!(f.notes.iter().any(|note| note.contains("longer than told")), stalls == 1);
        if let Some(stall) = f.stalls.first() {
            assert_eq!((stall.cause, stall.duration), (Cause::BhOff, ms(19.5)));
            assert!(stall.measures[0].open && stall.measures[0].context.is_none());
        }
    }
}

/// Our program saw a tenth of a second's packets on one CPU, all on another, and none on a third
/// while it paused.
#[test]
fn packets_of_pauses_are_taken_to_be_like_those_seen() {
    let mut tape = tape();
    let (name, kind) = (tape.str("eth0"), tape.str(""));
    let device = RxDeviceId { netns: 1, ifindex: 2, name, kind };
    for (cpu, processed, seen, second, paused) in [
        (0, 200, 100, 1.0, false), // one of a VLAN: counted twice
        (0, 1800, 0, 2.0, true),
        (1, 50, 50, 2.0, false),
        (2, 0, 0, 1.0, false),
        (2, 7, 0, 2.0, true),
    ] {
        let (time, cpu) = (at(1000.0 * second), Cpu(cpu));
        tape.0.rx_cpus.push(RxCpu { time, cpu, processed, seen, paused, ..RxCpu::default() });
        if seen > 0 {
            let row =
                RxRow { time, cpu, device, packets: seen, bytes: 64 * seen, ..RxRow::default() };
            tape.0.rx_rows.push(RxRow { examined: seen, ..row });
            let (source, destination) = ([0, 1], [0, 2]);
            let flow =
                RxFlow { time, cpu, netns: 1, ifindex: 2, packets: seen, ..RxFlow::default() };
            tape.0.rx_flows.push(RxFlow { family: 4, protocol: 17, source, destination, ..flow });
        }
    }
    tape.0.meta.probes.push(ProbeStatus {
        name: "rxpath".into(),
        method: Some("tp_btf".into()),
        ..ProbeStatus::default()
    });
    let received = analyse(&tape.0).received.unwrap();
    let looked = received.examined.unwrap();
    assert_eq!((looked.seen, looked.paused, looked.unseen, looked.missed), (150, 1807, 7, 100));
    let device = &received.devices[0];
    assert_eq!((device.packets, device.bytes), (1050, 64 * 1050));
    let places: Vec<_> = device.places.iter().map(|p| (p.cpu.0, p.packets, p.margin)).collect();
    // One look says nothing of the pause for sure: none or all of its packets may have been like it.
    assert_eq!(places, [(0, 1000, 900), (1, 50, 0)]);
    assert_eq!((received.flows[0].packets, received.flows[0].margin), (1050, 900));
}
