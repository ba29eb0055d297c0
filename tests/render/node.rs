//! A made-up node: packets received, connections that lost their first packet, slow files.

use super::incident::Incident;
use super::names::Names;
use super::tape::{PERIOD, START, Tape, at};
use stallprof::analysis::analyse;
use stallprof::model::*;
use stallprof::units::{Cpu, Nanos};

const HOST: u64 = 4_026_531_833;
const POD: u64 = 4_026_532_386;
/// `enum ip_conntrack_status`: sources translated, and the hook that translates them behind it.
const SNAT: u32 = 1 << 4 | 1 << 7;
const CPUS: u32 = 12;

fn ms(ms: u64) -> Nanos {
    Nanos::from_millis(ms)
}

/// Ten seconds of a node with everything that these figures show.
pub fn recording(names: &Names) -> Incident {
    let mut tape = Tape::new();
    let meta = &mut tape.0.meta;
    (meta.host, meta.kernel) = (names.host.into(), "6.12.0".into());
    (meta.arch, meta.start) = ("x86_64".into(), START);
    (meta.start_realtime, meta.sample_period) = (1_793_882_096_123_456_789, PERIOD);
    (meta.stall_threshold, meta.syscall_min) = (ms(5), ms(5));
    meta.cpus = (0..CPUS).collect();
    meta.cpus_online = (0..CPUS).collect();
    meta.netns = Some(4_026_531_840);
    meta.dying_memcgs = Some(19_204);
    for name in ["softirq", "syscall", "rstat", "memcg", "rxpath", "ct_stats", "conntrack"] {
        let method = Some("tp_btf".to_owned());
        meta.probes.push(ProbeStatus { name: name.into(), method, ..Default::default() });
    }
    tape.0.end = Some(at(10_000.0));
    packets(&mut tape, names);
    connections(&mut tape, names);
    files(&mut tape, names);
    let r = tape.0;
    Incident { f: analyse(&r), r }
}

/// Eight queues of one device with most on queue 5; a veth elsewhere without queues.
fn packets(tape: &mut Tape, names: &Names) {
    let time = at(9_000.0);
    let (eth0, kind, veth) = (tape.str("eth0"), tape.str("veth"), tape.str(names.irq));
    let nic = RxDeviceId { netns: 4_026_531_840, ifindex: 2, name: eth0, kind: StrId::NONE };
    let other = RxDeviceId { netns: 4_026_532_386, ifindex: 7, name: veth, kind };
    let mut row = |device, cpu: u32, queue_plus_1, packets: u64, protocols| {
        let (cpu, flows) = (Cpu(cpu), 3 + packets / 9_000);
        let (segments, bytes, examined) = (packets * 3 / 2, packets * 812, packets / 16);
        tape.0.rx_rows.push(RxRow {
            time,
            cpu,
            device,
            queue_plus_1,
            packets,
            segments,
            bytes,
            examined,
            protocols,
            flows,
            flows_full: false,
        });
    };
    for queue in 0..8 {
        let packets = [12_000, 9_100, 61_000, 8_800, 11_000, 940_000, 300, 31_000][queue as usize];
        let mut protocols = [0; 9];
        (protocols[0], protocols[2]) = (packets - packets / 10, packets / 10);
        row(nic, queue, queue + 1, packets, protocols);
    }
    row(nic, 11, 6, 2_000, [2_000, 0, 0, 0, 0, 0, 0, 0, 0]);
    row(other, 3, 0, 40_000, [0, 40_000, 0, 0, 0, 0, 0, 0, 0]);
    for (protocol, packets, source_port) in [(1, 94_000, 0), (6, 310_000, 41_234)] {
        tape.0.rx_flows.push(RxFlow {
            time,
            cpu: Cpu(5),
            netns: 4_026_531_840,
            ifindex: 2,
            queue_plus_1: 6,
            packets,
            protocol,
            family: 4,
            source: [0, 0xac10_2f1b],
            destination: [0, 0x0a7d_1440],
            source_port,
            destination_port: 443,
        });
    }
    for cpu in 0..CPUS {
        let own = tape.0.rx_rows.iter().filter(|r| r.cpu.0 == cpu).map(|r| r.packets);
        let (processed, squeezed) = (own.sum(), u64::from(cpu == 5) * 91);
        let row = RxCpu { time, cpu: Cpu(cpu), processed, squeezed, ..RxCpu::default() };
        tape.0.rx_cpus.push(RxCpu { seen: processed, ..row });
    }
    // The CPU that receives most is the one that stalls.
    for n in 0..4 {
        let (time, delay) = (at(1_900.0 + 2_000.0 * f64::from(n)), ms(60));
        let vector = Vector(3);
        let late = SoftirqDelay { time, cpu: Cpu(5), delay, vector, ..Default::default() };
        tape.0.delays.push(late);
    }
}

/// A reading a second, one of them useless; races at 2.3 and 6.4 s.
fn connections(tape: &mut Tape, names: &Names) {
    let (host, pod) = (tape.str("host"), tape.str(names.comm));
    let source = tape.str("ctnetlink");
    let counters = tape.str("new insert_failed drop early_drop clash_resolve");
    let reset = tape.str("insert_failed fell from 5 to 0: reset");
    for second in 0..=10u64 {
        let time = at(second as f64 * 1_000.0);
        let since = if second > 0 { at((second - 1) as f64 * 1_000.0) } else { Default::default() };
        let problem = if second == 5 { reset } else { StrId::NONE };
        let entries = 1_100 + second * 37;
        let row = CtReading {
            time,
            since,
            source,
            counters,
            entries,
            max: 262_144,
            ..Default::default()
        };
        tape.0.ct_readings.push(CtReading { netns: HOST, name: host, problem, ..row });
        if second % 10 == 0 {
            let since = if second > 0 { at(0.0) } else { Default::default() };
            tape.0.ct_readings.push(CtReading { netns: POD, name: pod, since, ..row });
        }
    }
    let mut grew = |second: f64, netns, counter: &str, count| {
        let counter = tape.str(counter);
        let time = at(second * 1_000.0);
        tape.0.ct_grown.push(CtGrown { time, netns, cpu: Cpu(3), counter, count });
    };
    for (second, failed, early) in [(3.0, 3, 0), (7.0, 4, 0), (8.0, 0, 2)] {
        for (counter, count) in [("insert_failed", failed), ("drop", failed), ("early_drop", early)]
        {
            grew(second, HOST, counter, count);
        }
        grew(second, HOST, "new", 140);
    }
    grew(10.0, POD, "clash_resolve", 12);
    grew(10.0, POD, "insert_failed", 1);
    grew(10.0, POD, "drop", 1);
    let client = tape.task(names.comm, 911, 914);
    let [source, nat, target] =
        ["10.244.1.17", "172.16.47.27", "10.0.1.9"].map(|address| tape.str(address));
    let stack = tape.stack(&["sk_skb_reason_drop", "nf_hook_slow", "ip_output"], true);
    let drops = [
        (2_300.0, HOST, 6, Some(1_031.0)),
        (2_301.0, HOST, 6, Some(1_029.0)),
        (2_304.0, HOST, 17, None),
        (4_400.0, HOST, 6, None),
        (6_400.0, HOST, 6, Some(3_090.0)),
        (6_410.0, HOST, 6, Some(1_040.0)),
        (6_410.0, HOST, 6, None),
        (6_890.0, HOST, 6, Some(1_025.0)),
        (7_500.0, POD, 6, Some(1_030.0)),
    ];
    for (port, (drop, netns, protocol, again)) in (41_234..).zip(drops) {
        let sent = Flow { source, source_port: port, target, target_port: 80 };
        let translated = Flow { source: nat, ..sent };
        let (time, cpu) = (at(drop), Cpu(3));
        tape.0.ct_drops.push(CtDrop {
            time,
            cpu,
            netns,
            protocol,
            sent,
            translated,
            tracked: true,
            status: SNAT,
            stack,
            ..CtDrop::default()
        });
        if let Some(after) = again {
            let (time, netns, task) = (at(drop + after), POD, client);
            let syn = SynRetransmit { time, cpu, netns, flow: sent, task };
            tape.0.syn_retransmits.push(syn);
        }
    }
    tape.0.syn_retransmits.sort_by_key(|syn| syn.time);
}

/// Two readers of memory.stat, one of smaps that sleeps; ever more dying memory cgroups.
fn files(tape: &mut Tape, names: &Names) {
    let [a, b, c] = [("agent", 70), (names.comm, 2_840), ("ps", 99)]
        .map(|(comm, pid)| tape.task(comm, pid, pid));
    let stat = tape.str(names.file);
    let root = tape.str("/sys/fs/cgroup/memory/memory.stat");
    let smaps = tape.str("/proc/4021/smaps");
    for n in 0..38u64 {
        let (task, file, length, slept) = match n % 4 {
            0 => (b, root, 60 + n * 3, false),
            1 => (a, root, 11 + n % 7 * 2, false),
            2 => (b, stat, 48 + n * 2, false),
            _ => (c, smaps, 7 + n % 5, true),
        };
        let (time, duration) = (at(200.0 + 253.0 * n as f64), ms(length));
        let syscall = SyscallId { nr_plus_1: 1, file, ..SyscallId::default() };
        let on_cpu = if slept { ms(2) } else { duration };
        let cpu = Cpu(n as u32 % 3);
        let call = SyscallSlow { time, cpu, task, syscall, duration, on_cpu, slept, ret: 4_096 };
        tape.0.syscalls.push(call);
        let filesystem = if task == c { Filesystem::Proc } else { Filesystem::CgroupV1 };
        tape.0.file_calls.push(FileCall {
            time,
            cpu,
            filesystem,
            rstat_waited: ms(1),
            rstat_held: ms(length - 2),
            rstat_locks: 2,
        });
        let row = FileReads { time, cpu, task, filesystem, file, ..FileReads::default() };
        tape.0.file_reads.push(FileReads {
            reads: 3,
            total: duration,
            on_cpu,
            bytes: 12_288,
            ..row
        });
        if n % 4 == 0 {
            let (time, count) = (at(250.0 * n as f64 + 400.0), 19_300 + n * 111);
            tape.0.dying_memcgs.push(DyingMemcgs { time, count });
        }
    }
}
