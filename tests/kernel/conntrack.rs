//! Connections that connection tracking loses, for real: each is found, named and joined with the
//! SYN that TCP sends again, and nothing else is taken for one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::connects::{Listener, race};
use crate::host::{Folder, findings, machine, stallprof};
use crate::snat::{CLIENT, ROUTER, SENDERS, SERVER, shown, world};
use crate::world::{World, skipped};

/// `stallprof record` beside what a test does.
pub struct Recording(Child);

impl Recording {
    pub fn start(file: &Path, args: &[&str]) -> Recording {
        let mut command = stallprof();
        command.arg("record").args(args).arg("-o").arg(file);
        command.stdout(Stdio::null()).stderr(Stdio::inherit());
        let recording = Recording(command.spawn().unwrap());
        let began = Instant::now();
        while std::fs::metadata(file).map_or(0, |m| m.len()) == 0 {
            assert!(began.elapsed() < Duration::from_secs(20), "no recording");
            thread::sleep(Duration::from_millis(20));
        }
        recording
    }

    pub fn end(mut self, file: &Path) -> Value {
        // SAFETY: our own child, not waited for yet.
        unsafe { libc::kill(self.0.id() as i32, libc::SIGINT) };
        assert!(self.0.wait().unwrap().success());
        findings(file)
    }
}

pub fn namespace<'a>(f: &'a Value, name: &str) -> &'a Value {
    let all = f["conntrack"]["namespaces"].as_array().unwrap();
    all.iter().find(|n| n["name"] == name).unwrap_or_else(|| panic!("no namespace {name}: {all:?}"))
}

pub fn counter(namespace: &Value, name: &str) -> u64 {
    let all = namespace["counters"].as_array().unwrap();
    let found = all.iter().find(|c| c["counter"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {all:?}"))["count"].as_u64().unwrap()
}

/// SYNs sent again that our program did not see, though nothing was counted as lost: one of 64 in one
/// of 35 runs on a machine with ten times the work it can do. Why is not known; the report says of
/// each that none was seen.
pub const MISSED: u64 = 2;

/// Records of connection tracking that were counted as lost.
pub fn records_lost(f: &Value) -> u64 {
    let all = f["lost"].as_array().unwrap().iter().filter(|lost| lost["probe"] == "conntrack");
    all.map(|lost| lost["ring_full"].as_u64().unwrap()).sum()
}

/// What was dropped in a namespace.
pub fn failed<'a>(f: &'a Value, namespace: &Value) -> Vec<&'a Value> {
    let all = f["conntrack"]["failed"].as_array().unwrap();
    all.iter().filter(|failed| failed["netns"] == namespace["netns"]).collect()
}

pub fn text<'a>(of: &'a Value, field: &str) -> &'a str {
    of[field].as_str().unwrap_or_else(|| panic!("no {field}: {of}"))
}

/// Datagrams that rules drop: on their way through, where the first of a connection has an entry
/// that is not confirmed yet; before connections are tracked; and at their end.
///
/// Rules of the older kind end in the same line of the kernel as a lost race; those of nftables have
/// had one of their own since e0d4593140b0 (6.7).
fn dropped_by_rules(w: &World) -> Result<(), String> {
    let iptables = if legacy(w) { "iptables-legacy" } else { "iptables" };
    w.inside(ROUTER, &format!("{iptables} -A FORWARD -p udp --dport 7 -j DROP"))?;
    w.inside(ROUTER, &format!("{iptables} -t raw -A PREROUTING -p udp --dport 8 -j DROP"))?;
    let new = "-m conntrack --ctstate NEW";
    w.inside(SERVER, &format!("{iptables} -A INPUT -p udp --dport 9 {new} -j DROP"))?;
    Ok(())
}

fn legacy(w: &World) -> bool {
    w.inside(ROUTER, "iptables-legacy -L").is_ok()
}

fn send_to_rules(w: &World) {
    thread::scope(|scope| {
        scope.spawn(|| {
            w.enter(CLIENT);
            for port in [7, 8, 9] {
                for _ in 0..30 {
                    let socket = UdpSocket::bind("10.93.1.2:0").unwrap();
                    socket.send_to(b"x", ("10.93.2.2", port)).unwrap();
                }
            }
        });
    });
}

#[test]
fn connects_that_lost_a_race() {
    lost_a_race("connects_that_lost_a_race", "tp_btf", 40);
}

/// The other rungs see the same.
#[test]
fn connects_that_lost_a_race_by_raw_tracepoints() {
    lost_a_race("connects_that_lost_a_race_by_raw_tracepoints", "raw_tp", 10);
}

#[test]
fn connects_that_lost_a_race_by_tracepoints() {
    lost_a_race("connects_that_lost_a_race_by_tracepoints", "tracepoint", 10);
}

/// At least `enough` are lost, as far as a few rounds suffice.
fn lost_a_race(name: &str, method: &str, enough: usize) {
    let Some(_machine) = machine() else { return };
    let w = match world().and_then(|w| dropped_by_rules(&w).map(|()| w)) {
        Ok(w) => w,
        Err(why) => return skipped(name, &why),
    };
    let to = "10.93.2.2:8080".parse().unwrap();
    let ways = SENDERS.map(|host| (host.parse().unwrap(), to));
    Listener::start(w.name(SERVER), to);
    let folder = Folder::new(&format!("conntrack-{method}"));
    let file = folder.path("r.stall");
    let before = shown(&w, "insert_failed");
    let method = format!("conntrack={method}");
    let recording = Recording::start(&file, &["--method", &method]);
    let mut slow = BTreeMap::new();
    for first in [20_000, 22_000, 24_000] {
        send_to_rules(&w);
        let ports = first..first + 4 * enough as u16;
        for connect in race(w.name(CLIENT), ways, ports) {
            if connect.took > Duration::from_millis(900) {
                slow.insert(connect.from.to_string(), connect.took);
            }
        }
        if slow.len() >= enough {
            break;
        }
    }
    let f = recording.end(&file);
    let lost = shown(&w, "insert_failed") - before;
    println!("{lost} insert_failed, {} slow connects", slow.len());
    assert!(lost > 0 && !slow.is_empty(), "no race was lost");

    let router = namespace(&f, w.name(ROUTER));
    assert_eq!(counter(router, "insert_failed"), lost, "as conntrack -S counts");
    // On a machine that is busy with other tests the ring may overflow: that is told.
    let overflow = records_lost(&f);
    let unseen = f["conntrack"]["unseen"].as_u64().unwrap();
    assert!(unseen <= overflow, "{unseen} losses of which no packet was seen");
    let named = failed(&f, router);
    let ends: BTreeSet<&str> = named.iter().map(|n| text(n, "from")).collect();
    let truth: BTreeSet<&str> = slow.keys().map(String::as_str).collect();
    assert!(ends.is_subset(&truth), "others than were slow: {ends:?}, {truth:?}");
    assert_eq!(ends.len() as u64 + unseen, truth.len() as u64, "{ends:?}, {truth:?}");
    let (mut joined, mut why) = (0, BTreeSet::new());
    for n in named {
        let words = (text(n, "protocol"), text(n, "verdict"), text(n, "translation"));
        assert_eq!(words, ("TCP", "insert_failed", "snat"), "{n}");
        assert_eq!(n["family"], "IPv4", "{n}");
        assert_eq!((text(n, "reason"), text(n, "function")), ("NETFILTER_DROP", "nf_hook_slow"));
        assert_eq!((text(n, "to"), text(n, "hook")), ("10.93.2.2:8080", "postrouting"), "{n}");
        assert!(text(n, "translated_from").starts_with("10.93.2.1:"), "{n}");
        why.extend(n["not_joined"].as_str());
        let Some(again) = n["sent_again_after"].as_u64() else { continue };
        joined += 1;
        assert_eq!(n["task"]["tgid"], std::process::id(), "{n}");
        // A client whose SYN is lost twice waits for both.
        let (again, took) = (Duration::from_nanos(again), slow[text(n, "from")]);
        assert!(again > Duration::from_millis(900) && again <= took, "{again:?} of {took:?}");
    }
    println!("{joined} joined");
    let others = (slow.len() - joined) as u64;
    assert!(others <= overflow + MISSED, "{others} were not seen to be sent again: {why:?}");
    let server = namespace(&f, w.name(SERVER));
    assert!(failed(&f, server).is_empty(), "a rule is taken for a lost race: {f:#}");
    let by_rules = f["conntrack"]["by_rules"].as_u64().unwrap();
    assert!(!legacy(&w) || by_rules >= 3, "{by_rules} drops by rules were seen");
    let rules = f["conntrack"]["rules"].as_array().unwrap();
    let masquerade = rules.iter().find(|r| r["netns"] == router["netns"] && r["rules"] == 1);
    let masquerade = masquerade.unwrap_or_else(|| panic!("no rule: {rules:?}"));
    assert_eq!(masquerade["not_random"], 1, "{masquerade}");
    let advice = f["conntrack"]["advice"].to_string();
    assert!(advice.contains("--random-fully"), "{advice}");
}

/// The limit is one for all namespaces: it is put back whatever happens.
struct Limit(String);

const LIMIT: &str = "/proc/sys/net/netfilter/nf_conntrack_max";

impl Limit {
    fn set(to: u32) -> Limit {
        let limit = Limit(std::fs::read_to_string(LIMIT).unwrap());
        std::fs::write(LIMIT, to.to_string()).unwrap();
        limit
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        let _ = std::fs::write(LIMIT, self.0.trim());
    }
}

#[test]
fn a_full_table_is_no_lost_race() {
    const NAME: &str = "a_full_table_is_no_lost_race";
    let Some(_machine) = machine() else { return };
    let made = World::new(&["full"], &["conntrack", "iptables"]).and_then(|w| {
        w.inside(0, "iptables -A INPUT -m conntrack --ctstate INVALID -j DROP")?;
        Ok(w)
    });
    let w = match made {
        Ok(w) => w,
        Err(why) => return skipped(NAME, &why),
    };
    let send = |sockets: u32, first: u16| {
        thread::scope(|scope| {
            let sending = scope.spawn(|| {
                w.enter(0);
                let mut refused = BTreeSet::new();
                for n in 0..sockets as u16 {
                    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                    let from = socket.local_addr().unwrap();
                    let to = format!("127.0.0.1:{}", first + n);
                    if socket.send_to(b"x", &to).is_err() {
                        refused.insert(format!("{from} -> {to}"));
                    }
                }
                refused
            });
            sending.join().unwrap()
        })
    };
    // Nobody answers: each is an entry for 30 s.
    assert!(send(1_500, 20_000).is_empty());
    let folder = Folder::new("full");
    let file = folder.path("r.stall");
    let shown = |name| {
        let text = w.inside(0, "conntrack -S").unwrap();
        let values = text
            .split_ascii_whitespace()
            .filter_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok());
        values.sum::<u64>()
    };
    let before = shown("drop");
    let recording = Recording::start(&file, &[]);
    let limit = Limit::set(1_400);
    let refused = send(60, 40_000);
    thread::sleep(Duration::from_millis(100));
    // Its last reading finds the table full.
    let f = recording.end(&file);
    drop(limit);
    let dropped = shown("drop") - before;
    println!("{dropped} dropped, {} refused", refused.len());
    assert!(dropped > 0, "the table was not full");

    let full = namespace(&f, w.name(0));
    assert_eq!((counter(full, "drop"), counter(full, "insert_failed")), (dropped, 0));
    let named = failed(&f, full);
    let ends = named.iter().map(|n| format!("{} -> {}", text(n, "from"), text(n, "to")));
    assert_eq!(ends.collect::<BTreeSet<_>>(), refused, "the senders were told that it was dropped");
    for n in named {
        assert_eq!((text(n, "verdict"), text(n, "hook")), ("table_full", "output"), "{n}");
        assert_eq!(n["task"]["tgid"], std::process::id(), "{n}");
    }
    let advice = f["conntrack"]["advice"].to_string();
    assert!(advice.contains("nf_conntrack_max"), "{advice}");
}
