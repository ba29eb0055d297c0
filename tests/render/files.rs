//! Slow files of the made-up incident.

use super::incident::{ms, task};
use super::names::Names;
use super::tape::at;
use stallprof::model::findings::*;
use stallprof::units::{Cpu, Nanos};

fn share(cpu: u32, calls: u64, total: f64) -> CpuShare {
    CpuShare { cpu: Cpu(cpu), calls, total: ms(total) }
}

pub fn slow(names: &Names) -> Vec<SlowFileGroup> {
    let mut reader = names.reader();
    reader.file = Some("memory.stat".into());
    let rstat = RstatTimes { waited: ms(212.0), held: ms(1_500.0), locks: 156 };
    let stat = SlowFileGroup {
        id: 1,
        task: reader,
        filesystem: "cgroup",
        files: 3,
        calls: 13,
        worst: ms(187.0),
        median: ms(140.0),
        total: ms(1_820.0),
        on_cpu: ms(1_801.0),
        slept: 0,
        bytes: 52_000,
        irqs_off: Some(5),
        irqs_off_worst: Some(ms(151.0)),
        rstat: Some(rstat),
        by_cpu: vec![share(11, 12, 1_720.0), share(3, 1, 100.0)],
        cgroups: vec![format!("/{}", names.pod_cgroup), "/".into()],
    };
    let mut agent = task(names.comm, 3_001, 3_002);
    agent.syscall = Some("read".into());
    agent.file = Some("/proc/*/smaps".into());
    let smaps = SlowFileGroup {
        id: 2,
        task: agent,
        filesystem: "proc",
        files: 41,
        calls: 90,
        worst: ms(61.0),
        median: ms(9.0),
        total: ms(900.0),
        on_cpu: ms(450.0),
        slept: 17,
        bytes: 368_640,
        irqs_off: Some(0),
        irqs_off_worst: None,
        rstat: None,
        by_cpu: (0..5).map(|cpu| share(cpu, 18, 180.0)).collect(),
        cgroups: Vec::new(),
    };
    vec![stat, smaps]
}

pub fn calls(names: &Names) -> Vec<SlowFileCall> {
    vec![SlowFileCall {
        group: 1,
        start: at(1_000.0),
        duration: ms(141.0),
        cpu: Cpu(11),
        file: names.file.into(),
        of_cgroup: Some("/".into()),
        returned: 4_096,
        on_cpu: ms(140.0),
        slept: false,
        irqs_off: Some(ms(120.0)),
        rstat: Some(RstatTimes { waited: Nanos(0), held: ms(120.0), locks: 12 }),
        stalls: vec![1],
    }]
}

pub fn reads(names: &Names) -> Vec<FileReadGroup> {
    let mut reader = names.reader();
    (reader.syscall, reader.file) = (None, Some("memory.stat".into()));
    let all = FileReadGroup {
        task: Some(reader),
        filesystem: "cgroup",
        at_least: Nanos(0),
        calls: 120,
        total: ms(2_100.0),
        on_cpu: ms(2_080.0),
        slept: 0,
        bytes: 480_000,
        per_minute: 240,
        total_per_minute: ms(4_200.0),
        by_cpu: vec![share(11, 110, 2_000.0), share(3, 10, 100.0)],
    };
    let others = FileReadGroup {
        task: None,
        filesystem: "proc",
        at_least: Nanos(100_000),
        by_cpu: vec![share(2, 9, 900.0)],
        ..all.clone()
    };
    let cheap = FileReadGroup { total_per_minute: ms(3.0), ..others.clone() };
    vec![all, others, cheap]
}

pub fn trend() -> DyingTrend {
    DyingTrend {
        counts: 31,
        first: 23_011,
        last: 23_411,
        max: 23_411,
        growth_per_minute: Some(800),
    }
}
