//! What is no proof: a single sample, a lock that somebody else holds, an end that nobody saw.

use stallprof::analysis::analyse;
use stallprof::model::findings::{Cause, Culprit, Findings};
use stallprof::model::*;
use stallprof::render::{Style, terminal};
use stallprof::units::{Cpu, Nanos, Tid};

use super::made::{WITH_BH_OFF, delay, in_kernel, ms, only, slow_call, tape, ticks, wait};
use super::tape::{Tape, at};

const NET_RX: [&str; 4] = ["process_backlog", "net_rx_action", "handle_softirqs", "irq_exit_rcu"];

/// A tape of a sampler that ticks every 10 ms, as the daemon's.
fn seldom() -> Tape {
    let mut tape = tape();
    tape.0.meta.sample_period = ms(10.0);
    tape
}

/// What lies in a delay of 20 ms with one sample 15 ms after the raise.
fn with_one(like: impl FnOnce(&mut Tape) -> Sample) -> Findings {
    let mut tape = seldom();
    let like = like(&mut tape);
    tape.sample(15.0, 1, like);
    delay(&mut tape, 0.0, 20.0);
    analyse(&tape.0)
}

/// It may have been entered a moment ago, when what had held the CPU was over.
#[test]
fn one_sample_in_a_softirq_names_it_only_if_it_ran_for_long() {
    let run = |entered: f64, vector: Vector| {
        with_one(|tape| {
            let kernel_stack = tape.stack(&NET_RX, true);
            let (since_softirq_entry, softirq_vector) = (ms(entered), vector);
            let task = tape.task("worker", 70, 70);
            Sample { task, kernel_stack, since_softirq_entry, softirq_vector, ..Sample::default() }
        })
    };
    for (entered, vector, cause) in [
        (1.0, Vector::NET_RX, Cause::Unexplained),
        (0.0, Vector::NET_RX, Cause::Unexplained),
        (12.0, Vector::NET_RX, Cause::SoftirqHog),
        (12.0, Vector(1), Cause::Unexplained),
    ] {
        let f = run(entered, vector);
        let (stall, _) = only(&f);
        assert_eq!(stall.cause, cause, "{entered} ms, {vector}");
        let words = &stall.evidence.words;
        assert_eq!(words.contains("was not seen"), cause == Cause::Unexplained, "{words}");
    }
}

/// A task that is seen while softirqs wait has bottom halves off since they were raised; that a task
/// was in the kernel says nothing.
#[test]
fn one_sample_in_a_task_names_it_only_if_softirqs_waited_for_it() {
    for (pending, kernel, cause) in [
        (1 << 3, "6.18.0", Cause::BhOff),
        (0, "6.18.0", Cause::Unexplained),
        // Where they wait for ksoftirqd it may be anybody's turn.
        (1 << 3, "6.1.0", Cause::Unexplained),
    ] {
        let f = with_one(|tape| {
            tape.0.meta.kernel = kernel.into();
            let task = tape.task("worker", 70, 70);
            let like = in_kernel(tape, task, &WITH_BH_OFF);
            Sample { pending, ksoftirqd_waits: ms(3.0), ..like }
        });
        assert_eq!(only(&f).0.cause, cause, "{pending} on {kernel}");
    }
}

/// The time is the holder's.
#[test]
fn who_spins_for_a_lock_is_told_from_who_holds_it() {
    const SPINS: [&str; 4] =
        ["__pv_queued_spin_lock_slowpath", "_raw_spin_lock_bh", "udp_sendmsg", "do_syscall_64"];
    let told = "of them found it spinning for a lock: who held that is not known";
    for (spinning, ksoftirqd) in [(20, false), (10, false), (9, false), (20, true)] {
        let mut tape = tape();
        let task = tape.task("worker", 70, 70);
        let spins = in_kernel(&mut tape, task, &SPINS);
        let works = in_kernel(&mut tape, task, &WITH_BH_OFF);
        ticks(&mut tape, 0.0, spinning, spins);
        ticks(&mut tape, spinning as f64, 20 - spinning, works);
        match ksoftirqd {
            true => wait(&mut tape, task, 0.0, 20.0),
            false => delay(&mut tape, 0.0, 20.0),
        }
        let f = analyse(&tape.0);
        let words = &only(&f).0.evidence.words;
        assert_eq!(words.contains(&format!("{spinning} {told}")), spinning >= 10, "{words}");
    }
    // Nor is a task blamed for what a softirq on top of it waits for, or the other way round.
    let mut tape = tape();
    let task = tape.task("worker", 70, 70);
    let on_top = [&NET_RX[..], &["asm_sysvec_apic_timer_interrupt"], &SPINS[..]].concat();
    let like = in_kernel(&mut tape, task, &on_top);
    ticks(&mut tape, 0.0, 20, like);
    delay(&mut tape, 0.0, 20.0);
    let f = analyse(&tape.0);
    assert_eq!(only(&f).0.cause, Cause::SoftirqHog);
    assert!(!only(&f).0.evidence.words.contains("spinning"));
}

/// No sample falls into a gap: but how long a read waited for the locks of rstat is counted.
#[test]
fn a_read_that_waited_for_the_locks_of_rstat_says_so() {
    for (waited, told) in [(18.0, true), (2.0, false)] {
        let mut tape = tape();
        let task = tape.task("cadvisor", 70, 70);
        let stack = ["_raw_spin_unlock_irq", "css_rstat_flush", "memory_stat_show", "vfs_read"];
        let like = in_kernel(&mut tape, task, &stack);
        tape.sample(20.0, 1, Sample { gap: ms(19.0), ..like });
        slow_call(&mut tape, task, 20.1, 20.0);
        let (time, cpu, filesystem) = (at(20.1), Cpu(1), Filesystem::CgroupV2);
        let more =
            FileCall { time, cpu, filesystem, rstat_waited: ms(waited), ..Default::default() };
        tape.0.file_calls.push(more);
        let f = analyse(&tape.0);
        let (stall, _) = only(&f);
        assert_eq!(stall.cause, Cause::IrqsOff);
        let words = &stall.evidence.words;
        assert_eq!(words.contains("who held them is not known"), told, "{words}");
    }
}

/// A handler that runs while the recording ends: how long it ran in all nobody saw.
#[test]
fn a_softirq_that_outlasts_the_recording_is_told() {
    for (ended, open) in [(20.0, true), (500.0, false)] {
        let mut tape = tape();
        let task = tape.task("worker", 70, 70);
        let like = in_kernel(&mut tape, task, &NET_RX);
        ticks(&mut tape, 0.0, 20, Sample { softirq_vector: Vector::NET_RX, ..like });
        for (n, s) in tape.0.samples.iter_mut().enumerate() {
            s.since_softirq_entry = ms(0.5 + n as f64);
        }
        tape.0.end = Some(at(ended));
        let f = analyse(&tape.0);
        let (stall, _) = only(&f);
        let length = if open { (ms(19.5), Nanos(0)) } else { (ms(20.0), ms(0.5)) };
        let measure = &stall.measures[0];
        assert_eq!(
            (measure.duration, measure.uncertainty, measure.open),
            (length.0, length.1, open)
        );
        assert!(matches!(stall.culprit, Culprit::Softirq { vector: Vector::NET_RX, .. }));
        assert_eq!(f.notes.iter().any(|note| note.contains("longer than told")), open);
        let mut text = Vec::new();
        terminal::stalls(&mut text, &f, Style::default()).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.contains("at least, still running"), open, "{text}");
    }
}

/// `trace_call_bpf()` runs no program inside of another one, whosever it is.
#[test]
fn gaps_that_another_tool_may_have_made_are_told() {
    for (method, told) in [("tracepoint", true), ("kprobe", true), ("raw_tp", false)] {
        let mut tape = tape();
        let method = Some(method.to_owned());
        let hardirq = ProbeStatus { name: "hardirq".into(), method, ..Default::default() };
        tape.0.meta.probes.push(hardirq);
        let task = tape.task("worker", 70, 70);
        let like = in_kernel(&mut tape, task, &WITH_BH_OFF);
        tape.sample(20.0, 1, Sample { gap: ms(19.0), ..like });
        let notes = analyse(&tape.0).notes;
        assert_eq!(notes.iter().any(|n| n.contains("another tool")), told, "{notes:?}");
    }
}

/// To take the probes off can take long where a CPU is without interrupts: that time is no part of
/// the recording, and what began in it was seen in part.
#[test]
fn what_comes_after_the_end_is_no_part_of_a_recording() {
    let mut tape = tape();
    let task = tape.task("worker", 70, 70);
    wait(&mut tape, task, 0.0, 20.0);
    wait(&mut tape, task, 95.0, 20.0);
    wait(&mut tape, task, 150.0, 20.0);
    tape.0.steal.push(Steal { time: at(900.0), cpu: Cpu(1), total: ms(1.0) });
    tape.0.end = Some(at(100.0));
    let f = analyse(&tape.0);
    assert_eq!(f.stalls.len(), 2, "one within, one that was under way");
    assert_eq!(f.window.end, at(115.0), "of a stall all is told");
    tape.0.handoffs.truncate(1);
    assert_eq!(analyse(&tape.0).window.end, at(100.0));
    tape.0.end = None;
    assert_eq!(analyse(&tape.0).window.end, at(900.0), "cut short: the last that is known");
}

/// An interrupt of a higher vector than the timer's comes before the late tick, which then lands in
/// what that one does. The code below it tells who had interrupts off.
#[test]
fn a_gap_that_another_interrupt_ended_is_laid_to_whom_it_interrupted() {
    const ON_TOP: [&str; 4] = [
        "__do_softirq",
        "irq_exit_rcu",
        "sysvec_call_function_single",
        "asm_sysvec_call_function_single",
    ];
    const BELOW: [&str; 2] = ["do_timerfd_settime", "do_syscall_64"];
    // The function that was interrupted is frame 4.
    for (bits, cause) in
        [(1 << 4, Cause::IrqsOff), (1 << 3, Cause::Unexplained), (0, Cause::Unexplained)]
    {
        let mut tape = tape();
        let task = tape.task("setter", 70, 70);
        let like = in_kernel(&mut tape, task, &[&ON_TOP[..], &BELOW[..]].concat());
        tape.sample(20.0, 1, Sample { gap: ms(19.0), irqs_were_off_in: bits, ..like });
        let f = analyse(&tape.0);
        let (stall, _) = only(&f);
        assert_eq!(stall.cause, cause, "{bits:b}");
        if cause == Cause::IrqsOff {
            assert!(matches!(&stall.culprit, Culprit::Task(_)), "{:?}", stall.culprit);
            assert!(stall.evidence.stack.iter().map(|f| &**f).eq(BELOW), "{stall:?}");
        }
    }
}

/// The time is that of whatever keeps the other CPU from answering.
#[test]
fn who_waits_for_another_cpu_is_told_from_who_keeps_that() {
    const WAITS: [&str; 4] =
        ["smp_call_function_many_cond", "on_each_cpu_cond_mask", "ksys_mmap", "do_syscall_64"];
    // On the own CPU the function is run above.
    let runs = [&["flush_tlb_func"], &WAITS[..]].concat();
    for (waiting, ksoftirqd) in [(20, false), (10, true), (9, true)] {
        let mut tape = tape();
        let task = tape.task("worker", 70, 70);
        let waits = in_kernel(&mut tape, task, &WAITS);
        let works = in_kernel(&mut tape, task, &runs);
        ticks(&mut tape, 0.0, waiting, waits);
        ticks(&mut tape, waiting as f64, 20 - waiting, works);
        match ksoftirqd {
            true => wait(&mut tape, task, 0.0, 20.0),
            false => delay(&mut tape, 0.0, 20.0),
        }
        let f = analyse(&tape.0);
        let words = &only(&f).0.evidence.words;
        let told = format!("{waiting} of them found it waiting for other CPUs");
        assert_eq!(words.contains(&told), waiting >= 10, "{words}");
    }
}

/// Hard interrupts that come one after another take the time of whoever is current; none of them is
/// long, and ticks only come between them.
#[test]
fn time_in_hard_interrupts_is_laid_to_no_task() {
    for (in_each, ksoftirqd, unknown) in
        [(0.8, false, true), (0.8, true, true), (0.3, false, false), (0.3, true, false)]
    {
        let mut tape = tape();
        let task = tape.task("worker", 70, 70);
        let like = in_kernel(&mut tape, task, &WITH_BH_OFF);
        ticks(&mut tape, 0.0, 20, Sample { hardirqs: ms(in_each), ..like });
        match ksoftirqd {
            true => wait(&mut tape, task, 0.0, 20.0),
            false => delay(&mut tape, 0.0, 20.0),
        }
        let f = analyse(&tape.0);
        let (stall, named) = only(&f);
        assert_eq!((stall.cause == Cause::Unexplained, named.is_none()), (unknown, unknown));
        let words = &stall.evidence.words;
        assert_eq!(words.contains("15.2 ms of the time between its samples"), unknown, "{words}");
    }
}

/// Whoever had the CPU for a moment while others shared it kept nobody waiting.
#[test]
fn of_several_only_those_that_had_a_share_are_named() {
    let mut tape = tape();
    let tasks = ["one", "two", "third", "moment"].map(|name| tape.task(name, 70, 70));
    for (n, task) in tasks.iter().enumerate() {
        tape.0.tasks[task.0 as usize].tid = Tid(80 + n as u32);
    }
    wait(&mut tape, tasks[0], 0.0, 20.0);
    let first = tape.0.runners[0];
    let ran = [9.0, 9.0, 1.2, 0.8];
    let runner = |(&task, ran)| Runner { task, ran: ms(ran), ..first };
    tape.0.runners = tasks.iter().zip(ran).map(runner).collect();
    let f = analyse(&tape.0);
    let (stall, _) = only(&f);
    let Culprit::Several { tasks } = &stall.culprit else { panic!("{:?}", stall.culprit) };
    assert_eq!(tasks, &["one[80]", "two[81]", "third[82]"]);
    assert!(stall.evidence.words.contains("while 4 tasks took turns"));
}

/// A gap of 19 ms that ends at 20 ms, the late tick on this stack; a slow call of this length around it.
fn gap(stack: &[&str], call: f64, like: impl FnOnce(Sample) -> Sample) -> Findings {
    let mut tape = tape();
    let task = tape.task("worker", 70, 70);
    let sample = in_kernel(&mut tape, task, stack);
    tape.sample(20.0, 1, like(Sample { gap: ms(19.0), since_softirq_entry: ms(300.0), ..sample }));
    slow_call(&mut tape, task, 20.1, call);
    analyse(&tape.0)
}

/// The compiler makes a jump of a handler's last call: the handler's own name is on no stack then.
#[test]
fn a_softirq_that_had_interrupts_off_is_no_task_s() {
    const LOOP: [&str; 3] =
        ["handle_softirqs", "__irq_exit_rcu", "asm_sysvec_apic_timer_interrupt"];
    const TASK: [&str; 3] = ["_raw_spin_unlock_irqrestore", "folio_add_lru", "do_syscall_64"];
    let stack = |handler: &'static str| {
        [&["_raw_spin_unlock_irqrestore", "work", handler][..], &LOOP, &TASK].concat()
    };
    for (handler, last, vector) in [
        ("sched_balance_domains", Vector(7), Some(Vector(7))),
        ("rebalance_domains", Vector(7), Some(Vector(7))),
        ("tasklet_action_common", Vector::TASKLET, Some(Vector::TASKLET)),
        ("tasklet_action_common", Vector::HI, Some(Vector::HI)),
        ("blk_complete_reqs", Vector(4), Some(Vector(4))),
        ("tmigr_handle_remote", Vector(1), Some(Vector(1))),
        ("_nohz_idle_balance.isra.0", Vector(7), Some(Vector(7))),
        ("some_new_handler", Vector(4), None),
    ] {
        let in_it = |s| Sample { since_softirq_entry: ms(19.1), softirq_vector: last, ..s };
        let f = gap(&stack(handler), 30.0, in_it);
        match (&only(&f).0.culprit, vector) {
            (Culprit::Softirq { vector: found, .. }, Some(vector)) => assert_eq!(*found, vector),
            (Culprit::Unknown { .. }, None) => {}
            (other, _) => panic!("{handler}: {other:?}"),
        }
    }
    // Above the loop itself it is the task below that had them off until now.
    let f = gap(&[&LOOP[..], &TASK].concat(), 30.0, |s| s);
    assert_eq!(only(&f).1.unwrap().tid, Tid(70));
}

/// What kept interrupts off before the call began is none of it.
#[test]
fn a_call_answers_for_the_time_since_it_began() {
    const READ: [&str; 3] = ["_raw_spin_unlock_irqrestore", "memory_stat_show", "vfs_read"];
    for (length, named, told) in [(19.0, true, false), (12.0, true, true), (8.0, false, true)] {
        let f = gap(&READ, length, |s| s);
        let (stall, task) = only(&f);
        assert_eq!(task.is_some(), named, "{length}: {stall:?}");
        assert_eq!(stall.evidence.words.contains("begun"), told, "{}", stall.evidence.words);
    }
}

/// Others of its calls, or other files, were seen as well.
#[test]
fn a_call_and_a_file_are_named_by_most_of_the_samples() {
    let named = |calls: [(u32, &str); 20]| {
        let mut tape = tape();
        let task = tape.task("worker", 70, 70);
        for (n, (nr_plus_1, file)) in calls.into_iter().enumerate() {
            let like = in_kernel(&mut tape, task, &WITH_BH_OFF);
            let file = if file.is_empty() { StrId::NONE } else { tape.str(file) };
            let syscall = SyscallId { nr_plus_1, file, ..like.syscall };
            ticks(&mut tape, n as f64, 1, Sample { syscall, ..like });
        }
        delay(&mut tape, 0.0, 20.0);
        let f = analyse(&tape.0);
        let task = only(&f).1.unwrap();
        (task.syscall.clone(), task.file.clone())
    };
    let call = |name: &str| Some(name.to_owned());
    let read = |n: usize| if n < 11 { (1, "/a") } else { (2, "/b") };
    assert_eq!(named(std::array::from_fn(read)), (call("read"), call("/a")));
    let half = |n: usize| if n < 10 { (1, "/a") } else { (2, "/b") };
    assert_eq!(named(std::array::from_fn(half)), (None, None));
    let files = |n: usize| (1, if n < 10 { "/a" } else { "/b" });
    assert_eq!(named(std::array::from_fn(files)), (call("read"), None));
    // Only samples late in a stall look for the file.
    let few = |n: usize| (1, if n < 15 { "" } else { "/a" });
    assert_eq!(named(std::array::from_fn(few)), (call("read"), call("/a")));
}

/// A part of a handoff may have a culprit who made little of the whole.
#[test]
fn who_made_less_than_half_of_a_handoff_did_not_make_it() {
    for (parts, named) in
        [((0.0, 20.0, 0.0), true), ((14.0, 16.0, 15.0), false), ((15.0, 20.0, 0.0), true)]
    {
        let mut tape = tape();
        let task = tape.task("worker", 70, 70);
        let length = parts.0 + parts.1 + parts.2;
        let (time, cpu, ran) = (at(length), Cpu(1), ms(parts.1));
        let (raise_to_wake, wake_to_in, in_to_entry) = (ms(parts.0), ran, ms(parts.2));
        let handoff =
            Handoff { time, cpu, raise_to_wake, wake_to_in, in_to_entry, ..Default::default() };
        tape.0.handoffs.push(Handoff { entered: true, ..handoff });
        tape.0.runners.push(Runner { time, cpu, task, policy: 0, ran, longest: ran, turns: 1 });
        let f = analyse(&tape.0);
        assert_eq!(only(&f).1.is_some(), named, "{parts:?}: {:?}", only(&f).0);
    }
}
