//! What is counted in the kernel against what the kernel itself counts.

use std::net::UdpSocket;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::host::{Folder, cpu, findings, machine, stallprof, stderr};
use crate::world::{World, enter, run, skipped};

/// Softirqs of a vector on a CPU since boot (kernel/softirq.c, `kstat_incr_softirqs_this_cpu`).
fn softirqs(cpu: u32, vector: &str) -> u64 {
    let table = std::fs::read_to_string("/proc/softirqs").unwrap();
    let column = table.lines().next().unwrap().split_whitespace();
    let column = column.clone().position(|name| name == format!("CPU{cpu}")).unwrap();
    let mut rows = table.lines().map(|row| row.split_whitespace());
    let row = rows.find(|row| row.clone().next() == Some(&format!("{vector}:"))).unwrap();
    row.clone().nth(column + 1).unwrap().parse().unwrap()
}

/// Packets to itself: each one raises `NET_RX` on the CPU that sends it.
fn flood(cpu: u32, length: Duration) {
    // SAFETY: a set of CPUs is plain data, and ours; 0 is this thread.
    let pinned = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu as usize, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &raw const set)
    };
    assert_eq!(pinned, 0, "{}", std::io::Error::last_os_error());
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.connect(receiver.local_addr().unwrap()).unwrap();
    let began = Instant::now();
    while began.elapsed() < length {
        for _ in 0..1000 {
            // The receiver's buffer is soon full; the softirq comes all the same.
            sender.send(b"x").unwrap();
        }
    }
}

/// Records a CPU during a flood, and compares how many softirqs it had with how many are counted.
fn all_are_counted(name: &str, vectors: &[&str], flood: impl FnOnce(u32) + Send + 'static) {
    let (folder, cpu) = (Folder::new(name), cpu());
    let recording = folder.path("r.stall");
    let now = || vectors.iter().map(|v| softirqs(cpu, v)).collect::<Vec<_>>();
    let before = now();
    let mut record = stallprof()
        .args(["record", "-d", "4s", "-C", &cpu.to_string(), "-o"])
        .arg(&recording)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    let (flood_began, began) = (Instant::now(), now());
    std::thread::spawn(move || flood(cpu)).join().unwrap();
    let (took, ended) = (flood_began.elapsed(), now());
    let at_end = record.try_wait().unwrap();
    assert!(at_end.is_none(), "the recording ended before the flood");
    let output = record.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let after = now();

    let f = findings(&recording);
    let rows = f["latencies"].as_array().unwrap();
    for (n, vector) in vectors.iter().enumerate() {
        let (made, all) = (ended[n] - began[n], after[n] - before[n]);
        assert!(made > 32_000, "no burst: {made} of {vector} in {took:?}");
        let counted: u64 = rows
            .iter()
            .filter(|r| r["vector"] == *vector && r["what"] == "softirq_delay" && r["cpu"] == cpu)
            .map(|r| r["count"].as_u64().unwrap())
            .sum();
        assert!((made..=all).contains(&counted), "{vector}: {made} to {all}, {counted} counted");
    }
}

/// In a burst only one delay in sixteen is measured, and stands for the others.
#[test]
fn every_softirq_of_a_burst_is_counted() {
    let Some(_machine) = machine() else { return };
    all_are_counted("counts", &["NET_RX"], |cpu| flood(cpu, Duration::from_secs(1)));
}

/// Each packet is put off to a tasklet before it is received: the two come by turns, and neither may
/// be the one that is never measured.
#[test]
fn of_vectors_that_come_by_turns_each_is_counted() {
    let Some(_machine) = machine() else { return };
    let world = match World::new(&["turns"], &[]) {
        Ok(world) => world,
        Err(why) => return skipped("of_vectors_that_come_by_turns_each_is_counted", &why),
    };
    world.ip(0, "link add later type ifb").unwrap();
    world.ip(0, "link set later up").unwrap();
    let ns = world.name(0).to_owned();
    run(&format!("tc -n {ns} qdisc add dev lo clsact")).unwrap();
    run(&format!(
        "tc -n {ns} filter add dev lo egress protocol ip u32 match u32 0 0 \
         action mirred egress redirect dev later"
    ))
    .unwrap();
    all_are_counted("turns", &["TASKLET", "NET_RX"], move |cpu| {
        enter(&ns);
        flood(cpu, Duration::from_secs(1));
    });
}
