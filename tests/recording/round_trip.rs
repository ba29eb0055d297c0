//! What was written is what is read.

use stallprof::model::event::HistKind;
use stallprof::model::*;
use stallprof::recording::{Writer, read_bytes, write};
use stallprof::units::{Cpu, Ktime, Nanos, Tid};

use crate::examples::{add, assert_same, empty, events, flushes, meta};
use crate::forge::{Random, blocks};

#[test]
fn each_kind_of_event_comes_back_with_each_of_its_fields() {
    let mut expected = empty();
    let mut writer = Writer::new(Vec::new(), &meta()).unwrap();
    for event in events(5) {
        writer.event(event.clone());
        add(&mut expected, event);
    }
    expected.end = Some(Ktime(9));
    let bytes = writer.finish(Ktime(9)).unwrap();
    assert_same(&read_bytes(&bytes).unwrap(), &expected, "each kind");
}

#[test]
fn several_flushes_come_back_as_one_recording() {
    let (bytes, expected) = flushes();
    assert_same(&read_bytes(&bytes).unwrap(), expected.last().unwrap(), "flushes");
}

/// All combinations of the largest, the smallest and numbers in between, next to each other: the
/// differences between rows are then as large as they can be.
#[test]
fn extreme_values_come_back() {
    let longs = [0, u64::MAX, 1, 1 << 63, (1 << 63) - 1, 127, 128, (1 << 56) - 1, 1 << 56];
    let signed = [0, i64::MIN, i64::MAX, -1, 1];
    let mut random = Random(7);
    let mut recording = empty();
    for round in 0..300 {
        let mut long = || longs[random.below(longs.len())];
        let (a, b, c, d) = (long(), long(), long(), long());
        let int = if a & 1 == 0 { 0 } else { u32::MAX };
        recording.samples.push(Sample {
            time: Ktime(round),
            cpu: Cpu(int),
            task: TaskId(int),
            policy: a as u8,
            user_mode: round % 2 == 0,
            syscall: SyscallId { nr_plus_1: int, args: [a, b, c], file: StrId(int) },
            kernel_stack: StackId(int),
            user_stack: StackId(!int),
            pending: a as u16,
            pending_for: Nanos(a),
            ksoftirqd_waits: Nanos(b),
            since_softirq_entry: Nanos(c),
            softirq_vector: Vector(b as u8),
            gap: Nanos(d),
            in_hardirq: Nanos(a),
            hardirqs: Nanos(d),
            stolen: Nanos(c),
            stolen_over: Nanos(d),
            irqs_were_off: round % 3 == 0,
            irqs_were_off_in: b as u16,
            others: 0,
        });
        let ret = signed[(a % 5) as usize];
        let time = Ktime(round);
        recording.syscalls.push(SyscallSlow { time, ret, ..SyscallSlow::default() });
        let kind = [HistKind::SoftirqDelay, HistKind::SoftirqRun, HistKind::KsoftirqdWait];
        let kind = kind[(a % 3) as usize];
        recording.hists.push(HistCount { time, kind, count: d, ..HistCount::default() });
        let kind = [IrqKind::Device, IrqKind::Timer, IrqKind::IrqWork];
        let kind = kind[(b % 3) as usize];
        recording.hardirqs.push(HardIrq { time, kind, irq: int, ..HardIrq::default() });
        recording.tasks.push(Task { start: Ktime(a), kthread: a & 1 == 1, ..Task::default() });
        recording.frames.push(Frame { offset: b, kernel: b & 1 == 1, ..Frame::default() });
        recording.stacks.push(Stack(vec![FrameId(int), FrameId(0), FrameId(round as u32)]));
    }
    recording.strings.extend(["a".into(), "\0\u{1b}[31m ü \u{10ffff}".into(), "x".repeat(60_000)]);
    recording.stacks.push(Stack((0..8000).map(|i| FrameId(i * 7)).collect()));
    recording.end = Some(Ktime(u64::MAX));
    let bytes = write(Vec::new(), &recording).unwrap();
    assert_same(&read_bytes(&bytes).unwrap(), &recording, "extremes");
}

#[test]
fn a_recording_with_nothing_in_it_comes_back() {
    let bytes = Writer::new(Vec::new(), &meta()).unwrap().finish(Ktime(0)).unwrap();
    let nothing = Recording { end: Some(Ktime(0)), ..empty() };
    assert_same(&read_bytes(&bytes).unwrap(), &nothing, "nothing");
}

#[test]
fn names_are_stored_once_and_numbered_from_one() {
    let mut writer = Writer::new(Vec::new(), &meta()).unwrap();
    assert_eq!(writer.string(""), StrId::NONE);
    assert_eq!(writer.stack(&[]), StackId::NONE);
    assert_eq!(writer.buffered(), 0);
    for _ in 0..2 {
        assert_eq!((writer.string("a"), writer.string("b")), (StrId(1), StrId(2)));
        let task = Task { comm: StrId(1), ..Task::default() };
        assert_eq!((writer.task(Task::default()), writer.task(task)), (TaskId(1), TaskId(2)));
        let frame = Frame { kernel: true, ..Frame::default() };
        assert_eq!((writer.frame(frame), writer.frame(Frame::default())), (FrameId(1), FrameId(2)));
        assert_eq!(writer.stack(&[FrameId(2), FrameId(1)]), StackId(1));
        assert_eq!(writer.stack(&[FrameId(1), FrameId(2)]), StackId(2));
        writer.flush().unwrap();
        assert_eq!(writer.buffered(), 0);
    }
    let read = read_bytes(&writer.finish(Ktime(1)).unwrap()).unwrap();
    assert_eq!(read.strings, ["", "a", "b"]);
    assert_eq!((read.tasks.len(), read.frames.len(), read.stacks.len()), (3, 3, 3));
    assert_eq!(read.stack(StackId(2)), [FrameId(1), FrameId(2)]);
}

/// Longer texts than any path lose their end, never half a character of it, and are still known
/// again.
#[test]
fn a_huge_text_is_cut_at_a_character() {
    let mut writer = Writer::new(Vec::new(), &meta()).unwrap();
    let huge = format!("x{}", "ä".repeat(100_000));
    assert_eq!((writer.string(&huge), writer.string(&huge)), (StrId(1), StrId(1)));
    let read = read_bytes(&writer.finish(Ktime(1)).unwrap()).unwrap();
    assert_eq!(read.str(StrId(1)), &huge[..65_535]);
    assert!(read.damage.is_empty());
}

#[test]
fn a_flush_is_one_block_unless_it_is_large() {
    let mut writer = Writer::new(Vec::new(), &meta()).unwrap();
    writer.flush().unwrap();
    writer.event(events(1).remove(0));
    writer.flush().unwrap();
    writer.flush().unwrap();
    let bytes = writer.finish(Ktime(1)).unwrap();
    assert_eq!(blocks(&bytes).len(), 3, "meta, one flush, the end");

    let mut writer = Writer::new(Vec::new(), &meta()).unwrap();
    for n in 0..200_000 {
        writer.event(events(n).remove(0));
    }
    let bytes = writer.finish(Ktime(1)).unwrap();
    let largest = blocks(&bytes).iter().map(|b| u32_at(&bytes, b.0 + 8)).max().unwrap();
    assert!(largest < 4 << 20, "a block of {largest} bytes before compression");
    let read = read_bytes(&bytes).unwrap();
    assert_eq!((read.samples.len(), read.damage.len()), (200_000, 0), "{:?}", read.damage);
}

/// 70 MiB of texts in one flush: each block must still be one that the reader takes.
#[test]
fn many_long_texts_fit_into_blocks() {
    let mut random = Random(3);
    let mut writer = Writer::new(Vec::new(), &meta()).unwrap();
    let mut text = || {
        let noise = (0..60).map(|_| format!("{:016x}", random.next())).collect::<String>();
        noise + &"/".repeat(64_000)
    };
    let texts: Vec<String> = (0..1100).map(|_| text()).collect();
    let ids: Vec<StrId> = texts.iter().map(|text| writer.string(text)).collect();
    let read = read_bytes(&writer.finish(Ktime(1)).unwrap()).unwrap();
    assert_eq!(read.damage, [""; 0]);
    assert!(ids.iter().zip(&texts).all(|(&id, text)| read.str(id) == text));
}

#[test]
fn events_come_back_in_order_of_time() {
    let mut random = Random(11);
    let mut writer = Writer::new(Vec::new(), &meta()).unwrap();
    let mut expected = Vec::new();
    for n in 0..3000_u64 {
        // Near order with ties for the first half, then no order at all.
        let time = if n < 1500 { n / 4 * 4 } else { random.below(6000) as u64 };
        let cpu = Cpu(random.below(3) as u32);
        let sample = Sample { time: Ktime(time), cpu, gap: Nanos(n), ..Sample::default() };
        writer.event(Event::Sample(sample));
        expected.push(sample);
        if n % 700 == 0 {
            writer.flush().unwrap();
        }
    }
    expected.sort_by_key(|sample| (sample.time, sample.gap));
    let read = read_bytes(&writer.finish(Ktime(1)).unwrap()).unwrap();
    assert!(read.samples == expected, "not in order");
}

/// What was read from a damaged file and written anew says so still, and says nothing else.
#[test]
fn damage_is_not_forgotten_when_a_recording_is_written_anew() {
    let (bytes, _) = flushes();
    for cut in [bytes.len() - 5, bytes.len() - blocks(&bytes).last().unwrap().1] {
        let damaged = read_bytes(&bytes[..cut]).unwrap();
        assert_eq!(damaged.damage.len(), 1);
        let again = read_bytes(&write(Vec::new(), &damaged).unwrap()).unwrap();
        assert_same(&again, &damaged, "written anew");
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// A long recording does without the memory of all its stacks: what comes again has a number of its
/// own, and each number still means what it did.
#[test]
fn stacks_that_were_forgotten_come_back() {
    let mut writer = Writer::new(Vec::new(), &meta()).unwrap();
    let mut stack = |name: &str, forget: bool| {
        let function = writer.string(name);
        let frame = writer.frame(Frame { function, kernel: true, ..Frame::default() });
        let stack = writer.stack(&[frame]);
        let sample = Sample { time: Ktime(5), kernel_stack: stack, ..Sample::default() };
        writer.event(Event::Sample(sample));
        if forget {
            writer.forget_stacks();
            writer.flush().unwrap();
        }
    };
    for (name, forget) in [("a", false), ("b", true), ("b", false), ("a", false), ("b", false)] {
        stack(name, forget);
    }
    assert_eq!(writer.names(), 2 + 2 + 2, "two strings, and two stacks of a frame each");
    let recording = read_bytes(&writer.finish(Ktime(9)).unwrap()).unwrap();
    let names: Vec<String> = recording
        .samples
        .iter()
        .map(|s| recording.functions(s.kernel_stack).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(names, ["a", "b", "b", "a", "b"]);
}

/// Nor does it keep all tasks, of which there can be any number.
#[test]
fn tasks_that_were_forgotten_come_back() {
    let mut writer = Writer::new(Vec::new(), &meta()).unwrap();
    for tid in [7, 8, 7] {
        let task = writer.task(Task { tid: Tid(tid), ..Task::default() });
        writer.event(Event::Sample(Sample { time: Ktime(5), task, ..Sample::default() }));
        if tid == 8 {
            writer.forget_tasks();
            writer.flush().unwrap();
        }
    }
    assert_eq!(writer.names(), 1, "the last one");
    let recording = read_bytes(&writer.finish(Ktime(9)).unwrap()).unwrap();
    let tids: Vec<u32> = recording.samples.iter().map(|s| recording.task(s.task).tid.0).collect();
    assert_eq!(tids, [7, 8, 7]);
}
