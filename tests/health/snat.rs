//! The recipe of lost races for a source port: two addresses behind a router that masquerades them
//! send from the same port to the same place at the same time. For the tests of health and for those
//! of the probes.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::world::{World, run};

pub const CLIENT: usize = 0;
pub const ROUTER: usize = 1;
pub const SERVER: usize = 2;

/// Two addresses behind a router that masquerades them.
pub fn world() -> Result<World, String> {
    let w = World::new(&["client", "router", "server"], &["conntrack", "iptables"])?;
    let (c, r, s) = (w.name(CLIENT), w.name(ROUTER), w.name(SERVER));
    run(&format!("ip link add c0 netns {c} type veth peer name c1 netns {r}"))?;
    run(&format!("ip link add s0 netns {s} type veth peer name s1 netns {r}"))?;
    for (n, line) in [
        (CLIENT, "addr add 10.93.1.2/24 dev c0"),
        (CLIENT, "addr add 10.93.1.3/24 dev c0"),
        (CLIENT, "link set c0 up"),
        (CLIENT, "route add default via 10.93.1.1"),
        (ROUTER, "addr add 10.93.1.1/24 dev c1"),
        (ROUTER, "addr add 10.93.2.1/24 dev s1"),
        (ROUTER, "link set c1 up"),
        (ROUTER, "link set s1 up"),
        (SERVER, "addr add 10.93.2.2/24 dev s0"),
        (SERVER, "link set s0 up"),
        (SERVER, "route add default via 10.93.2.1"),
    ] {
        // The client has no route before its device is up.
        w.ip(n, line)?;
    }
    w.inside(ROUTER, "sysctl -qw net.ipv4.ip_forward=1")?;
    w.inside(ROUTER, "iptables -t nat -A POSTROUTING -o s1 -j MASQUERADE")?;
    Ok(w)
}

/// The two addresses.
pub const SENDERS: [&str; 2] = ["10.93.1.2", "10.93.1.3"];

/// Waits, without sleeping, until so many have come: neither is ahead of the other.
pub fn meet(counter: &AtomicUsize, until: usize) {
    counter.fetch_add(1, Ordering::SeqCst);
    while counter.load(Ordering::SeqCst) < until {
        std::hint::spin_loop();
    }
}

/// Sum of a counter over the CPUs as conntrack(8) shows it.
pub fn shown(w: &World, name: &str) -> u64 {
    let text = w.inside(ROUTER, "conntrack -S").expect("conntrack -S");
    let values =
        text.split_ascii_whitespace().filter_map(|w| w.strip_prefix(name)?.strip_prefix('='));
    values.map(|v| v.parse::<u64>().expect("a number")).sum()
}
