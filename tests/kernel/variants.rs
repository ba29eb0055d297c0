//! Lost races of other kinds than TCP behind a MASQUERADE of IPv4: each is told by what it is, and
//! what helps against it; and clashes that the kernel puts right are no losses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::connects::{Listener, race};
use crate::conntrack::{MISSED, Recording, counter, failed, namespace, records_lost, text};
use crate::host::{Folder, findings, machine, stallprof, succeeded};
use crate::snat::{CLIENT, ROUTER, SERVER, meet, shown, world};
use crate::world::{World, enter, skipped};

/// More than this is a connect whose SYN was sent again.
const SLOW: Duration = Duration::from_millis(900);
const SERVED: &str = "10.93.2.2";

/// Takes back the rule of `world`.
fn without_masquerade(w: &World) -> Result<(), String> {
    w.inside(ROUTER, "iptables -t nat -D POSTROUTING -o s1 -j MASQUERADE").map(|_| ())
}

fn ipv6(w: &World) -> Result<(), String> {
    w.inside(ROUTER, "sysctl -qw net.ipv6.conf.all.forwarding=1")?;
    for (n, line) in [
        (CLIENT, "addr add fd93:1::2/64 dev c0 nodad"),
        (CLIENT, "addr add fd93:1::3/64 dev c0 nodad"),
        (ROUTER, "addr add fd93:1::1/64 dev c1 nodad"),
        (ROUTER, "addr add fd93:2::1/64 dev s1 nodad"),
        (SERVER, "addr add fd93:2::2/64 dev s0 nodad"),
        (CLIENT, "-6 route add default via fd93:1::1"),
        (SERVER, "-6 route add default via fd93:2::1"),
    ] {
        w.ip(n, line)?;
    }
    w.inside(ROUTER, "ip6tables -t nat -A POSTROUTING -o s1 -j MASQUERADE")?;
    // Neighbours are looked for before the race, once the devices have addresses of their own.
    for from in ["fd93:1::2", "fd93:1::3"] {
        w.inside(CLIENT, &format!("ping -6 -q -i 0.2 -c 1 -w 8 -I {from} fd93:2::2"))?;
    }
    // Rules of the other family have nothing to do with it.
    without_masquerade(w)?;
    w.inside(ROUTER, "iptables -t nat -A POSTROUTING -o c1 -j MASQUERADE")?;
    Ok(())
}

/// Connects that race until enough are lost, and what is found of them: of each that was slow, the
/// two ends. As many are told as `conntrack -S` counts.
fn lost_connects(w: &World, ways: [(IpAddr, SocketAddr); 2]) -> Value {
    let folder = Folder::new("variants");
    let file = folder.path("r.stall");
    let before = shown(w, "insert_failed");
    let recording = Recording::start(&file, &[]);
    let mut slow = BTreeMap::new();
    for first in [20_000, 22_000, 24_000, 26_000] {
        for connect in race(w.name(CLIENT), ways, first..first + 40) {
            if connect.took > SLOW {
                slow.insert((connect.from.to_string(), connect.to.to_string()), connect.took);
            }
        }
        if slow.len() >= 5 {
            break;
        }
    }
    let f = recording.end(&file);
    let lost = shown(w, "insert_failed") - before;
    println!("{lost} insert_failed, {} slow connects", slow.len());
    assert!(lost > 0 && !slow.is_empty(), "no race was lost");
    let router = namespace(&f, w.name(ROUTER));
    assert_eq!(counter(router, "insert_failed"), lost, "as conntrack -S counts");
    let named = failed(&f, router);
    let ends = named.iter().map(|n| (text(n, "from").to_owned(), text(n, "to").to_owned()));
    assert_eq!(ends.collect::<BTreeSet<_>>(), slow.keys().cloned().collect(), "{named:#?}");
    let joined = named.iter().filter(|n| n["sent_again_after"].is_u64()).count();
    let others = (slow.len() - joined) as u64;
    assert!(
        others <= records_lost(&f) + MISSED,
        "{others} of {} were not seen to be sent again",
        slow.len()
    );
    let report = stallprof().arg("report").arg(&file).output().unwrap();
    succeeded(&report);
    println!("{}", String::from_utf8_lossy(&report.stdout));
    f
}

#[test]
fn connects_of_ipv6() {
    const NAME: &str = "connects_of_ipv6";
    let Some(_machine) = machine() else { return };
    let w = match world().and_then(|w| ipv6(&w).map(|()| w)) {
        Ok(w) => w,
        Err(why) => return skipped(NAME, &why),
    };
    let to: SocketAddr = "[fd93:2::2]:8080".parse().unwrap();
    Listener::start(w.name(SERVER), to);
    let f = lost_connects(&w, ["fd93:1::2", "fd93:1::3"].map(|host| (host.parse().unwrap(), to)));
    let router = namespace(&f, w.name(ROUTER));
    for n in failed(&f, router) {
        let words = (text(n, "protocol"), text(n, "family"), text(n, "translation"));
        assert_eq!(words, ("TCP", "IPv6", "snat"), "{n}");
        assert_eq!((text(n, "verdict"), text(n, "hook")), ("insert_failed", "postrouting"), "{n}");
        assert!(text(n, "translated_from").starts_with("[fd93:2::1]:"), "{n}");
    }
    let rules = f["conntrack"]["rules"].as_array().unwrap();
    let of = |family: &str| {
        let of = rules.iter().filter(|r| r["netns"] == router["netns"] && r["family"] == family);
        of.map(|r| r["not_random"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((of("IPv4"), of("IPv6")), (1, 1), "{rules:?}");
    let advice = f["conntrack"]["advice"].to_string();
    assert!(advice.contains("--random-fully"), "{advice}");
}

/// Two connections from one address and port to two services with one backend: random ports of
/// SNAT rules would not have helped, and are not advised.
#[test]
fn connects_to_two_services_with_one_backend() {
    const NAME: &str = "connects_to_two_services_with_one_backend";
    let Some(_machine) = machine() else { return };
    let services = ["10.96.0.1", "10.96.0.2"];
    let made = world().and_then(|w| {
        without_masquerade(&w)?;
        for service in services {
            let rule = format!("-d {service} -p tcp --dport 80 -j DNAT --to {SERVED}:8080");
            w.inside(ROUTER, &format!("iptables -t nat -A PREROUTING {rule}"))?;
        }
        Ok(w)
    });
    let w = match made {
        Ok(w) => w,
        Err(why) => return skipped(NAME, &why),
    };
    Listener::start(w.name(SERVER), format!("{SERVED}:8080").parse().unwrap());
    let way =
        |service: &str| ("10.93.1.2".parse().unwrap(), format!("{service}:80").parse().unwrap());
    let f = lost_connects(&w, services.map(way));
    for n in failed(&f, namespace(&f, w.name(ROUTER))) {
        let words = (text(n, "protocol"), text(n, "translation"), text(n, "verdict"));
        assert_eq!(words, ("TCP", "dnat", "insert_failed"), "{n}");
        assert_eq!(text(n, "translated_to"), "10.93.2.2:8080", "{n}");
    }
    let advice = f["conntrack"]["advice"].to_string();
    assert!(advice.contains("only the receiver was translated"), "{advice}");
    assert!(!advice.contains("--random-fully"), "{advice}");
}

/// Answers every datagram until it is dropped.
struct Echo(Arc<AtomicBool>, Option<thread::JoinHandle<()>>);

impl Echo {
    fn start(w: &World, at: &str) -> Echo {
        let stop = Arc::new(AtomicBool::new(false));
        let (name, at, seen) = (w.name(SERVER).to_owned(), at.to_owned(), stop.clone());
        let (send, ready) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            enter(&name);
            let socket = UdpSocket::bind(&at).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            send.send(()).unwrap();
            let mut buffer = [0; 64];
            while !seen.load(Ordering::Relaxed) {
                if let Ok((n, from)) = socket.recv_from(&mut buffer) {
                    let _ = socket.send_to(&buffer[..n], from);
                }
            }
        });
        ready.recv().unwrap();
        Echo(stop, Some(thread))
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        let _ = self.1.take().map(thread::JoinHandle::join);
    }
}

/// Takes all answers that have come.
fn answers(socket: &UdpSocket) -> usize {
    socket.set_nonblocking(true).unwrap();
    std::iter::from_fn(|| socket.recv(&mut [0; 64]).ok()).count()
}

/// Both addresses ask from the same port at once, once for each port; those without an answer.
fn questions(w: &World, to: &str, ports: std::ops::Range<u16>) -> BTreeSet<String> {
    let (ready, sent) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let asked = thread::scope(|scope| {
        let senders = crate::snat::SENDERS.map(|host| {
            let (ready, sent, ports) = (&ready, &sent, ports.clone());
            scope.spawn(move || {
                w.enter(CLIENT);
                let asked = ports.enumerate().map(|(round, port)| {
                    let socket = UdpSocket::bind((host, port)).unwrap();
                    socket.connect(to).unwrap();
                    meet(ready, 2 * (round + 1));
                    socket.send(b"A").unwrap();
                    meet(sent, 2 * (round + 1));
                    socket
                });
                asked.collect::<Vec<_>>()
            })
        });
        senders.map(|sender| sender.join().unwrap())
    });
    thread::sleep(Duration::from_millis(200));
    let unanswered = asked.iter().flatten().filter(|socket| answers(socket) == 0);
    unanswered.map(|socket| socket.local_addr().unwrap().to_string()).collect()
}

/// Questions to DNS that race for a port of a rule of nftables.
#[test]
fn questions_that_lost_a_race() {
    const NAME: &str = "questions_that_lost_a_race";
    let Some(_machine) = machine() else { return };
    let made = world().and_then(|w| {
        without_masquerade(&w)?;
        // By a name that iptables takes for its own.
        w.inside(ROUTER, "nft add table ip nat")?;
        w.inside(ROUTER, "nft add chain ip nat post { type nat hook postrouting priority 90 ; }")?;
        w.inside(ROUTER, "nft add rule ip nat post oifname s1 masquerade")?;
        Ok(w)
    });
    let w = match made {
        Ok(w) => w,
        Err(why) => return skipped(NAME, &why),
    };
    let to = format!("{SERVED}:53");
    let _echo = Echo::start(&w, &to);
    let folder = Folder::new("questions");
    let file = folder.path("r.stall");
    let before = shown(&w, "insert_failed");
    let recording = Recording::start(&file, &[]);
    let mut unanswered = BTreeSet::new();
    for first in [20_000, 22_000, 24_000, 26_000] {
        unanswered.extend(questions(&w, &to, first..first + 50));
        if unanswered.len() >= 5 {
            break;
        }
    }
    let f = recording.end(&file);
    let lost = shown(&w, "insert_failed") - before;
    println!("{lost} insert_failed, {} without an answer", unanswered.len());
    assert!(lost > 0, "no race was lost");
    let router = namespace(&f, w.name(ROUTER));
    assert_eq!(counter(router, "insert_failed"), lost, "as conntrack -S counts");
    let named = failed(&f, router);
    let ends: BTreeSet<String> = named.iter().map(|n| text(n, "from").to_owned()).collect();
    assert_eq!(ends, unanswered, "other questions than those without an answer");
    for n in named {
        let words = (text(n, "protocol"), text(n, "translation"), text(n, "verdict"));
        assert_eq!(words, ("UDP", "snat", "insert_failed"), "{n}");
        assert_eq!((text(n, "family"), text(n, "to")), ("IPv4", to.as_str()), "{n}");
        assert!(n["sent_again_after"].is_null(), "nobody sent it again: {n}");
        assert!(text(n, "not_joined").contains("resolver"), "{n}");
    }
    let rules = f["conntrack"]["rules"].as_array().unwrap();
    let nft = rules.iter().find(|r| r["netns"] == router["netns"] && r["program"] == "nft");
    let nft = nft.unwrap_or_else(|| panic!("no rules of nft: {rules:?}"));
    assert_eq!((&nft["rules"], &nft["not_random"]), (&1.into(), &1.into()), "{nft}");
    let advice = f["conntrack"]["advice"].to_string();
    assert!(advice.contains("fully-random") && advice.contains("DNS"), "{advice}");
    let report = stallprof().arg("report").arg(&file).output().unwrap();
    succeeded(&report);
    println!("{}", String::from_utf8_lossy(&report.stdout));
}

/// Two questions from one socket at once, for IPv4 and for IPv6, to a service with two backends: the
/// kernel puts the clash right.
#[test]
fn a_clash_that_the_kernel_resolved_is_no_loss() {
    const NAME: &str = "a_clash_that_the_kernel_resolved_is_no_loss";
    const ROUNDS: usize = 300;
    let Some(_machine) = machine() else { return };
    let made = world().and_then(|w| {
        w.ip(SERVER, "addr add 10.93.2.3/24 dev s0")?;
        let service = "iptables -t nat -A PREROUTING -d 10.96.0.10 -p udp --dport 53";
        let first = "-m statistic --mode random --probability 0.5 -j DNAT --to 10.93.2.2:53";
        w.inside(ROUTER, &format!("{service} {first}"))?;
        w.inside(ROUTER, &format!("{service} -j DNAT --to 10.93.2.3:53"))?;
        Ok(w)
    });
    let w = match made {
        Ok(w) => w,
        Err(why) => return skipped(NAME, &why),
    };
    let _both = [Echo::start(&w, "10.93.2.2:53"), Echo::start(&w, "10.93.2.3:53")];
    let folder = Folder::new("clash");
    let file = folder.path("r.stall");
    let before = ["clash_resolve", "insert_failed"].map(|name| shown(&w, name));
    let recording = Recording::start(&file, &[]);
    let (ready, sent) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let sockets = thread::scope(|scope| {
        let name = w.name(CLIENT);
        let make = scope.spawn(move || {
            enter(name);
            let sockets = (0..ROUNDS).map(|_| {
                let socket = UdpSocket::bind("10.93.1.2:0").unwrap();
                socket.connect("10.96.0.10:53").unwrap();
                socket
            });
            sockets.collect::<Vec<_>>()
        });
        make.join().unwrap()
    });
    thread::scope(|scope| {
        for question in [b"A   ", b"AAAA"] {
            let (ready, sent, sockets) = (&ready, &sent, &sockets);
            scope.spawn(move || {
                for (round, socket) in sockets.iter().enumerate() {
                    meet(ready, 2 * (round + 1));
                    socket.send(question).unwrap();
                    meet(sent, 2 * (round + 1));
                }
            });
        }
    });
    thread::sleep(Duration::from_millis(200));
    let answered: usize = sockets.iter().map(answers).sum();
    let f = recording.end(&file);
    let [resolved, lost] = ["clash_resolve", "insert_failed"].map(|name| shown(&w, name));
    let [resolved, lost] = [resolved - before[0], lost - before[1]];
    println!("{resolved} resolved, {lost} lost, {answered} answers of {}", 2 * ROUNDS);
    assert!(resolved > 0, "no two questions clashed");
    let router = namespace(&f, w.name(ROUTER));
    assert_eq!(counter(router, "clash_resolve"), resolved);
    assert_eq!((counter(router, "insert_failed"), failed(&f, router).len() as u64), (lost, lost));
    let report = stallprof().arg("report").arg(&file).output().unwrap();
    succeeded(&report);
    let report = String::from_utf8_lossy(&report.stdout);
    assert!(report.contains("clash_resolve"), "{report}");
    if lost == 0 {
        assert!(report.contains("Connection tracking lost nothing"), "{report}");
        assert_eq!(f["conntrack"]["advice"], serde_json::json!([]));
        assert_eq!(findings(&file)["conntrack"]["failed"], serde_json::json!([]));
    }
}
