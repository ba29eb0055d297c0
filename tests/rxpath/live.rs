//! Predictions against what the kernel does: on veth pairs with RPS here; on a device with real RSS
//! where there is one, such as virtio-net with `rss=on,hash=on` in a guest.

use std::collections::BTreeMap;
use std::process::Command;

use stallprof::host::ethtool::Socket;
use stallprof::host::{HostRoot, rxpath};
use stallprof::rxpath::predict;
use stallprof::units::Cpu;

use super::{frames, wire};
use crate::skip::skipped;

/// Names the two ends of a wire to [`on_the_wire`]: frames go out of the second.
const DEVICE: &str = "STALLPROF_RX_DEVICE";
const PEER: &str = "STALLPROF_RX_PEER";
/// How many flows are sent; 1200 unless it says otherwise.
const FLOWS: &str = "STALLPROF_RX_FLOWS";

fn run(program: &str, args: &[&str]) -> Result<String, String> {
    let out = Command::new(program).args(args).output().map_err(|e| format!("{program}: {e}"))?;
    let said = [&out.stdout[..], &out.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if out.status.success() { Ok(said) } else { Err(format!("{program} {args:?}: {said}")) }
}

/// A network namespace with a veth pair `rx0` - `rx1` of so many queues; gone with the value.
struct Namespace(String);

impl Namespace {
    fn new(name: &str, queues: u32) -> Result<Namespace, String> {
        let namespace = Namespace(format!("stallprof-{name}-{}", std::process::id()));
        let queues = queues.to_string();
        run("ip", &["netns", "add", &namespace.0])?;
        let pair = ["link", "add", "rx0", "numrxqueues", &queues, "numtxqueues", &queues];
        let peer = ["type", "veth", "peer", "rx1", "numrxqueues", &queues, "numtxqueues", &queues];
        namespace.exec("ip", &[&pair[..], &peer[..]].concat())?;
        for device in ["rx0", "rx1"] {
            namespace.exec("ip", &["link", "set", device, "up"])?;
        }
        Ok(namespace)
    }

    fn exec(&self, program: &str, args: &[&str]) -> Result<String, String> {
        run("ip", &[&["netns", "exec", &self.0, program][..], args].concat())
    }

    /// Sets `rps_cpus` of all queues of rx0.
    fn steer(&self, mask: &str) {
        let script =
            format!("for q in /sys/class/net/rx0/queues/rx-*; do echo {mask} >$q/rps_cpus; done");
        self.exec("sh", &["-c", &script]).expect("an RPS mask");
    }

    /// Runs [`on_the_wire`] in here; what it says.
    fn watch(&self) -> String {
        let exe = std::env::current_exe().expect("this program");
        let exe = exe.to_str().expect("a name of text");
        let vars = [format!("{DEVICE}=rx0"), format!("{PEER}=rx1"), format!("{FLOWS}=300")];
        let vars = vars.each_ref().map(String::as_str);
        let test = [exe, "--ignored", "--exact", "live::on_the_wire", "--nocapture"];
        self.exec("env", &[&vars[..], &test[..]].concat()).unwrap_or_else(|e| panic!("{e}"))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = run("ip", &["netns", "del", &self.0]);
    }
}

/// Sends flows of all kinds over a wire and compares where they come in with the prediction. What
/// is predicted as one value must be it, what is one of several must be among them.
#[test]
#[ignore = "needs the two ends of a wire in STALLPROF_RX_DEVICE and STALLPROF_RX_PEER"]
fn on_the_wire() {
    let (Ok(device), Ok(peer)) = (std::env::var(DEVICE), std::env::var(PEER)) else {
        return skipped("on_the_wire", "no wire is named");
    };
    let count = std::env::var(FLOWS).ok().and_then(|n| n.parse().ok()).unwrap_or(1200);
    let root = HostRoot::default();
    let socket = Socket::new().expect("a socket");
    let read = || rxpath::read(&root, Some(&socket), Some(&device)).expect("the receive path");
    let host = read();
    let nic = &host.nics[0];
    let flows = frames::flows(count);
    let cpus = host.cpus_online.iter().map(|c| c.0 + 1).max().expect("a CPU");
    let seen =
        wire::watch(&device, &peer, &flows, nic.rx.len() as u32, cpus).expect("packet sockets");
    let processed = |host: &stallprof::rxpath::RxHost, cpu: u32| {
        let row = host.softnet.iter().find(|row| row.cpu == Cpu(cpu));
        row.map_or(0, |row| row.processed)
    };
    let after = read();

    let mut tally = BTreeMap::<&str, usize>::new();
    let (mut wrong, mut on_cpu) = (Vec::new(), BTreeMap::<u32, u32>::new());
    let mut on_queue = BTreeMap::<u32, u32>::new();
    for (nth, flow) in flows.iter().enumerate() {
        let Some(seen) = seen.get(&nth) else {
            *tally.entry("lost").or_default() += 1;
            continue;
        };
        let way = predict(&host, nic, flow);
        *on_cpu.entry(seen.cpu.expect("a CPU")).or_default() += 1;
        seen.queue.into_iter().for_each(|queue| *on_queue.entry(queue).or_default() += 1);
        let mut compare = |known: &'static str, among: &'static str, values: Vec<u32>, seen| {
            let Some(seen) = seen else { return };
            match values.len() {
                0 => return,
                1 => *tally.entry(known).or_default() += 1,
                _ => *tally.entry(among).or_default() += 1,
            }
            if !values.contains(&seen) {
                wrong.push(format!("{flow}: predicted {values:?}, seen {seen}: {way:?}"));
            }
        };
        let cpus = way.cpu.values().iter().map(|c| c.0).collect();
        compare("queue known", "queue among", way.queue.values().to_vec(), seen.queue);
        compare("CPU known", "CPU among", cpus, seen.cpu);
    }
    if nic.rss.key_may_be_shifted {
        let mut sure = nic.clone();
        sure.rss.key_may_be_shifted = false;
        let as_shown = |(nth, seen): (&usize, &wire::Seen)| {
            let way = predict(&host, &sure, &flows[*nth]);
            seen.queue.is_some_and(|queue| way.queue.known() == Some(&queue))
        };
        let matching = seen.iter().filter(|seen| as_shown(*seen)).count();
        println!("{device}: the key as it is shown predicts {matching} of {}", seen.len());
    }
    println!("{device}: {count} flows: {tally:?}; received by CPU: {on_cpu:?}");
    println!("{device}: received by queue: {on_queue:?}");
    for text in wrong.iter().take(5) {
        println!("WRONG {text}");
    }
    assert!(wrong.is_empty(), "{} of {count} predictions were wrong", wrong.len());
    assert!(tally.get("lost").copied().unwrap_or(0) <= count / 50, "packets were lost");
    for (cpu, packets) in on_cpu {
        let counted = processed(&after, cpu).wrapping_sub(processed(&host, cpu));
        assert!(counted >= packets, "softnet_stat of CPU {cpu} counted {counted}, seen {packets}");
    }
}

#[test]
fn rps_on_veth_pairs() {
    let namespace = match Namespace::new("rps", 1) {
        Ok(namespace) => namespace,
        Err(why) => return skipped("rps_on_veth_pairs", &why),
    };
    // Without RPS, the CPU is the sender's.
    assert!(!namespace.watch().contains("CPU known"));
    let last = std::thread::available_parallelism().expect("CPUs").get() - 1;
    for cpu in [0, last] {
        namespace.steer(&format!("{:x}", 1_u64 << cpu));
        let said = namespace.watch();
        assert!(
            said.contains("\"CPU known\": 300") && said.contains(&format!("{{{cpu}: 300}}")),
            "{said}"
        );
    }
    if last > 0 {
        namespace.steer("3");
        let said = namespace.watch();
        assert!(said.contains("\"CPU among\": 300") && !said.contains("CPU known"), "{said}");
    }
}

#[test]
fn rps_on_a_veth_pair_of_several_queues() {
    let namespace = match Namespace::new("queues", 4) {
        Ok(namespace) => namespace,
        Err(why) => return skipped("rps_on_a_veth_pair_of_several_queues", &why),
    };
    namespace.steer("1");
    let said = namespace.watch();
    assert!(said.contains("\"CPU known\": 300") && said.contains("{0: 300}"), "{said}");
    // Which queue a packet has is unknown, and so is its CPU where only some queues are steered.
    namespace.exec("sh", &["-c", "echo 0 >/sys/class/net/rx0/queues/rx-3/rps_cpus"]).expect("off");
    assert!(!namespace.watch().contains("CPU known"));
}
