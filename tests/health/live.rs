//! Conditions made on this machine, and the command itself.

use std::net::UdpSocket;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use stallprof::health::{Options, Report, Severity, examine, gather};
use stallprof::host::HostRoot;
use stallprof::host::links::Links;

use super::of;
use super::world::{World, run, skipped};

fn check(args: &[&str]) -> (Option<i32>, String, Duration) {
    let begin = Instant::now();
    let out = Command::new(env!("CARGO_BIN_EXE_stallprof")).arg("check").args(args).output();
    let out = out.expect("the program");
    (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned(), begin.elapsed())
}

fn report() -> Report {
    examine(&gather(&HostRoot::default(), Options::default()))
}

#[test]
fn it_ends_within_a_second() {
    // Another process may have all of the machine for a moment: the fastest of three counts.
    let fastest = (0..3).map(|_| check(&[]).2).min();
    println!("{fastest:?}");
    assert!(fastest.is_some_and(|t| t < Duration::from_secs(1)), "{fastest:?}");
}

#[test]
fn exit_codes_tell_severities_from_mistakes() {
    for mistake in [&["--nonsense"][..], &["--only", "nonsense"], &["--format", "xml"]] {
        assert_eq!(check(mistake).0, Some(64), "{mistake:?}");
    }
    assert_eq!(check(&["--help"]).0, Some(0));
    let tree = |name: &str| super::tree(name).display().to_string();
    let code = |name: &str, only: &str| check(&["--root", &tree(name), "--only", only]).0;
    assert_eq!(code("6.1", "dying-memcgs,conntrack-fill"), Some(0));
    assert_eq!(code("5.10", "neighbours"), Some(0), "a notice");
    assert_eq!(code("5.10", "dying-memcgs,neighbours"), Some(1));
    assert_eq!(code("5.10", "dying-memcgs,conntrack-fill"), Some(2));
    assert_eq!(code("6.1", "rules,dying-memcgs"), Some(3), "not asked");
    assert_eq!(check(&["--root", &tree("5.10"), "--skip", "conntrack-fill"]).0, Some(1));
}

#[test]
fn json_is_what_the_document_says() {
    let (_, text, _) =
        check(&["--format", "json", "--root", &super::tree("5.10").display().to_string()]);
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((value["schema"].as_u64(), value["worst"].as_str()), (Some(1), Some("critical")));
    let documented = include_str!("../../docs/check.md");
    for key in value.as_object().expect("an object").keys() {
        assert!(documented.contains(&format!("| `{key}` |")), "{key} is not documented");
    }
    for finding in value["findings"].as_array().expect("findings") {
        for key in finding.as_object().expect("an object").keys() {
            assert!(documented.contains(&format!("| `{key}` |")), "{key} is not documented");
        }
    }
    for check in stallprof::health::checks::CHECKS {
        assert!(documented.contains(&format!("| `{}` |", check.name)), "{}", check.name);
    }
}

#[test]
fn a_table_of_neighbours_that_fills_up() {
    let made = World::new(&["neigh"], &[]).and_then(|w| {
        run(&format!("ip link add n0 netns {0} type veth peer name n1 netns {0}", w.name(0)))?;
        w.ip(0, "addr add 10.94.0.1/16 dev n0")?;
        w.ip(0, "link set n0 up")?;
        w.ip(0, "link set n1 up")?;
        Ok(w)
    });
    let w = match made {
        Ok(w) => w,
        Err(why) => return skipped("a_table_of_neighbours_that_fills_up", &why),
    };
    let limit =
        std::fs::read_to_string("/proc/sys/net/ipv4/neigh/default/gc_thresh3").expect("a limit");
    let limit: u64 = limit.trim().parse().expect("a number");
    if limit > 5_000 {
        return skipped("a_table_of_neighbours_that_fills_up", "gc_thresh3 is high here");
    }
    let wanted = limit * 9 / 10;
    let batch = super::TempDir::new("neighbours");
    let file = batch.0.join("batch");
    let line = |n: u64| {
        format!("neigh replace 10.94.{}.{} lladdr 02:00:00:00:00:01 dev n0\n", n / 250, n % 250 + 2)
    };
    std::fs::write(&file, (0..wanted).map(line).collect::<String>()).expect("a file");
    w.ip(0, &format!("-batch {}", file.display())).expect("entries");
    let found = report();
    let arp = of(&found, "neighbours").into_iter().find(|f| f.subject.as_deref() == Some("ARP"));
    let arp = arp.expect("the ARP table");
    println!("{}", arp.value);
    assert!(arp.severity >= Severity::Warning && arp.numbers["entries"] >= wanted, "{arp:?}");
}

#[test]
fn devices_whose_packets_do_not_fit() {
    let id = std::process::id() % 10_000;
    let made = World::new(&["pod"], &[]).and_then(|w| {
        // The other end is in this namespace, as a pod's is; both devices go with the pod.
        run(&format!("ip link add spv{id} mtu 1600 type veth peer name eth0 netns {}", w.name(0)))?;
        run(&format!("ip link set spv{id} up"))?;
        w.ip(0, "link set eth0 mtu 1400 up")?;
        let vxlan = "type vxlan id 4242 dstport 4790 maxaddress 10";
        run(&format!("ip link add spx{id} {vxlan} dev spv{id}"))?;
        run(&format!("ip link set spx{id} mtu 1500 up"))?;
        // The kernel refuses such a tunnel, but not what happens to the device below later.
        run(&format!("ip link set spv{id} mtu 1500"))?;
        Ok(w)
    });
    let w = match made {
        Ok(w) => w,
        Err(why) => return skipped("devices_whose_packets_do_not_fit", &why),
    };
    for n in 0..9 {
        run(&format!("bridge fdb append 02:00:00:00:00:{n:02x} dev spx{id} dst 10.95.0.{}", n + 1))
            .expect("an entry");
    }
    let found = report();
    let tunnel = of(&found, "mtu-tunnels");
    let tunnel = tunnel.iter().find(|f| f.subject.as_deref() == Some(&format!("spx{id}")));
    let tunnel = tunnel.expect("the tunnel");
    println!("{}", tunnel.value);
    let numbers = ["mtu", "overhead", "lower_mtu"].map(|name| tunnel.numbers[name]);
    assert_eq!((tunnel.severity, numbers), (Severity::Warning, [1500, 50, 1500]));
    let subject = format!("of process {}", w.pid(0));
    let pods = of(&found, "mtu-pods");
    let pod = pods.iter().find(|f| f.subject.as_ref().is_some_and(|s| s.ends_with(&subject)));
    let pod = pod.expect("the pod");
    println!("{}", pod.value);
    assert_eq!((pod.numbers["pod_mtu"], pod.numbers["host_mtu"]), (1400, 1500));
    let table = of(&found, "fdb");
    let table = table
        .iter()
        .find(|f| f.subject.as_deref() == Some(&format!("spx{id}")))
        .expect("its table");
    println!("fdb: {}", table.value);
    assert!(table.severity >= Severity::Warning && table.numbers["entries"] == 9, "{table:?}");
}

#[test]
fn devices_are_those_that_ip_lists() {
    let Ok(text) = run("ip -o link") else { return skipped("devices", "no ip(8)") };
    let links =
        Links::open().and_then(|mut l| l.list().map_err(std::io::Error::other)).expect("devices");
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let index: u32 =
            words.next().and_then(|w| w.trim_end_matches(':').parse().ok()).expect(line);
        let name = words.next().expect(line).trim_end_matches(':').split('@').next().expect(line);
        let mtu = words.skip_while(|w| *w != "mtu").nth(1).and_then(|m| m.parse().ok());
        let Some(link) = links.iter().find(|l| l.index == index) else { continue };
        assert_eq!((link.name.as_str(), Some(link.mtu)), (name, mtu), "{line}");
    }
    assert!(links.iter().any(|l| l.name == "lo"));
}

#[test]
fn what_a_bridge_has_learned() {
    let made = World::new(&["bridge"], &[]).and_then(|w| {
        w.ip(0, "link add br0 type bridge")?;
        Ok(w)
    });
    let w = match made {
        Ok(w) => w,
        Err(why) => return skipped("what_a_bridge_has_learned", &why),
    };
    let links = thread::scope(|scope| {
        let inside = scope.spawn(|| {
            w.enter(0);
            Links::open().expect("a socket").list().expect("devices")
        });
        inside.join().expect("devices")
    });
    let bridge = links.iter().find(|l| l.name == "br0").expect("the bridge");
    assert_eq!((bridge.kind.as_deref(), bridge.fdb_max), (Some("bridge"), None));
    // Since 6.8 the kernel tells how many.
    println!("learned: {:?}", bridge.fdb_learned);
    assert!(bridge.fdb_learned.is_none_or(|n| n == 0), "{bridge:?}");
}

#[test]
fn a_connection_table_nearly_full() {
    const MAX: &str = "/proc/sys/net/netfilter/nf_conntrack_max";
    let made = World::new(&["full"], &["iptables"]).and_then(|w| {
        w.inside(0, "iptables -A INPUT -m conntrack --ctstate INVALID -j DROP")?;
        Ok(w)
    });
    let w = match made {
        Ok(w) => w,
        Err(why) => return skipped("a_connection_table_nearly_full", &why),
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            w.enter(0);
            // Nobody answers: each is an entry for 30 s.
            let sockets: Vec<_> = (0..970u16)
                .map(|n| {
                    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
                    let _ = socket.send_to(b"x", ("127.0.0.1", 20_000 + n));
                    socket
                })
                .collect();
            drop(sockets);
        });
    });
    let held: u64 = w
        .inside(0, "cat /proc/sys/net/netfilter/nf_conntrack_count")
        .expect("a count")
        .trim()
        .parse()
        .expect("a number");
    // The limit is one for all namespaces here: it is put back at once.
    let before = std::fs::read_to_string(MAX).expect("a limit");
    struct Back(String);
    impl Drop for Back {
        fn drop(&mut self) {
            let _ = std::fs::write(MAX, self.0.trim());
        }
    }
    let back = Back(before);
    if let Err(e) = std::fs::write(MAX, "1000") {
        return skipped("a_connection_table_nearly_full", &e.to_string());
    }
    let found = report();
    drop(back);
    let subject = format!("of process {}", w.pid(0));
    let fills = of(&found, "conntrack-fill");
    let fill = fills.iter().find(|f| f.subject.as_ref().is_some_and(|s| s.ends_with(&subject)));
    let fill = fill.expect("the namespace");
    println!("{} (held {held})", fill.value);
    assert_eq!((fill.numbers["entries"], fill.numbers["max"]), (held, 1_000));
    assert_eq!(fill.severity, Severity::Critical);
}
