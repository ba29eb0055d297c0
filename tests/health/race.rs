//! Connections that lose the race for a source port, made for real: what is read is what
//! `conntrack -S` says, to the unit.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use stallprof::health::{Options, Severity, examine, gather};
use stallprof::host::conntrack::{self, CtSource, CtStats, Ctnetlink};
use stallprof::host::{CpuList, HostRoot};

use super::of;
use super::snat::{CLIENT, ROUTER, SENDERS, SERVER, meet, shown, world};
use super::world::{World, enter, skipped};

/// Both addresses send from the same port to the same place at the same time, `rounds` times.
fn race(w: &World, first_port: u16, rounds: u16) {
    let (sent, ready) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let name = w.name(CLIENT);
    thread::scope(|scope| {
        for host in SENDERS {
            let (sent, ready) = (&sent, &ready);
            scope.spawn(move || {
                enter(name);
                for round in 1..=rounds {
                    let socket = UdpSocket::bind((host, first_port + round)).expect("a port");
                    socket.connect("10.93.2.2:9999").expect("a route");
                    meet(ready, 2 * usize::from(round));
                    let _ = socket.send(b"x");
                    meet(sent, 2 * usize::from(round));
                }
            });
        }
    });
}

/// Both sources, read one after the other.
fn read(w: &World) -> [CtStats; 2] {
    let root = HostRoot::default();
    let cpus = CpuList::possible(&root).expect("CPUs");
    let (file, _) = conntrack::read(&root, w.pid(ROUTER), cpus.cpus()).expect("the file");
    let netlink = thread::scope(|scope| {
        let inside = scope.spawn(|| {
            w.enter(ROUTER);
            let mut socket = Ctnetlink::open().expect("a socket");
            let fill = socket.fill().expect("a limit");
            assert!(fill.max > 0, "{fill:?}");
            socket.stats().expect("counters")
        });
        inside.join().expect("a reading")
    });
    [file, netlink]
}

#[test]
fn lost_races_are_counted_as_conntrack_counts_them() {
    const NAME: &str = "lost_races_are_counted_as_conntrack_counts_them";
    let w = match world() {
        Ok(w) => w,
        Err(why) => return skipped(NAME, &why),
    };
    let server = UdpSocketIn::start(w.name(SERVER));
    let before = read(&w);
    let first = shown(&w, "insert_failed");
    race(&w, 20_000, 2_000);
    thread::sleep(Duration::from_millis(100));
    let lost = shown(&w, "insert_failed");
    println!("insert_failed {lost}, drop {}", shown(&w, "drop"));
    assert!(lost > first, "no race was lost in 2,000 rounds");
    let after = read(&w);
    for (stats, earlier) in after.iter().zip(&before) {
        for name in ["insert_failed", "drop", "early_drop", "found", "invalid", "search_restart"] {
            assert_eq!(stats.total(name), Some(shown(&w, name)), "{name} of {}", stats.source);
        }
        let growth = stats.since(earlier).expect("two readings");
        assert_eq!(growth.get("insert_failed"), Some(lost - first), "{}", stats.source);
    }
    assert_eq!((after[0].source, after[1].source), (CtSource::File, CtSource::Netlink));

    // The command meets races in its window and says in which namespace, and how many at most.
    let facts = thread::scope(|scope| {
        let checking = scope.spawn(|| gather(&HostRoot::default(), Options::default()));
        // A pair that is tracked already cannot race again: other ports each time.
        let mut ports = (24_000..60_000).step_by(500);
        while let Some(first) = ports.next().filter(|_| !checking.is_finished()) {
            race(&w, first, 500);
        }
        checking.join().expect("facts")
    });
    let most = shown(&w, "insert_failed") - lost;
    let report = examine(&facts);
    let subject = format!("of process {}", w.pid(ROUTER));
    let found = of(&report, "conntrack-loss");
    let found = found.iter().find(|f| f.subject.as_ref().is_some_and(|s| s.ends_with(&subject)));
    let found = found.expect("a finding about the router");
    println!("{} (at most {most})", found.value);
    assert!(found.severity >= Severity::Warning, "{found:?}");
    assert!((1..=most).contains(&found.numbers["insert_failed"]), "{found:?} of {most}");
    drop(server);
}

/// A server that answers from the address it was asked on.
struct UdpSocketIn(Arc<AtomicBool>, Option<thread::JoinHandle<()>>);

impl UdpSocketIn {
    fn start(name: &str) -> UdpSocketIn {
        let stop = Arc::new(AtomicBool::new(false));
        let (name, seen) = (name.to_owned(), stop.clone());
        let thread = thread::spawn(move || {
            enter(&name);
            let socket = UdpSocket::bind("10.93.2.2:9999").expect("the server's port");
            socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
            let mut buffer = [0; 64];
            while !seen.load(Ordering::Relaxed) {
                if let Ok((n, from)) = socket.recv_from(&mut buffer) {
                    let _ = socket.send_to(&buffer[..n], from);
                }
            }
        });
        UdpSocketIn(stop, Some(thread))
    }
}

impl Drop for UdpSocketIn {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        let _ = self.1.take().map(thread::JoinHandle::join);
    }
}
