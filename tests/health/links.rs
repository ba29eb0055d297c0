//! MTU arithmetic and forwarding tables on made-up devices.

use stallprof::health::{Facts, Severity, examine};
use stallprof::host::links::Link;

use super::facts::{healthy, link, namespace};
use super::{of, worst};

fn node(links: Vec<Link>) -> Facts {
    let mut facts = healthy();
    let mut host = vec![link(2, "eth0", 1500, "")];
    host.extend(links);
    facts.namespaces.as_mut().unwrap().list = vec![namespace(1, true, host)];
    facts
}

#[test]
fn tunnels_over_the_device_they_are_bound_to() {
    for (kind, v6, fits) in [
        ("vxlan", false, 1450),
        ("vxlan", true, 1430),
        ("geneve", false, 1450),
        ("ipip", false, 1480),
        ("sit", false, 1480),
        ("gre", false, 1476),
        ("gretap", false, 1462),
        ("ip6tnl", true, 1460),
        ("wireguard", false, 1440),
    ] {
        for (mtu, want) in [(fits, Severity::Ok), (fits + 1, Severity::Warning)] {
            let mut tunnel = link(9, "tun0", mtu, kind);
            (tunnel.outer_v6, tunnel.lower) = (v6, Some(2));
            assert_eq!(worst(&node(vec![tunnel.clone()]), "mtu-tunnels"), want, "{kind} {mtu}");
            tunnel.lower = None;
            assert_eq!(worst(&node(vec![tunnel]), "mtu-tunnels"), want, "{kind} by the route");
        }
    }
    let report =
        examine(&node(vec![Link { lower: Some(2), ..link(9, "flannel.1", 1500, "vxlan") }]));
    let finding = of(&report, "mtu-tunnels")[0];
    let sum = "vxlan MTU 1500 + 50 (Ethernet 14 + VXLAN 8 + UDP 8 + IPv4 20) = 1550 > 1500 of eth0";
    assert_eq!((finding.value.as_str(), finding.numbers["overhead"]), (sum, 50));
    let mut nowhere = node(vec![link(9, "tun0", 1500, "ipip")]);
    nowhere.uplinks = Ok(Vec::new());
    assert_eq!(worst(&nowhere, "mtu-tunnels"), Severity::Unknown);
}

/// A node with a pod: `pod` and `host` are the ends of its pair, `way` the MTU of a tunnel.
fn with_pod(pod: u32, host: u32, way: Option<u32>) -> Facts {
    let end = |index, name: &str, mtu, peer, nsid| Link {
        lower: Some(peer),
        lower_nsid: Some(nsid),
        ..link(index, name, mtu, "veth")
    };
    let mut links = vec![end(7, "veth12", host, 3, 42)];
    links.extend(way.map(|mtu| Link { lower: Some(2), ..link(9, "flannel.1", mtu, "vxlan") }));
    let mut facts = node(links);
    let mut ns = namespace(42, false, vec![end(3, "eth0", pod, 7, 0)]);
    ns.nsid = Some(42);
    facts.namespaces.as_mut().unwrap().list.push(ns);
    facts
}

#[test]
fn pods_and_their_way_out() {
    for (pod, host, way, want) in [
        (1450, 1450, Some(1450), Severity::Ok),
        (1500, 1500, None, Severity::Ok),
        (1500, 1450, None, Severity::Warning),
        (1400, 1500, None, Severity::Warning),
        (1500, 1500, Some(1450), Severity::Warning),
        (9000, 9000, None, Severity::Warning),
    ] {
        let facts = with_pod(pod, host, way);
        assert_eq!(worst(&facts, "mtu-pods"), want, "{pod} {host} {way:?}");
    }
    let mut other = with_pod(1500, 1400, None);
    other.namespaces.as_mut().unwrap().list[1].nsid = Some(43);
    assert_eq!(worst(&other, "mtu-pods"), Severity::Ok, "the other end is elsewhere");
    let mut hidden = with_pod(1450, 1450, None);
    hidden.namespaces.as_mut().unwrap().list[1].links = Err("no".to_owned());
    assert_eq!(worst(&hidden, "mtu-pods"), Severity::Unknown);
}

#[test]
fn forwarding_tables_with_a_limit() {
    for (held, want) in [(10, Severity::Ok), (80, Severity::Warning), (96, Severity::Critical)] {
        let bridge =
            Link { fdb_max: Some(100), fdb_learned: Some(held), ..link(5, "br0", 1500, "bridge") };
        assert_eq!(worst(&node(vec![bridge]), "fdb"), want);
        let mut facts = node(vec![Link { fdb_max: Some(100), ..link(6, "vx", 1400, "vxlan") }]);
        facts.namespaces.as_mut().unwrap().forwarding = Ok([(6, held)].into());
        assert_eq!(worst(&facts, "fdb"), want);
    }
}
