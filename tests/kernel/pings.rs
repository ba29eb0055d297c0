//! The prober against a target that answers after a known time, beside ping and hping3; and its
//! late probes joined with stalls that were made meanwhile.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::host::{Folder, cpu, machine, stallgen, stallprof, succeeded};
use crate::received::{Pair, ip};
use crate::skip::skipped;

/// The host behind a tun device: answers echo requests 20 ms after they came, but for those whose
/// number is 3 modulo 10.
const RESPONDER: &str = "
import fcntl, heapq, os, select, struct, subprocess, time
tun = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH22x', b'pingtun', 0x1001))
for words in ('addr add 10.78.0.1/24 dev pingtun', 'link set pingtun up', 'link set lo up'):
    subprocess.check_call(['ip'] + words.split())
print('ready', flush=True)
due = []
while True:
    wait = max(0, due[0][0] - time.monotonic()) if due else 9
    if select.select([tun], [], [], wait)[0]:
        came, p = time.monotonic(), bytearray(os.read(tun, 2048))
        at = (p[0] & 15) * 4
        if p[0] >> 4 != 4 or p[9] != 1 or p[at] != 8: continue
        if struct.unpack('!H', p[at + 6:at + 8])[0] % 10 == 3: continue
        p[12:16], p[16:20] = p[16:20], p[12:16]
        p[at] = 0
        n = struct.unpack('!H', p[at + 2:at + 4])[0] + 0x800 # the type's part of the sum
        p[at + 2:at + 4] = struct.pack('!H', (n & 65535) + (n >> 16))
        heapq.heappush(due, (came + 0.020, bytes(p)))
    while due and due[0][0] <= time.monotonic():
        os.write(tun, heapq.heappop(due)[1])
";

/// A network namespace with the responder in it, gone with the value.
struct Behind {
    name: String,
    responder: Child,
}

impl Behind {
    fn new() -> Behind {
        let name = format!("rxpath-ping{}", std::process::id());
        ip(&format!("netns add {name}"));
        let mut responder = Command::new("ip")
            .args(["netns", "exec", &name, "python3", "-c", RESPONDER])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(responder.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let behind = Behind { name, responder };
        assert_eq!(ready, "ready\n", "the responder needs /dev/net/tun");
        behind
    }

    fn run(&self, program: &str, args: &[&str]) -> Output {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]).args(args);
        command.output().unwrap()
    }

    /// The summary of a run of the prober.
    fn probe(&self, args: &[&str]) -> Value {
        let all = [&["ping", "--format", "json"], args].concat();
        let run = self.run(env!("CARGO_BIN_EXE_stallprof"), &all);
        assert!(!run.stdout.is_empty(), "{run:?}");
        serde_json::from_slice(&run.stdout).unwrap()
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        let _ = self.responder.kill();
        let _ = self.responder.wait();
        let _ = Command::new("ip").args(["netns", "del", &self.name]).output();
    }
}

/// The mean that a line of `rtt min/avg/max = 20.1/20.3/21.0 ms` tells, in ms.
fn mean(text: &str) -> f64 {
    let line = text.lines().find(|l| l.contains("min/avg/max")).unwrap_or_else(|| panic!("{text}"));
    line.split('=').nth(1).unwrap().split('/').nth(1).unwrap().trim().parse().unwrap()
}

#[test]
fn round_trips_and_losses_are_those_of_the_target_and_of_other_probers() {
    let Some(_machine) = machine() else { return };
    let behind = Behind::new();
    let args = ["10.78.0.2", "-c", "200", "-t", "15ms", "-w", "500ms"];
    let ours = behind.probe(&args);
    let ping = behind.run("ping", &["-c", "200", "-i", "0.01", "-W", "1", "-q", "10.78.0.2"]);
    let hping = behind.run("hping3", &["-1", "-q", "-c", "100", "-i", "u10000", "10.78.0.2"]);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();

    // Every tenth is dropped: 20 of 200, whatever the clock does.
    assert_eq!((&ours["sent"], &ours["lost"]), (&200.into(), &20.into()), "{ours}");
    assert!(text(&ping.stdout).contains("200 packets transmitted, 180 received"), "{ping:?}");
    let p50 = ours["rtt"]["p50"].as_f64().unwrap() / 1e6;
    assert!((20.0..21.0).contains(&p50), "median {p50} ms instead of 20");
    // All of them are past the threshold; and being 10 ms apart they do not drain together, unless
    // this machine is kept from sending in time.
    let drained = ours["bursts"].as_array().unwrap().iter().map(|b| b["probes"].as_u64().unwrap());
    assert_eq!(ours["late"], 180, "{ours}");
    assert!(drained.sum::<u64>() <= 18, "{ours}");
    let (theirs, hpings) = (mean(&text(&ping.stdout)), mean(&text(&hping.stderr)));
    assert!((theirs - p50).abs() < 0.1 * p50, "{p50} ms, and {theirs} ms by ping");
    // hping3 sees its answers when it sends next: up to an interval later.
    assert!(hpings > 0.9 * p50 && hpings < p50 + 12.0, "{p50} ms, and {hpings} ms by hping3");
}

#[test]
fn what_is_no_answer_and_what_is_one_that_says_no() {
    let Some(_machine) = machine() else { return };
    let behind = Behind::new();
    // Nobody listens there: TCP is refused, UDP told so as often as the kernel likes.
    let tcp = behind.probe(&["10.78.0.1", "--tcp", "9", "-c", "50"]);
    assert_eq!((&tcp["answered"], &tcp["lost"]), (&50.into(), &0.into()), "{tcp}");
    let udp = behind.probe(&["10.78.0.1", "--udp", "9", "-c", "50", "-w", "200ms"]);
    let answered = udp["answered"].as_u64().unwrap();
    assert!(answered >= 1, "{udp}");
    assert_eq!(udp["unreachable"].as_u64().unwrap(), answered, "{udp}");
    // TCP to where nobody answers is lost, and its ports are as many as asked for.
    let dir = Folder::new("ping-spread");
    let log = dir.path("log");
    let args = ["10.78.0.2", "--tcp", "9", "-c", "30", "-w", "100ms", "--spread=3", "-o"];
    let lost = behind.probe(&[&args[..], &[log.to_str().unwrap()]].concat());
    // A port that waits for its answer cannot be used again: three at a time, for 100 ms.
    let number = |name: &str| lost[name].as_u64().unwrap();
    assert_eq!((number("lost") + number("not_sent"), &lost["rtt"]), (30, &Value::Null), "{lost}");
    assert!((3..=12).contains(&number("lost")), "{lost}");
    assert_eq!(lost["spread"].as_array().unwrap().len(), 3, "{lost}");
    let lines = std::fs::read_to_string(&log).unwrap();
    assert_eq!(lines.lines().count(), 31);
    assert_eq!(lines.matches("\"answer\":\"lost\"").count() as u64, number("lost"));
    // No way there: an error, and no summary of nothing.
    let run = behind.run(env!("CARGO_BIN_EXE_stallprof"), &["ping", "192.0.2.77", "-c", "1"]);
    let words = String::from_utf8_lossy(&run.stderr);
    assert!(!run.status.success() && words.contains("no route to 192.0.2.77"), "{words}");
}

/// Probes a CPU while stalls are made there; the findings with the join.
fn join(kind: &str) -> Value {
    let pair = Pair::new(&format!("ping-{kind}"));
    let target = cpu();
    pair.steer(&format!("{:x}", 1_u64 << target));
    let folder = Folder::new(&format!("ping-{kind}"));
    let (file, log) = (folder.path("r.stall"), folder.path("log"));
    // The prober on another CPU: it is not to be what is held up. All of these become the prober.
    let mut prober = Command::new("taskset")
        .args(["-c", &(target - 1).to_string(), "ip", "netns", "exec", &pair.from])
        .args([env!("CARGO_BIN_EXE_stallprof"), "ping", "10.77.1.2"])
        .args(["-o", log.to_str().unwrap()])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let run = stallprof()
        .args(["record", "-o"])
        .arg(&file)
        .arg("--")
        .arg(stallgen())
        .args([kind, "--cpu", &target.to_string(), "--count", "15", "--length", "40ms"])
        .args(["--truth", "/dev/null"])
        .output()
        .unwrap();
    // SAFETY: our own child, not waited for yet.
    unsafe { libc::kill(prober.id() as i32, libc::SIGINT) };
    assert!(prober.wait().unwrap().success());
    succeeded(&run);
    let report = |format: &str| {
        let run = stallprof()
            .args(["report", "--format", format])
            .arg(&file)
            .arg("--ping")
            .arg(&log)
            .output()
            .unwrap();
        succeeded(&run);
        run.stdout
    };
    println!("{}", String::from_utf8_lossy(&report("text")));
    serde_json::from_slice(&report("json")).unwrap()
}

#[test]
fn late_probes_waited_in_the_stalls_that_were_made() {
    let Some(_machine) = machine() else { return };
    if cpu() == 0 {
        return skipped("late_probes_waited_in_the_stalls_that_were_made", "needs two CPUs");
    }
    for kind in ["irqsoff", "bh"] {
        let findings = join(kind);
        let ping = &findings["ping"];
        assert_eq!(ping["clock"], "monotonic", "{ping}");
        assert_eq!(ping["received_on"], serde_json::json!([cpu()]), "{ping}");
        let number = |name: &str| ping[name].as_u64().unwrap();
        // 15 stalls of 40 ms, a probe each 10 ms: three or more of each come back late.
        assert!(number("late") >= 30, "{kind}: {ping}");
        assert!(10 * number("in_stalls") >= 9 * number("late"), "{kind}: {ping}");
        let first = &ping["waited"][0];
        let comm = first["culprit"]["comm"].as_str().unwrap_or_default();
        assert!(comm.starts_with("sg-"), "{kind}: {first}");
        let probes = first["probes"].as_u64().unwrap();
        assert!(10 * probes >= 9 * number("in_stalls"), "{kind}: {ping}");
    }
}
