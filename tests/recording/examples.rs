//! Recordings to test with.

use stallprof::model::event::HistKind;
use stallprof::model::health::{Severity, WindowKind};
use stallprof::model::*;
use stallprof::recording::Writer;
use stallprof::units::{Cpu, Ktime, Nanos, Tgid, Tid};

/// One event of each kind, all fields set, told apart by `n`. No `..Default`: a field added to
/// the model must be added here, and is then seen to be missing from the file.
pub fn events(n: u64) -> Vec<Event> {
    let (time, cpu, small) = (Ktime(1_000_000 + n), Cpu(n as u32 % 7), n as u32 % 100 + 1);
    let (task, vector) = (TaskId(small), Vector(n as u8 % 10));
    let syscall = SyscallId {
        nr_plus_1: small + 1,
        args: [n + 2, u64::MAX - n, n << 40],
        file: StrId(small + 2),
    };
    vec![
        Event::Sample(Sample {
            time,
            cpu,
            task,
            policy: n as u8 % 7 + 1,
            user_mode: true,
            syscall,
            kernel_stack: StackId(small + 3),
            user_stack: StackId(small + 4),
            pending: n as u16 | 8,
            pending_for: Nanos(n + 5),
            ksoftirqd_waits: Nanos(n + 6),
            since_softirq_entry: Nanos(n + 7),
            softirq_vector: vector,
            gap: Nanos(n + 8),
            in_hardirq: Nanos(n + 9),
            hardirqs: Nanos(n + 13),
            stolen: Nanos(n + 11),
            stolen_over: Nanos(n + 12),
            irqs_were_off: true,
            irqs_were_off_in: n as u16 | 4,
            others: 0,
        }),
        Event::SoftirqDelay(SoftirqDelay {
            time,
            cpu,
            vector,
            delay: Nanos(n + 10),
            task,
            entry_stack: StackId(small + 5),
        }),
        Event::SoftirqRun(SoftirqRun { time, cpu, vector, run: Nanos(n + 11), task }),
        Event::Handoff(Handoff {
            time,
            cpu,
            raise_to_wake: Nanos(n + 12),
            wake_to_in: Nanos(n + 13),
            in_to_entry: Nanos(n + 14),
            entered: true,
            served_after: Nanos(n + 15),
            pending: n as u16 | 2,
            preempted: true,
            other_runners: small + 6,
            other_ran: Nanos(n + 16),
        }),
        Event::Runner(Runner {
            time,
            cpu,
            task,
            policy: 2,
            ran: Nanos(n + 17),
            longest: Nanos(n + 11),
            turns: small + 10,
        }),
        Event::HardIrq(HardIrq {
            time,
            cpu,
            kind: IrqKind::IrqWork,
            irq: small + 7,
            name: StrId(small + 8),
            handler: FrameId(small + 9),
            run: Nanos(n + 18),
        }),
        Event::SyscallSlow(SyscallSlow {
            time,
            cpu,
            task,
            syscall,
            duration: Nanos(n + 19),
            on_cpu: Nanos(n + 20),
            slept: true,
            ret: -(n as i64) - 1,
        }),
        Event::FileCall(FileCall {
            time,
            cpu,
            filesystem: Filesystem::CgroupV2,
            rstat_waited: Nanos(n + 26),
            rstat_held: Nanos(n + 27),
            rstat_locks: small + 11,
        }),
        Event::FileReads(FileReads {
            time,
            cpu,
            task,
            filesystem: Filesystem::Proc,
            file: StrId(small + 12),
            reads: n + 28,
            total: Nanos(n + 29),
            on_cpu: Nanos(n + 30),
            slept: n + 31,
            bytes: n + 32,
            at_least: Nanos(n + 33),
        }),
        Event::Steal(Steal { time, cpu, total: Nanos(n + 21) }),
        Event::DyingMemcgs(DyingMemcgs { time, count: n + 25 }),
        Event::Snapshot(Snapshot { time, name: StrId(1), text: StrId(2) }),
        Event::Hist(HistCount {
            time,
            cpu,
            kind: HistKind::KsoftirqdWait,
            vector,
            bucket: small + 10,
            count: n + 22,
        }),
        Event::Lost(Lost {
            time,
            cpu,
            probe: StrId(small),
            ring_full: n + 23,
            rate_limited: n + 24,
            preempted: n + 25,
            unseen: n + 26,
        }),
        Event::RxCpu(RxCpu {
            time,
            cpu,
            processed: n + 26,
            dropped: n + 27,
            squeezed: n + 28,
            rps_wakes: n + 29,
            flow_limited: n + 30,
            backlog_plus_1: small + 31,
            seen: n + 32,
            paused: true,
            unplaced: n + 33,
        }),
        Event::RxRow(RxRow {
            time,
            cpu,
            device: RxDeviceId {
                netns: small + 34,
                ifindex: small + 35,
                name: StrId(small + 36),
                kind: StrId(small + 37),
            },
            queue_plus_1: small + 38,
            packets: n + 39,
            segments: n + 40,
            bytes: n + 41,
            examined: n + 42,
            protocols: std::array::from_fn(|at| n + 43 + at as u64),
            flows: n + 52,
            flows_full: true,
        }),
        Event::RxFlow(RxFlow {
            time,
            cpu,
            netns: small + 53,
            ifindex: small + 54,
            queue_plus_1: small + 55,
            packets: n + 56,
            protocol: 6,
            family: 4,
            source: [n + 57, n + 58],
            destination: [n + 59, u64::MAX - n],
            source_port: n as u16 | 1,
            destination_port: n as u16 | 2,
        }),
        Event::CtDrop(CtDrop {
            time,
            cpu,
            netns: n + 26,
            protocol: small as u8 | 1,
            sent: flow(small),
            translated: flow(small + 40),
            tracked: true,
            status: small + 11,
            reason: StrId(small + 12),
            location: FrameId(small + 13),
            task,
            in_softirq: true,
            stack: StackId(small + 14),
            held_back: n + 27,
        }),
        Event::SynRetransmit(SynRetransmit { time, cpu, netns: n + 28, flow: flow(small), task }),
        Event::CtReading(CtReading {
            time,
            netns: n + 29,
            since: Ktime(n + 30),
            name: StrId(small + 15),
            pid: small + 16,
            cgroup: StrId(small + 17),
            source: StrId(small + 18),
            counters: StrId(small + 19),
            entries: n + 31,
            max: n + 32,
            problem: StrId(small + 20),
            entries_known: true,
            max_known: true,
        }),
        Event::CtGrown(CtGrown {
            time,
            netns: n + 33,
            cpu,
            counter: StrId(small + 21),
            count: n + 34,
        }),
        Event::CtLeftOut(CtLeftOut { time, what: StrId(small + 22) }),
        Event::NatRules(NatRules {
            time,
            netns: n + 35,
            program: StrId(small + 23),
            family: small as u8 + 38,
            rules: n + 36,
            not_random: n + 37,
            example: StrId(small + 24),
            problem: StrId(small + 25),
        }),
        Event::Health(HealthRow {
            time,
            finding: small + 26,
            check: StrId(small + 27),
            severity: Severity::Critical,
            subject: StrId(small + 28),
            value: StrId(small + 29),
            window: WindowKind::TenSeconds,
            window_ns: Nanos(n + 38),
            why: StrId(small + 30),
            prove: StrId(small + 31),
            help: StrId(small + 32),
        }),
        Event::HealthNumber(HealthNumber {
            time,
            finding: small + 33,
            name: StrId(small + 34),
            value: n + 39,
        }),
    ]
}

fn flow(small: u32) -> Flow {
    Flow {
        source: StrId(small + 1),
        source_port: small as u16 + 2,
        target: StrId(small + 3),
        target_port: small as u16 + 4,
    }
}

/// Puts an event where the reader puts it. Not generated from the program's list of tables.
pub fn add(recording: &mut Recording, event: Event) {
    match event {
        Event::Sample(row) => recording.samples.push(row),
        Event::SoftirqDelay(row) => recording.delays.push(row),
        Event::SoftirqRun(row) => recording.runs.push(row),
        Event::Handoff(row) => recording.handoffs.push(row),
        Event::Runner(row) => recording.runners.push(row),
        Event::HardIrq(row) => recording.hardirqs.push(row),
        Event::SyscallSlow(row) => recording.syscalls.push(row),
        Event::FileCall(row) => recording.file_calls.push(row),
        Event::FileReads(row) => recording.file_reads.push(row),
        Event::Steal(row) => recording.steal.push(row),
        Event::DyingMemcgs(row) => recording.dying_memcgs.push(row),
        Event::Snapshot(row) => recording.snapshots.push(row),
        Event::Hist(row) => recording.hists.push(row),
        Event::Lost(row) => recording.lost.push(row),
        Event::RxCpu(row) => recording.rx_cpus.push(row),
        Event::RxRow(row) => recording.rx_rows.push(row),
        Event::RxFlow(row) => recording.rx_flows.push(row),
        Event::CtDrop(row) => recording.ct_drops.push(row),
        Event::SynRetransmit(row) => recording.syn_retransmits.push(row),
        Event::CtReading(row) => recording.ct_readings.push(row),
        Event::CtGrown(row) => recording.ct_grown.push(row),
        Event::CtLeftOut(row) => recording.ct_left_out.push(row),
        Event::NatRules(row) => recording.nat_rules.push(row),
        Event::Health(row) => recording.health.push(row),
        Event::HealthNumber(row) => recording.health_numbers.push(row),
    }
}

pub fn meta() -> Meta {
    Meta {
        version: "0.1.0".into(),
        command: vec!["stallprof".into(), "record".into(), "-C".into(), "11 ä\u{1b}".into()],
        host: "node7".into(),
        cpus: vec![0, 11],
        start: Ktime(999_999),
        start_realtime: u64::MAX,
        pid: Some(0),
        dying_memcgs: Some(23_411),
        probes: vec![ProbeStatus { name: "softirq".into(), ..ProbeStatus::default() }],
        ..Meta::default()
    }
}

/// A recording of several flushes: its bytes, and what a reader must find in it after each block
/// (the first one holds only `meta`, the last one the end).
pub fn flushes() -> (Vec<u8>, Vec<Recording>) {
    let mut expected = vec![empty()];
    let mut writer = Writer::new(Vec::new(), &meta()).unwrap();
    for flush in 0..4_u64 {
        let mut now = expected.last().unwrap().clone();
        let text = format!("name {flush}");
        let comm = writer.string(&text);
        now.strings.push(text);
        let task = Task { tid: Tid(flush as u32), tgid: Tgid(7), comm, ..Task::default() };
        let frame = Frame { function: comm, offset: flush, ..Frame::default() };
        writer.task(task);
        let frame_id = writer.frame(frame);
        writer.stack(&[frame_id, FrameId(1)]);
        now.tasks.push(task);
        now.frames.push(frame);
        now.stacks.push(Stack(vec![frame_id, FrameId(1)]));
        for event in events(flush * 10).into_iter().chain(events(flush * 10 + 1)) {
            writer.event(event.clone());
            add(&mut now, event);
        }
        writer.flush().unwrap();
        expected.push(now);
    }
    let bytes = writer.finish(Ktime(5_000_000)).unwrap();
    let mut last = expected.last().unwrap().clone();
    last.end = Some(Ktime(5_000_000));
    expected.push(last);
    (bytes, expected)
}

/// A recording of which only the first block is left.
pub fn empty() -> Recording {
    Recording {
        meta: meta(),
        strings: vec![String::new()],
        tasks: vec![Task::default()],
        frames: vec![Frame::default()],
        stacks: vec![Stack::default()],
        ..Recording::default()
    }
}

/// Compares two recordings table by table: a test that fails shows the one that differs, and not
/// pages of all others.
#[track_caller]
pub fn assert_same(read: &Recording, expected: &Recording, when: &str) {
    macro_rules! same {
        ($($field:ident),*) => { $(
            if read.$field != expected.$field {
                let (read, expected) = (&read.$field, &expected.$field);
                let (read, expected) = (format!("{read:?}"), format!("{expected:?}"));
                let same = read.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count();
                let part = |text: &str| text.chars().skip(same.saturating_sub(99)).take(300).collect::<String>();
                let name = stringify!($field);
                panic!("{when}: {name} read as ...\n{}\nand not\n{}", part(&read), part(&expected));
            }
        )* };
    }
    same!(meta, strings, tasks, frames, stacks, samples, delays, runs, handoffs, runners);
    same!(
        hardirqs,
        syscalls,
        file_calls,
        file_reads,
        steal,
        dying_memcgs,
        hists,
        lost,
        rx_cpus,
        rx_rows,
        rx_flows,
        end,
        damage
    );
    same!(ct_drops, syn_retransmits, ct_readings, ct_grown, ct_left_out, nat_rules);
    same!(health, health_numbers);
    assert!(read == expected, "{when}: a field of Recording is missing above");
}

/// The same recording with no word on its damage.
pub fn without_damage(recording: &Recording) -> Recording {
    Recording { damage: Vec::new(), ..recording.clone() }
}
