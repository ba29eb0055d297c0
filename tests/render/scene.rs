//! The events of the made-up incident: CPU 11 and the reader of memory.stat, and one stall of
//! each other kind elsewhere.

use super::incident::*;
use super::names::Names;
use super::tape::{PERIOD, START, Tape, at};
use StallKind::*;
use stallprof::model::findings::*;
use stallprof::model::*;
use stallprof::units::Nanos;

/// Length of the stalls on CPU 11 in milliseconds, one every two seconds.
const LENGTHS: [f64; 14] =
    [141.0, 112.0, 140.0, 98.5, 133.0, 151.0, 187.0, 140.0, 87.2, 144.0, 139.0, 122.0, 160.0, 5.3];
const GAPS: [usize; 5] = [0, 3, 6, 9, 12];

pub fn incident(names: &Names) -> Incident {
    let mut tape = Tape::new();
    let r = &mut tape.0;
    r.meta.host = names.host.into();
    r.meta.kernel = "6.1.0-28-amd64".into();
    r.meta.arch = "x86_64".into();
    r.meta.cpus = (0..12).collect();
    r.meta.start = START;
    r.meta.start_realtime = 1_793_882_096_123_456_789;
    r.meta.sample_period = PERIOD;
    r.end = Some(at(30_000.0));
    for (name, text) in [("/proc/loadavg", "0.52 0.40 0.31 2/811 4711\n"), (names.file, names.host)]
    {
        let (name, text) = (tape.str(name), tape.str(text));
        tape.0.snapshots.push(Snapshot { time: at(14_000.0), name, text });
    }
    let mut stalls = Vec::new();
    for (i, length) in LENGTHS.iter().enumerate() {
        let start = 1_000.0 + 2_000.0 * i as f64;
        before(&mut tape, start);
        stalls.push(on_11(&mut tape, names, i, start, *length));
    }
    stalls.extend(elsewhere(&mut tape, names));
    tape.0.samples.sort_by_key(|s| s.time);
    let f = findings(names, &tape.0, stalls);
    Incident { r: tape.0, f }
}

/// Thirty milliseconds of ordinary life on CPU 11.
fn before(tape: &mut Tape, start: f64) {
    let idle = tape.task("swapper/11", 0, 0);
    let ping = tape.task("ping", 812, 812);
    let kubelet = tape.task("kubelet", 2210, 2288);
    let halt = tape.stack(&["pv_native_safe_halt", "default_idle", "do_idle"], true);
    let send = tape.stack(&["ip_output", "raw_sendmsg", "__sys_sendto", "do_syscall_64"], true);
    let user = tape.stack(&["encoding/json.Marshal", "main.main", "runtime.main"], false);
    let sendto = SyscallId { nr_plus_1: 45, ..SyscallId::default() };
    for i in 0..30 {
        let like = match i {
            4 => Sample { task: ping, syscall: sendto, kernel_stack: send, ..Sample::default() },
            12..=19 => {
                Sample { task: kubelet, user_mode: true, user_stack: user, ..Sample::default() }
            }
            _ => Sample { task: idle, kernel_stack: halt, ..Sample::default() },
        };
        tape.sample(start - 30.5 + f64::from(i), 11, like);
    }
}

fn on_11(tape: &mut Tape, names: &Names, i: usize, start: f64, length: f64) -> Stall {
    if i == 13 {
        let why = "no sample fell into it: the sampler was late itself".into();
        let delay = measure(SoftirqDelay, start, length, &[3]);
        let delay = Measure { context: Some(Context::Irq), ..delay };
        let none = evidence(0, 0, &[], "");
        return stall(11, vec![delay], Cause::Unexplained, Culprit::Unknown { why }, none);
    }
    let blamed = [names.function, "seq_read_iter", "vfs_read", "ksys_read", "do_syscall_64"];
    let reader = tape.task(names.comm, 10137, 10137);
    let file = tape.str(names.file);
    let user_stack = tape.stack(&["syscall.Read", "os.ReadFile", "main.main", names.user], false);
    let like = Sample {
        task: reader,
        syscall: SyscallId { nr_plus_1: 1, args: [7, 0, 4096], file },
        user_stack,
        ..Sample::default()
    };
    let culprit = Culprit::Task(names.reader());
    if GAPS.contains(&i) {
        let top = [
            "net_rx_action",
            "handle_softirqs",
            "__irq_exit_rcu",
            "sysvec_apic_timer_interrupt",
            "asm_sysvec_apic_timer_interrupt",
            "_raw_spin_unlock_irqrestore",
        ];
        let kernel_stack = tape.stack(&[&top[..], &blamed[..]].concat(), true);
        let blamed = [&["_raw_spin_unlock_irqrestore"], &blamed[..]].concat();
        let late = Sample { kernel_stack, gap: ms(length), irqs_were_off: true, ..like };
        tape.sample(start + length, 11, late);
        let gap = Measure { uncertainty: PERIOD, ..measure(InterruptGap, start, length, &[]) };
        let words = "no timer interrupt for this long; the first one after it landed where _raw_spin_unlock_irqrestore turned interrupts back on";
        return stall(11, vec![gap], Cause::IrqsOff, culprit, evidence(1, 1, &blamed, words));
    }
    let kernel_stack = tape.stack(&blamed, true);
    let inner = tape.stack(&[&["mem_cgroup_nr_lru_pages"], &blamed[..]].concat(), true);
    for tick in 0..length as usize {
        let t = tick as f64 + 0.4;
        let kernel_stack = if tick / 16 % 3 == 1 { inner } else { kernel_stack };
        let pending_for = ms(t);
        let ksoftirqd_waits = if tick > 100 { ms(t - 100.0) } else { Nanos(0) };
        let waiting =
            Sample { kernel_stack, pending: 1 << 3, pending_for, ksoftirqd_waits, ..like };
        tape.sample(start + t, 11, waiting);
    }
    let delay = measure(SoftirqDelay, start, length, &[1, 3]);
    let mut measures = vec![Measure { context: Some(Context::Ksoftirqd), ..delay }];
    if length > 120.0 {
        let parts = HandoffParts {
            raise_to_wake: ms(99.0),
            wake_to_in: ms(length - 100.0),
            in_to_entry: Nanos(41_000),
            served_after: Nanos(0),
            entered: true,
        };
        let handoff = measure(Handoff, start + 1.0, length - 0.959, &[3]);
        measures.push(Measure { handoff: Some(parts), ..handoff });
    }
    let n = length as usize;
    let words = "the samples found this task in the kernel, interrupts on and ksoftirqd runnable";
    stall(11, measures, Cause::NonPreemptible, culprit, evidence(n, n - 1, &blamed, words))
}

fn elsewhere(tape: &mut Tape, names: &Names) -> Vec<Stall> {
    let mut dsp = task("dsp-worker", 4021, 4033);
    dsp.user_mode = true;
    let unit = Some("audio.service".into());
    dsp.workload = Some(Box::new(Workload { unit, ..Workload::default() }));
    dsp.cgroup = Some("/system.slice/audio.service".into());
    let mut flush = task("kworker/6:2-cgroup_destroy", 88, 88);
    flush.work = Some("flush_memcg_stats_dwork".into());
    flush.cgroup = Some("/".into());
    let irq = Culprit::HardIrq {
        kind: "device",
        irq: Some(67),
        name: Some(names.irq.into()),
        handler: Some("ixgbe_msix_clean_rings".into()),
    };
    let poll = ["ixgbe_clean_rx_irq", "ixgbe_poll", "__napi_poll", "net_rx_action", "__do_softirq"];
    let poll_stack = tape.stack(&poll, true);
    let idle = tape.task("swapper/3", 0, 0);
    for tick in 0..12 {
        let like = Sample { task: idle, kernel_stack: poll_stack, ..Sample::default() };
        tape.sample(8_000.2 + f64::from(tick), 3, like);
    }
    // The ticks that ended the gaps of CPUs 4 and 6 landed on innocent tasks.
    let nginx = tape.task("nginx", 77, 77);
    for (cpu, time, gap) in [(4, 9_124.0, 24.0), (6, 9_309.0, 9.0)] {
        let like = Sample { task: nginx, user_mode: true, gap: ms(gap), ..Sample::default() };
        tape.sample(time, cpu, like);
    }
    let spinner = tape.task("dsp-worker", 4021, 4033);
    for tick in 0..31 {
        let waits = ms(f64::from(tick) + 0.3);
        let like = Sample {
            task: spinner,
            user_mode: true,
            policy: 1,
            ksoftirqd_waits: waits,
            ..Sample::default()
        };
        tape.sample(9_000.3 + f64::from(tick), 3, like);
    }
    let hog =
        Culprit::Softirq { vector: Vector::NET_RX, function: Some("ixgbe_clean_rx_irq".into()) };
    let parts = |ms_in: f64| HandoffParts {
        raise_to_wake: Nanos(9_000),
        wake_to_in: ms(ms_in),
        in_to_entry: Nanos(12_000),
        served_after: ms(4.0),
        entered: false,
    };
    let handoff = |start: f64, length: f64| Measure {
        handoff: Some(parts(length)),
        ..measure(Handoff, start, length, &[3, 9])
    };
    let several = Culprit::Several {
        tasks: vec!["java[312]".into(), "nginx[77]".into(), "nginx[78]".into()],
    };
    let rt = Evidence {
        ran: ms(30.9),
        ..evidence(31, 31, &[], "it ran at SCHED_FIFO while ksoftirqd was runnable")
    };
    vec![
        stall(
            3,
            vec![measure(SoftirqRun, 8_000.0, 12.0, &[3])],
            Cause::SoftirqHog,
            hog,
            evidence(12, 12, &poll, ""),
        ),
        stall(3, vec![handoff(9_000.0, 31.0)], Cause::StarvedByRt, Culprit::Task(dsp), rt),
        stall(
            4,
            vec![measure(InterruptGap, 9_100.0, 24.0, &[])],
            Cause::Stolen,
            Culprit::Hypervisor,
            evidence(
                1,
                1,
                &[],
                "the CPU took no interrupt for 24.0 ms, and the hypervisor counted 20.0 ms of steal time around it",
            ),
        ),
        stall(
            5,
            vec![handoff(9_200.0, 18.0)],
            Cause::StarvedByTasks,
            several,
            evidence(18, 11, &[], ""),
        ),
        stall(
            6,
            vec![measure(InterruptGap, 9_300.0, 9.0, &[])],
            Cause::HardIrq,
            irq,
            evidence(1, 1, &[], ""),
        ),
        stall(
            6,
            vec![measure(InterruptGap, 9_900.0, 29.0, &[])],
            Cause::IrqsOff,
            Culprit::Task(flush),
            evidence(
                1,
                1,
                &[
                    "cgroup_rstat_flush_locked",
                    "mem_cgroup_flush_stats",
                    "flush_memcg_stats_dwork",
                    "process_one_work",
                ],
                "",
            ),
        ),
    ]
}
