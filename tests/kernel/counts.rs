//! What is counted in the kernel against what the kernel itself counts.

use std::net::UdpSocket;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::host::{Folder, cpu, findings, machine, stallprof, stderr};

/// `NET_RX` softirqs of a CPU since boot (kernel/softirq.c, `kstat_incr_softirqs_this_cpu`).
fn net_rx(cpu: u32) -> u64 {
    let table = std::fs::read_to_string("/proc/softirqs").unwrap();
    let column = table.lines().next().unwrap().split_whitespace();
    let column = column.clone().position(|name| name == format!("CPU{cpu}")).unwrap();
    let row = table.lines().find(|row| row.trim_start().starts_with("NET_RX:")).unwrap();
    row.split_whitespace().nth(column + 1).unwrap().parse().unwrap()
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

/// In a burst only one delay in sixteen is measured, and stands for the others.
#[test]
fn every_softirq_of_a_burst_is_counted() {
    let Some(_machine) = machine() else { return };
    let (folder, cpu) = (Folder::new("counts"), cpu());
    let recording = folder.path("r.stall");
    let before = net_rx(cpu);
    let mut record = stallprof()
        .args(["record", "-d", "4s", "-C", &cpu.to_string(), "-o"])
        .arg(&recording)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    let (flood_began, began) = (Instant::now(), net_rx(cpu));
    std::thread::spawn(move || flood(cpu, Duration::from_secs(1))).join().unwrap();
    let (took, made) = (flood_began.elapsed(), net_rx(cpu) - began);
    let at_end = record.try_wait().unwrap();
    assert!(at_end.is_none(), "the recording ended before the flood");
    let output = record.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let all = net_rx(cpu) - before;

    assert!(made > 32_000, "no burst: {made} softirqs in {took:?}");
    let f = findings(&recording);
    let rows = f["latencies"].as_array().unwrap();
    let counted: u64 = rows
        .iter()
        .filter(|r| r["vector"] == "NET_RX" && r["what"] == "softirq_delay" && r["cpu"] == cpu)
        .map(|r| r["count"].as_u64().unwrap())
        .sum();
    // At the end fifteen at most are left for a next one to stand for.
    assert!((made - 16..=all).contains(&counted), "{made} to {all} made, {counted} counted");
}
