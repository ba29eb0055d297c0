//! Whether a virtual CPU was taken away or had its interrupts off: what the readings of steal time
//! around a gap allow to say.

use stallprof::analysis::analyse;
use stallprof::model::findings::Cause;
use stallprof::model::{Sample, Steal};
use stallprof::units::{Cpu, Nanos};

use super::tape::{PERIOD, START, Tape, at};

const GAP: f64 = 20.0;
const RESTORES: [&str; 3] = ["_raw_spin_unlock_irqrestore", "work", "ret_from_fork"];
const ELSEWHERE: [&str; 2] = ["work", "ret_from_fork"];

fn ms(ms: f64) -> Nanos {
    Nanos((ms * 1e6) as u64)
}

/// A gap from 100 to 120 ms whose late tick lands in a function, and what is read around it.
fn cause(stack: &[&str], read: impl FnOnce(&mut Tape, Sample)) -> Cause {
    let mut tape = Tape::new();
    let meta = &mut tape.0.meta;
    (meta.start, meta.sample_period, meta.stall_threshold) = (START, PERIOD, ms(5.0));
    (meta.gap_threshold, meta.cpus) = (ms(5.0), vec![1]);
    let like = Sample {
        task: tape.task("kworker/1:1", 9, 9),
        kernel_stack: tape.stack(stack, true),
        since_softirq_entry: ms(300.0),
        ..Sample::default()
    };
    tape.sample(100.0 + GAP, 1, Sample { gap: ms(GAP), ..like });
    read(&mut tape, like);
    analyse(&tape.0).stalls[0].cause
}

/// `/proc/stat` at two moments.
fn stat(tape: &mut Tape, before: f64, after: f64, stolen: f64) {
    let reading = |when, total| Steal { time: at(when), cpu: Cpu(1), total };
    tape.0.steal.extend([reading(before, ms(500.0)), reading(after, ms(500.0 + stolen))]);
}

/// What the sampler tells some milliseconds after the gap.
fn told(tape: &mut Tape, like: Sample, later: f64, stolen: f64, over: f64) {
    let sample = Sample { stolen: ms(stolen), stolen_over: ms(over), ..like };
    tape.sample(100.0 + GAP + later, 1, sample);
}

#[test]
fn steal_far_from_a_gap_could_have_been_in_it() {
    let found = cause(&RESTORES, |tape, _| stat(tape, 0.0, 200.0, 20.0));
    assert_eq!(found, Cause::Unexplained);
}

#[test]
fn what_the_kernel_counts_beats_the_steps_of_a_file() {
    // Coarsely read it may have been stolen; the kernel's exact count says that it was not.
    let found = cause(&RESTORES, |tape, like| {
        stat(tape, 0.0, 200.0, 20.0);
        told(tape, like, 11.0, 9.0, 42.0);
    });
    assert_eq!(found, Cause::IrqsOff);
    // And the reverse: the file was read before the kernel had counted.
    let found = cause(&RESTORES, |tape, like| {
        stat(tape, 0.0, 121.0, 0.0);
        stat(tape, 121.5, 160.0, 20.0);
        told(tape, like, 11.0, 19.0, 42.0);
    });
    assert_eq!(found, Cause::Unexplained);
    // Where the CPU idled the sampler tells of a long time, and the file of a short one.
    let found = cause(&RESTORES, |tape, like| {
        stat(tape, 99.0, 131.0, 0.0);
        told(tape, like, 250.0, 30.0, 400.0);
    });
    assert_eq!(found, Cause::IrqsOff);
}

#[test]
fn a_gap_that_must_have_been_stolen_is_no_task_s() {
    // 32 ms have no room for 30 ms of steal time but in the gap.
    let found = cause(&RESTORES, |tape, like| told(tape, like, 11.0, 30.0, 32.0));
    assert_eq!(found, Cause::Stolen);
}

#[test]
fn what_is_told_of_another_gap_is_not_taken() {
    // It reaches back to after the beginning of this gap.
    let found = cause(&RESTORES, |tape, like| told(tape, like, 30.0, 30.0, 40.0));
    assert_eq!(found, Cause::IrqsOff);
}

/// Of fifty gaps in a row at most one or two were stolen; of three it may have been each.
#[test]
fn little_steal_time_does_not_clear_a_storm_of_gaps() {
    for (gaps, expected) in [(50, Cause::IrqsOff), (2, Cause::Unexplained)] {
        let found = cause(&RESTORES, |tape, like| {
            for n in 1..=gaps {
                tape.sample(120.0 + 20.0 * f64::from(n), 1, Sample { gap: ms(19.0), ..like });
            }
            let last = 20.0 * f64::from(gaps);
            told(tape, like, last + 11.0, 19.0, last + 42.0);
        });
        assert_eq!(found, expected, "{gaps} more gaps");
    }
}

#[test]
fn steal_in_one_of_two_gaps_is_laid_to_neither() {
    let found = cause(&ELSEWHERE, |tape, like| {
        tape.sample(130.0, 1, Sample { gap: ms(9.0), ..like });
        told(tape, like, 25.0, 24.0, 60.0);
    });
    assert_eq!(found, Cause::Unexplained);
}

#[test]
fn a_gap_in_steal_time_is_the_hypervisor_s() {
    assert_eq!(cause(&ELSEWHERE, |tape, _| stat(tape, 90.0, 130.0, 20.0)), Cause::Stolen);
    // A step more is possible, but nothing tells of it.
    assert_eq!(cause(&ELSEWHERE, |tape, _| stat(tape, 90.0, 131.0, 10.0)), Cause::Unexplained);
    assert_eq!(cause(&ELSEWHERE, |tape, _| stat(tape, 90.0, 131.0, 0.0)), Cause::Unexplained);
}

#[test]
fn the_task_that_came_did_not_have_interrupts_off_in_the_switch() {
    let switch = ["finish_task_switch.isra.0", "__schedule", "schedule", "ret_from_fork"];
    assert_eq!(cause(&switch, |_, _| {}), Cause::Unexplained);
}

#[test]
fn hard_interrupts_one_after_another_are_no_task_s() {
    let found = cause(&RESTORES, |tape, _| {
        let tick = tape.0.samples.last_mut().unwrap();
        (tick.hardirqs, tick.irqs_were_off) = (ms(17.0), true);
    });
    assert_eq!(found, Cause::Unexplained);
}
