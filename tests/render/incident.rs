//! A made-up but lifelike recording and what the analysis would find in it: each kind of culprit,
//! cause and measure, every optional field filled at least once.

use super::files;
use super::names::Names;
use super::tape::{PERIOD, START, at};
use stallprof::analysis::told;
use stallprof::model::findings::*;
use stallprof::model::meta::PastLimit;
use stallprof::model::*;
use stallprof::units::{Cpu, Ktime, Nanos, Tgid, Tid};

pub struct Incident {
    pub r: Recording,
    pub f: Findings,
}

pub fn ms(ms: f64) -> Nanos {
    Nanos((ms * 1e6) as u64)
}

pub fn task(comm: &str, tgid: u32, tid: u32) -> TaskCulprit {
    TaskCulprit {
        process: None,
        tid: Tid(tid),
        tgid: Tgid(tgid),
        comm: comm.to_owned(),
        start: Ktime(u64::from(tid) * 1_000_000),
        cgroup: None,
        workload: None,
        syscall: None,
        file: None,
        work: None,
        user_mode: false,
    }
}

pub fn measure(kind: StallKind, start: f64, duration: f64, vectors: &[u8]) -> Measure {
    Measure {
        kind,
        start: at(start),
        duration: ms(duration),
        uncertainty: Nanos(0),
        vectors: vectors.iter().map(|&v| Vector(v)).collect(),
        handoff: None,
        context: None,
        open: false,
    }
}

pub fn evidence(samples: usize, agree: usize, stack: &[&str], words: &str) -> Evidence {
    Evidence {
        samples,
        agree,
        ran: Nanos(0),
        function: stack.first().map(|&s| s.to_owned()),
        stack: stack.iter().map(|&s| s.into()).collect(),
        words: words.to_owned(),
    }
}

pub fn stall(
    cpu: u32,
    measures: Vec<Measure>,
    cause: Cause,
    culprit: Culprit,
    e: Evidence,
) -> Stall {
    Stall {
        id: 0,
        cpu: Cpu(cpu),
        start: measures[0].start,
        duration: measures[0].duration,
        measures,
        cause,
        culprit,
        evidence: e,
    }
}

/// What the analysis does with a list of stalls, in short.
fn groups(stalls: &[Stall]) -> Vec<CulpritGroup> {
    let mut groups: Vec<CulpritGroup> = Vec::new();
    for s in stalls {
        let harmless = s.served_meanwhile();
        let same = |g: &&mut CulpritGroup| {
            (g.served_meanwhile, &g.culprit, g.cause) == (harmless, &s.culprit, s.cause)
        };
        if let Some(g) = groups.iter_mut().find(same) {
            g.stalls.push(s.id);
            g.total = g.total + s.duration;
            if !g.cpus.contains(&s.cpu) {
                g.cpus.push(s.cpu);
            }
            if s.duration > g.worst {
                (g.worst, g.stack) = (s.duration, s.evidence.stack.clone());
            }
        } else {
            groups.push(CulpritGroup {
                culprit: s.culprit.clone(),
                cause: s.cause,
                served_meanwhile: harmless,
                cpus: vec![s.cpu],
                stalls: vec![s.id],
                total: s.duration,
                median: s.duration,
                worst: s.duration,
                stack: s.evidence.stack.clone(),
            });
        }
    }
    for g in &mut groups {
        let of = |id: &usize| stalls.iter().find(|s| s.id == *id).unwrap().duration;
        let mut all: Vec<Nanos> = g.stalls.iter().map(of).collect();
        all.sort_unstable();
        g.median = all[(all.len() - 1) / 2];
    }
    groups.sort_by_key(|g| (g.served_meanwhile, std::cmp::Reverse(g.total)));
    groups
}

fn summary(cpu: u32, stalls: &[Stall], r: &Recording, culprits: Vec<CpuCulprit>) -> CpuSummary {
    let mine = || stalls.iter().filter(|s| s.cpu.0 == cpu);
    let own: Vec<&Stall> = mine().collect();
    let harmed = || mine().filter(|s| !s.served_meanwhile());
    CpuSummary {
        cpu: Cpu(cpu),
        stalls: mine().count(),
        served_meanwhile: mine().count() - harmed().count(),
        worst: mine().map(|s| s.rank()).max().unwrap_or_default().1,
        total: harmed().map(|s| s.duration).sum(),
        samples: r.samples.iter().filter(|s| s.cpu.0 == cpu).count(),
        kinds: told::kinds(&own),
        waited: told::waited(&own),
        pending: told::pending(&own),
        culprits,
    }
}

fn latency(what: &'static str, cpu: u32, vector: Option<u8>, count: u64, us: [f64; 4]) -> Latency {
    let [p50, p99, p999, max] = us.map(|us| Nanos((us * 1e3) as u64));
    Latency { what, cpu: Cpu(cpu), vector: vector.map(Vector), count, p50, p99, p999, max }
}

fn latencies() -> Vec<Latency> {
    let mut all = Vec::new();
    for cpu in 0..12 {
        let (n, s) = (u64::from(cpu) * 7_919, f64::from(cpu));
        all.push(latency(
            "softirq_delay",
            cpu,
            Some(1),
            7_500 + n,
            [2.0 + s, 21.0, 88.0, 940.0 + s],
        ));
        let worst =
            if cpu == 11 { [12.0, 140e3, 187e3, 187e3] } else { [8.0, 60.0 + s, 300.0, 990.0 + s] };
        all.push(latency("softirq_delay", cpu, Some(3), 3_204_112 + n, worst));
        all.push(latency(
            "softirq_run",
            cpu,
            Some(3),
            3_204_112 + n,
            [4.0, 90.0, 210.0, if cpu == 3 { 12.1e3 } else { 800.0 }],
        ));
        if cpu % 4 == 3 {
            all.push(latency(
                "ksoftirqd_wait",
                cpu,
                None,
                341 + n,
                [35.0, 2_100.0, 9_000.0, 11_400.0 + s * 2e3],
            ));
        }
    }
    all
}

fn probe(name: &str, measures: &str, method: Option<&str>, reason: Option<&str>) -> ProbeStatus {
    ProbeStatus {
        name: name.into(),
        measures: measures.into(),
        method: method.map(Into::into),
        reason: reason.map(Into::into),
        refused: Vec::new(),
    }
}

/// The findings around a list of stalls.
pub fn findings(names: &Names, r: &Recording, mut stalls: Vec<Stall>) -> Findings {
    stalls.sort_by_key(|s| (s.start, s.cpu));
    for (i, s) in stalls.iter_mut().enumerate() {
        s.id = i + 1;
    }
    let call =
        |task: TaskCulprit, calls: usize, median: f64, worst: f64, share: f64| SlowCallGroup {
            task,
            calls,
            worst: ms(worst),
            median: ms(median),
            total: ms(median * calls as f64),
            on_cpu: ms(median * calls as f64 * share),
            slept: if share < 0.5 { calls } else { 0 },
            cpus: vec![Cpu(3), Cpu(11)],
            filesystem: (share > 0.9).then_some("cgroup"),
        };
    let mut kubelet = task("kubelet", 2210, 2288);
    kubelet.syscall = Some("openat".into());
    kubelet.file = Some(format!("/sys/fs/cgroup/{}/memory.stat", names.pod_cgroup));
    let mut etcd = task("etcd", 1801, 1801);
    etcd.syscall = Some("fdatasync".into());
    etcd.file = Some("/var/lib/etcd/member/wal/0000000000000a31-0000000001c2f0aa.wal".into());
    let culprits = groups(&stalls);
    let mut by_cpu = told::culprits(&stalls, &culprits, Some(23_411));
    let mut own = |cpu| by_cpu.remove(&Cpu(cpu)).unwrap_or_default();
    Findings {
        schema: SCHEMA,
        recorded_by: "0.1.0".into(),
        build: Some("0123456789ab+".into()),
        incident: Some(kept(names, r)),
        command: ["stallprof", "record", "-d", "30"].map(String::from).into(),
        host: Host {
            name: names.host.into(),
            kernel: "6.1.0-28-amd64".into(),
            preemption: Some("voluntary".into()),
            dying_memcgs: Some(23_411),
            no_steal_time: false,
        },
        window: Window {
            start: START,
            end: at(30_000.0),
            start_realtime: r.meta.start_realtime,
            complete: true,
        },
        options: Options {
            stall_threshold: ms(5.0),
            gap_threshold: ms(5.0),
            sample_period: PERIOD,
            syscall_min: ms(2.0),
        },
        cpus: (0..12).map(|cpu| summary(cpu, &stalls, r, own(cpu))).collect(),
        culprits,
        latencies: latencies(),
        slow_calls: vec![
            call(names.reader(), 13, 140.0, 187.0, 0.99),
            call(etcd, 1_204, 4.1, 22.0, 0.0004),
            call(kubelet, 3, 11.0, 14.2, 0.61),
        ],
        slow_files: files::slow(names),
        slow_file_calls: files::calls(names),
        file_reads: files::reads(names),
        dying_trend: Some(files::trend()),
        advice: vec!["Read memory.stat less often than 240 times a minute.".into()],
        received: Some(received(names)),
        stalls,
        conntrack: Some(super::tracked::conntrack(names)),
        health: Some(super::health::health(names)),
        lost: vec![
            LostRecords {
                probe: "softirq".into(),
                ring_full: 1_203,
                rate_limited: 40,
                preempted: 2,
                unseen: 3,
            },
            LostRecords { probe: "sampler".into(), ..LostRecords::default() },
        ],
        probes: vec![
            probe("softirq", "softirq delays", Some("tp_btf"), None),
            probe("memcg", "reads of cgroup files", Some("fentry"), None),
            probe("sampler", "interrupt gaps and culprits", Some("perf_event"), None),
            ProbeStatus {
                refused: vec![Refusal {
                    method: "tp_btf".into(),
                    reason: "no kernel BTF for it".into(),
                }],
                ..probe("syscall", "slow system calls", Some("raw_tp"), None)
            },
            probe("hardirq", "hard interrupts", None, Some("tracepoint irq:irq_handler_entry: Permission denied (os error 13)")),
        ],
        notes: vec![
            "The sampler ticks 1,000 times a second on each CPU. On kernels from 6.5 on its own interrupt exits run pending softirqs, so delays without it may be longer than those shown.".into(),
        ],
    }
}

/// Why a daemon would have kept it.
fn kept(names: &Names, r: &Recording) -> KeptIncident {
    let (trigger, unit) = (format!("read of {} took 187 ms", names.file), "ns".into());
    let parts = r
        .snapshots
        .iter()
        .map(|s| SnapshotPart { name: r.str(s.name).into(), bytes: r.str(s.text).len() });
    KeptIncident {
        id: "20261105T123509.123Z".into(),
        trigger,
        time: r.meta.start_realtime + 13_000_000_000,
        cause: "slow_cgroup_read".into(),
        culprit: names.comm.into(),
        past: Some(PastLimit { value: 187_000_000, limit: 50_000_000, unit }),
        snapshot: parts.collect(),
    }
}

/// CPU 11 has nearly all packets of eth0, and the pings among them.
fn received(names: &Names) -> Received {
    let cpu = |cpu: u32, packets: u64, hurts: Option<&str>| ReceivedCpu {
        cpu: Cpu(cpu),
        packets,
        dropped: 12 * u64::from(cpu == 11),
        flow_limited: 0,
        squeezed: 3,
        rps_wakes: 0,
        backlog: Some(0),
        hurts: hurts.map(str::to_owned),
    };
    let place = |queue: u32, packets: u64, margin: u64| Place {
        queue: Some(queue),
        cpu: Cpu(queue),
        packets,
        margin,
        bytes: packets * 800,
        flows: 120,
        flows_full: false,
        flows_missed: false,
        protocols: Protocols { tcp: packets, ..Protocols::default() },
    };
    let hurts = "it receives 94\u{a0}% of the packets of eth0 (rx queue 11), among them ICMP \
                 172.16.47.27 -> 10.125.20.64";
    let balance = |variation, worst_by_mean| Some(Balance { variation, worst_by_mean });
    Received {
        balance: balance(2.9, 10.8),
        cpus: (0..12)
            .map(|n| cpu(n, if n == 11 { 940_000 } else { 9_000 }, (n == 11).then_some(hurts)))
            .collect(),
        examined: Some(Examined {
            seen: 109_000,
            paused: 930_000,
            missed: 5,
            examined: 16_300,
            unplaced: 7,
            unseen: 11,
        }),
        devices: vec![ReceivedDevice {
            name: names.host.into(),
            netns: 4_026_531_840,
            own: Some(false),
            device_kind: Some("veth".into()),
            packets: 1_000_000,
            segments: 1_400_000,
            bytes: 800_000_000,
            protocols: Protocols {
                tcp: 800_000,
                udp: 190_000,
                icmp: 10_000,
                ..Protocols::default()
            },
            balance: balance(2.9, 10.8),
            places: vec![place(11, 940_000, 15_400), place(2, 60_000, 3_900)],
            words: vec!["94\u{a0}% of the packets of eth0 came in on CPU 11 (rx queue 11)".into()],
        }],
        flows: vec![ReceivedFlow {
            device: "eth0".into(),
            netns: 4_026_531_840,
            protocol: "icmp".into(),
            source: [172, 16, 47, 27].into(),
            destination: [10, 125, 20, 64].into(),
            source_port: None,
            destination_port: None,
            packets: 3_000,
            margin: 0,
            queue: Some(11),
            cpus: vec![Cpu(11)],
        }],
    }
}
