//! Findings of recordings with more stalls, or longer names, than there is room to tell.

use stallprof::analysis::analyse;
use stallprof::model::findings::{Cause, Culprit, Stall};
use stallprof::model::*;
use stallprof::units::{Cpu, Ktime, Nanos, Tgid, Tid};

use crate::examples::meta;
use crate::memory::peak;

/// Interrupt gaps one after another, each a bit longer than the one before, with a stack of so many
/// functions that no other has, below the one that turned interrupts back on.
fn gaps(stalls: u32, depth: u32, names: &[&str]) -> Recording {
    let (ms, step) = (1_000_000, 20_000_000);
    let meta = Meta { sample_period: Nanos(ms), stall_threshold: Nanos(5 * ms), ..meta() };
    let mut strings = vec![String::new(), "_raw_spin_unlock_irqrestore".to_owned()];
    strings.extend(names.iter().map(|name| (*name).to_owned()));
    let kernel = |function| Frame { function: StrId(function), kernel: true, ..Frame::default() };
    let mut frames = vec![Frame::default()];
    frames.extend((1..strings.len() as u32).map(kernel));
    let task = Task { tid: Tid(7), tgid: Tgid(7), comm: StrId(2), ..Task::default() };
    // No two stacks of the same functions: the innermost ones spell their number.
    let stack = |n: u32| {
        let digits = (0..16).map(move |bit| FrameId(2 + (n >> bit & 1)));
        let outer = (16..depth).map(|_| FrameId(2));
        Stack([FrameId(1)].into_iter().chain(digits).chain(outer).collect())
    };
    let sample = |n: u32| Sample {
        time: Ktime(meta.start.0 + u64::from(n + 1) * step),
        cpu: Cpu(1),
        task: TaskId(1),
        kernel_stack: StackId(n + 1),
        gap: Nanos(6 * ms + u64::from(n)),
        ..Sample::default()
    };
    Recording {
        samples: (0..stalls).map(sample).collect(),
        stacks: [Stack::default()].into_iter().chain((0..stalls).map(stack)).collect(),
        tasks: vec![Task::default(), task],
        end: Some(Ktime(meta.start.0 + u64::from(stalls + 1) * step)),
        strings,
        frames,
        meta,
        ..Recording::default()
    }
}

fn longest_first(stalls: &[Stall]) -> Vec<&Stall> {
    let mut all: Vec<&Stall> = stalls.iter().collect();
    all.sort_by_key(|s| std::cmp::Reverse(s.duration));
    all
}

#[test]
fn of_too_many_stacks_those_of_the_longest_stalls_are_told() {
    let recording = gaps(20_000, 300, &["held_by", "called_by"]);
    let (f, most) = peak(|| analyse(&recording));
    // Spelled out they would be 96 MB, with a text for each function 300.
    assert!(most < 100 << 20, "{most} bytes");
    let all = longest_first(&f.stalls);
    let with = all.iter().take_while(|s| s.evidence.stack.len() == 301).count();
    assert!(with > 5_000, "{with}");
    assert!(all[with..].iter().all(|s| s.evidence.stack.is_empty()));
    assert!(all.iter().all(|s| s.cause == Cause::IrqsOff && s.evidence.function.is_some()));
    let note = format!("{} of the shortest have no stack", 20_000 - with);
    assert!(f.notes.iter().any(|n| n.contains(&note)), "{:?}", f.notes);
}

#[test]
fn long_names_do_not_fill_the_memory() {
    let name = "x".repeat(60_000);
    let recording = gaps(3_000, 300, &[&name, "called_by"]);
    let (f, most) = peak(|| analyse(&recording));
    assert!(most < 150 << 20, "{most} bytes");
    let all = longest_first(&f.stalls);
    let named = |s: &&&Stall| matches!(&s.culprit, Culprit::Task(task) if task.comm == name);
    let with = all.iter().take_while(named).count();
    assert!(with > 100 && with < 1_000, "{with}");
    let rest = &all[with..];
    assert!(rest.iter().all(|s| s.cause == Cause::Unexplained && s.evidence.words.is_empty()));
    let note = format!("{} of the shortest are told without who did them", 3_000 - with);
    assert!(f.notes.iter().any(|n| n.contains(&note)), "{:?}", f.notes);
}

#[test]
fn equal_stacks_are_held_once() {
    let mut recording = gaps(40_000, 60, &["held_by", "called_by"]);
    recording.samples.iter_mut().for_each(|s| s.kernel_stack = StackId(1));
    let f = analyse(&recording);
    let first = &f.stalls[0].evidence.stack;
    assert!(f.stalls.iter().all(|s| std::ptr::eq(&s.evidence.stack[..], &first[..])));
    assert!(!f.notes.iter().any(|n| n.contains("no room")), "{:?}", f.notes);
}

#[test]
fn of_too_many_stalls_the_longest_are_told() {
    let recording = gaps(70_000, 0, &["held_by", "called_by"]);
    let f = analyse(&recording);
    assert_eq!(f.stalls.len(), 65_536);
    assert!(f.stalls.iter().all(|s| s.duration.0 >= 6_000_000 + 70_000 - 65_536));
    let note = "4464 of the shortest are left out";
    assert!(f.notes.iter().any(|n| n.contains(note)), "{:?}", f.notes);
}
