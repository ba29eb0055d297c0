//! Where packets come in: what is measured equals what the kernel counts, and is where `rxpath
//! predict` says.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::host::{Folder, findings, machine, stallprof, succeeded};
use crate::skip::skipped;

/// Sends datagrams from many ports, and echo requests, out of a namespace; gently, so that
/// nothing is dropped.
const SEND: &str = "
import socket, struct, sys, time
to, ports, each, pings, pause = sys.argv[1], *map(int, sys.argv[2:5]), float(sys.argv[5])
udp = []
for n in range(ports):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('10.77.1.1', 20000 + n))
    udp.append(s)
icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
def sum16(b):
    n = sum(struct.unpack('!%dH' % (len(b) // 2), b))
    while n >> 16: n = (n & 65535) + (n >> 16)
    return ~n & 65535
for _ in range(each):
    for s in udp: s.sendto(b'x' * 100, (to, 9))
    if pause: time.sleep(pause)
for n in range(pings):
    head = struct.pack('!BBHHH', 8, 0, 0, 77, n)
    icmp.sendto(struct.pack('!BBHHH', 8, 0, sum16(head), 77, n), (to, 0))
    time.sleep(0.001)
time.sleep(0.3) # what waits in the backlog is received before the recording ends
";

pub fn ip(args: &str) -> String {
    let out = Command::new("ip").args(args.split(' ')).output().unwrap();
    assert!(out.status.success(), "ip {args}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// Two network namespaces with a veth pair between them, gone with the value.
pub struct Pair {
    pub from: String,
    pub to: String,
}

impl Pair {
    pub fn new(name: &str) -> Pair {
        let id = std::process::id();
        let pair =
            Pair { from: format!("rxpath-{name}-a{id}"), to: format!("rxpath-{name}-b{id}") };
        let Pair { from, to } = &pair;
        ip(&format!("netns add {from}"));
        ip(&format!("netns add {to}"));
        ip(&format!("link add rxa netns {from} type veth peer name rxb netns {to}"));
        for (ns, dev, address) in [(from, "rxa", "10.77.1.1/24"), (to, "rxb", "10.77.1.2/24")] {
            ip(&format!("-n {ns} addr add {address} dev {dev}"));
            ip(&format!("-n {ns} link set {dev} up"));
            ip(&format!("-n {ns} link set lo up"));
        }
        pair
    }

    /// Sets `rps_cpus` of the receiving end.
    pub fn steer(&self, mask: &str) {
        let script = format!("echo {mask} >/sys/class/net/rxb/queues/rx-0/rps_cpus");
        let args = ["netns", "exec", &self.to, "sh", "-c", &script];
        succeeded(&Command::new("ip").args(args).output().unwrap());
    }

    /// A counter of the receiving end.
    fn counter(&self, name: &str) -> u64 {
        let path = format!("/sys/class/net/rxb/statistics/{name}");
        let text = ip(&format!("netns exec {} cat {path}", self.to));
        text.trim().parse().unwrap()
    }

    /// Records while packets are sent; the findings.
    fn record(&self, ports: u32, each: u32, pings: u32, pause: f64) -> Value {
        let folder = Folder::new("received");
        let (file, script) = (folder.path("r.stall"), folder.path("send.py"));
        std::fs::write(&script, SEND).unwrap();
        let numbers = [ports, each, pings].map(|n| n.to_string());
        let run = stallprof()
            .args(["record", "-o"])
            .arg(&file)
            .args(["--", "ip", "netns", "exec", &self.from, "python3"])
            .arg(&script)
            .arg("10.77.1.2")
            .args(&numbers)
            .arg(pause.to_string())
            .output()
            .unwrap();
        succeeded(&run);
        let text = String::from_utf8_lossy(&run.stdout).into_owned();
        assert!(text.contains("Packets received"), "{text}");
        let json = stallprof().args(["report", "--format", "json"]).arg(&file).output().unwrap();
        succeeded(&json);
        let findings: Value = serde_json::from_slice(&json.stdout).unwrap();
        findings["received"].clone()
    }

    /// Which CPUs `rxpath predict` names for a flow to the receiving end.
    fn predicted(&self, flow: &[&str]) -> Vec<u64> {
        let run = Command::new("ip")
            .args(["netns", "exec", &self.to])
            .arg(env!("CARGO_BIN_EXE_stallprof"))
            .args(["rxpath", "predict", "--dev", "rxb", "--src", "10.77.1.1"])
            .args(["--dst", "10.77.1.2", "--format", "json"])
            .args(flow)
            .output()
            .unwrap();
        succeeded(&run);
        let way: Value = serde_json::from_slice(&run.stdout).unwrap();
        let cpu = &way["prediction"]["cpu"];
        match cpu["known"].as_str() {
            Some("one") => vec![cpu["value"].as_u64().unwrap()],
            Some("among") => {
                cpu["values"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect()
            }
            _ => panic!("{way}"),
        }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for name in [&self.from, &self.to] {
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}

/// `processed` of /proc/net/softnet_stat by CPU.
fn processed() -> BTreeMap<u64, u64> {
    let text = std::fs::read_to_string("/proc/net/softnet_stat").unwrap();
    let row = |line: &str| {
        let words: Vec<u64> =
            line.split_whitespace().map(|w| u64::from_str_radix(w, 16).unwrap()).collect();
        (words[12], words[0])
    };
    text.lines().map(row).collect()
}

fn receiver(received: &Value) -> &Value {
    let devices = received["devices"].as_array().unwrap();
    devices.iter().find(|d| d["name"] == "rxb").unwrap_or_else(|| panic!("{received}"))
}

/// Packets that the kernel counted and the program did not see: few.
fn missed(received: &Value) -> u64 {
    let looked = &received["examined"];
    let (of, missed) = (looked["seen"].as_u64().unwrap(), looked["missed"].as_u64().unwrap());
    assert!(missed * 20 <= of, "{received}");
    missed
}

/// Packets by CPU.
fn by_cpu(device: &Value) -> BTreeMap<u64, u64> {
    let mut cpus = BTreeMap::new();
    for place in device["places"].as_array().unwrap() {
        let packets = place["packets"].as_u64().unwrap();
        *cpus.entry(place["cpu"].as_u64().unwrap()).or_default() += packets;
    }
    cpus
}

#[test]
fn packets_are_counted_where_the_kernel_counts_them() {
    let Some(_machine) = machine() else { return };
    let pair = Pair::new("few");
    let last = std::thread::available_parallelism().unwrap().get() as u64 - 1;
    pair.steer(&format!("{:x}", 1_u64 << last));
    let (before, at) = (processed(), pair.counter("rx_packets"));
    let received = pair.record(40, 50, 100, 0.01);
    let (after, sent) = (processed(), pair.counter("rx_packets") - at);

    let device = receiver(&received);
    // Slow enough that every packet is looked at, unless something else on this host sends many at
    // the same time. Neighbour discovery may come before the end.
    let packets = device["packets"].as_u64().unwrap();
    let margin = 2 * device["places"][0]["margin"].as_u64().unwrap();
    // What the program was not called for is told.
    let missed = missed(&received);
    let below = missed + margin;
    assert!(packets <= sent + margin, "{packets} of {sent}: {received}");
    assert!(packets + below + 6 >= sent, "{packets} of {sent}: {received}");
    let udp = device["protocols"]["udp"].as_u64().unwrap();
    assert!(udp <= 2000 + margin && udp + below >= 2000, "{received}");
    assert!(margin * 4 < packets, "{received}");
    let flows = device["places"][0]["flows"].as_u64().unwrap();
    assert!((38..=46).contains(&flows), "{flows} flows instead of 41 or so");

    // Each CPU: nothing that the kernel did not count, and all of what was sent.
    for cpu in received["cpus"].as_array().unwrap() {
        let (id, packets) = (cpu["cpu"].as_u64().unwrap(), cpu["packets"].as_u64().unwrap());
        assert!(packets <= after[&id] - before[&id], "CPU {id}: {packets}");
        if id == last {
            assert!(packets >= 2100, "CPU {id}: {packets}");
        }
    }
    let there = by_cpu(device);
    assert_eq!(there.keys().copied().collect::<Vec<_>>(), [last], "{device}");

    // Both kinds of flows came in where the prediction says.
    assert_eq!(pair.predicted(&["--icmp"]), [last]);
    assert_eq!(pair.predicted(&["--udp", "20000:9"]), [last]);
    let flows = received["flows"].as_array().unwrap();
    let icmp = flows.iter().find(|f| f["protocol"] == "icmp" && f["device"] == "rxb").unwrap();
    let pings = icmp["packets"].as_u64().unwrap();
    assert!(icmp["source"] == "10.77.1.1" && pings <= 100 + margin, "{icmp}");
    assert!(pings + below >= 100, "{icmp}");
    assert_eq!(icmp["cpus"], serde_json::json!([last]));
}

#[test]
fn icmp_stays_on_one_cpu_where_udp_spreads() {
    let Some(_machine) = machine() else { return };
    if std::thread::available_parallelism().unwrap().get() < 2 {
        return skipped("icmp_stays_on_one_cpu_where_udp_spreads", "needs two CPUs");
    }
    let pair = Pair::new("spread");
    pair.steer("3");
    let received = pair.record(40, 50, 100, 0.01);
    let spread = by_cpu(receiver(&received));
    assert_eq!(pair.predicted(&["--udp", "20000:9"]), [0, 1]);
    assert_eq!(pair.predicted(&["--icmp"]), [0, 1]);
    // The chance that a fair choice sends 40 flows to one CPU but for four is one in ten million.
    assert!(spread.len() == 2 && spread.values().all(|n| *n > 200), "{spread:?}");
    let flows = received["flows"].as_array().unwrap();
    let icmp = flows.iter().find(|f| f["protocol"] == "icmp" && f["device"] == "rxb").unwrap();
    assert_eq!(icmp["cpus"].as_array().unwrap().len(), 1, "{icmp}");
    // Each flow has one CPU, whatever its protocol.
    for flow in flows.iter().filter(|f| f["device"] == "rxb" && f["protocol"] == "udp") {
        assert_eq!(flow["cpus"].as_array().unwrap().len(), 1, "{flow}");
    }
}

/// As fast as it goes, most packets pass without a look: the totals hold within the margin told.
#[test]
fn a_flood_is_counted_within_the_margin() {
    let Some(_machine) = machine() else { return };
    let pair = Pair::new("flood");
    let last = std::thread::available_parallelism().unwrap().get() as u64 - 1;
    pair.steer(&format!("{:x}", 1_u64 << last));
    let at = pair.counter("rx_packets");
    let received = pair.record(16, 40_000, 0, 0.0);
    // What a full backlog drops is not among them.
    let came = pair.counter("rx_packets") - at;
    let device = receiver(&received);
    let place = &device["places"][0];
    let (packets, margin) = (place["packets"].as_u64().unwrap(), place["margin"].as_u64().unwrap());
    assert!(margin > 0 && margin < packets, "{place}");
    // It holds 19 times of 20; twice as much must hold in any run.
    let missed = missed(&received);
    let off = packets.abs_diff(came);
    assert!(off <= 2 * margin + missed, "{packets} of {came}, margin {margin}: {received}");
    let looked = &received["examined"];
    let [seen, paused, examined] =
        ["seen", "paused", "examined"].map(|count| looked[count].as_u64().unwrap());
    assert!(seen + paused + missed >= came && examined * 2 < seen, "{came}: {received}");
    // Unless the flood kept our thread from the CPU to its end, we looked at parts of it only.
    assert!(paused > 0 || seen + missed >= came, "{came}: {received}");
}

/// In each second a flood for 400 ms, then datagrams to another port: looks that came each second
/// would see one of them only.
const BURSTS: &str = "
import socket, sys, time
def sender(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('10.77.1.1', port))
    return lambda: s.sendto(b'x', ('10.77.1.2', port))
flood, other = sender(20000), sender(20001)
sent, begin = [0, 0], time.monotonic()
for second in range(int(sys.argv[1])):
    while time.monotonic() < begin + second + 0.4:
        for _ in range(50): flood()
        sent[0] += 50
    while time.monotonic() < begin + second + 0.98:
        for _ in range(5): other()
        sent[1] += 5
        time.sleep(0.001)
    time.sleep(max(0, begin + second + 1 - time.monotonic()))
print(*sent)
time.sleep(0.3)
";

/// What is told of each of two flows holds within its margin, and their sum is what came.
#[test]
fn bursts_in_step_are_told_within_the_margin() {
    const SECONDS: &str = "8";
    let Some(_machine) = machine() else { return };
    let pair = Pair::new("bursts");
    let last = std::thread::available_parallelism().unwrap().get() as u64 - 1;
    pair.steer(&format!("{:x}", 1_u64 << last));
    let folder = Folder::new("bursts");
    let (file, script) = (folder.path("r.stall"), folder.path("send.py"));
    std::fs::write(&script, BURSTS).unwrap();
    let run = stallprof()
        .args(["record", "-o"])
        .arg(&file)
        .args(["--", "ip", "netns", "exec", &pair.from, "python3"])
        .arg(&script)
        .arg(SECONDS)
        .output()
        .unwrap();
    succeeded(&run);
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    let received = findings(&file)["received"].clone();
    let missed = missed(&received);
    assert!(received["examined"]["paused"].as_u64().unwrap() > 0, "no pause: {received}");
    let sent: Vec<u64> = text
        .lines()
        .map(|line| line.split(' ').map_while(|word| word.parse().ok()).collect())
        .find(|numbers: &Vec<u64>| numbers.len() == 2)
        .unwrap_or_else(|| panic!("{text}"));
    let dropped = received["cpus"].as_array().unwrap().iter();
    let dropped = dropped.map(|cpu| cpu["dropped"].as_u64().unwrap()).sum::<u64>();
    let flows = received["flows"].as_array().unwrap();
    for (port, sent) in [20_000_u64, 20_001].into_iter().zip(sent) {
        let here = |f: &&Value| f["device"] == "rxb" && f["source_port"] == port;
        // A flow that no look met is none of those told: then its packets are in the margin of
        // the place.
        let flow = flows.iter().find(here);
        let count = |name: &str| flow.map_or(0, |flow| flow[name].as_u64().unwrap());
        let margin = match flow {
            Some(_) => count("margin"),
            None => receiver(&received)["places"][0]["margin"].as_u64().unwrap(),
        };
        let packets = count("packets");
        println!("port {port}: {packets} +- {margin} of {sent}; {missed} missed");
        // 19 times of 20: twice as much must hold in any run.
        assert!(packets.abs_diff(sent) <= 2 * margin + missed + dropped, "{port}: {received}");
    }
}

/// Flows that come and go while nobody looks: the number told is of those seen, and says so.
#[test]
fn flows_of_a_flood_that_change_are_not_told_as_all() {
    const FLOWS: u64 = 3_000;
    let Some(_machine) = machine() else { return };
    let pair = Pair::new("change");
    let folder = Folder::new("change");
    let (file, script) = (folder.path("r.stall"), folder.path("send.py"));
    // Some 50 datagrams to each port in turn: a flow is over within a millisecond.
    let send = format!(
        "import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(20000, {}):
    for _ in range(100): s.sendto(b'x', ('10.77.1.2', port))
",
        20_000 + FLOWS
    );
    std::fs::write(&script, send).unwrap();
    let run = stallprof()
        .args(["record", "-o"])
        .arg(&file)
        .args(["--", "ip", "netns", "exec", &pair.from, "python3"])
        .arg(&script)
        .output()
        .unwrap();
    succeeded(&run);
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    let received = findings(&file)["received"].clone();
    let device = receiver(&received);
    let places = device["places"].as_array().unwrap();
    let told: u64 = places.iter().map(|place| place["flows"].as_u64().unwrap()).sum();
    let paused = received["examined"]["paused"].as_u64().unwrap();
    println!("{told} of {FLOWS} flows, {paused} packets in pauses");
    assert!(paused > 0, "no pause: {received}");
    assert!(told < FLOWS, "{told} flows: {device}");
    // The largest place; a few packets of neighbour discovery elsewhere may all have been seen.
    assert_eq!(places[0]["flows_missed"], true, "{device}");
    assert!(text.contains("flows seen, others may have been missed"), "{text}");
    assert!(text.contains("flows that came only in between"), "{text}");
}
