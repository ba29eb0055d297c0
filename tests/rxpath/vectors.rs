//! The verification suite of Microsoft's RSS specification ("Verifying the RSS hash calculation").

use std::net::IpAddr;

use stallprof::rxpath::{Flow, HashKey, PortPair, Proto, Transform, input, toeplitz};

/// The specification's key.
pub const KEY: &str = "6d:5a:56:da:25:5b:0e:c2:41:67:25:3d:43:a3:8f:b0:d0:ca:2b:cb:ae:7b:30:b4:\
                       77:cb:2d:a3:80:30:f2:0c:6a:42:b7:3b:be:ac:01:fa";

/// Destination, source, hash of the addresses, hash of addresses and ports.
const SUITE: [(&str, u16, &str, u16, u32, u32); 8] = [
    ("161.142.100.80", 1766, "66.9.149.187", 2794, 0x323e_8fc2, 0x51cc_c178),
    ("65.69.140.83", 4739, "199.92.111.2", 14230, 0xd718_262a, 0xc626_b0ea),
    ("12.22.207.184", 38024, "24.19.198.95", 12898, 0xd2d0_a5de, 0x5c2b_394a),
    ("209.142.163.6", 2217, "38.27.205.30", 48228, 0x8298_9176, 0xafc7_327f),
    ("202.188.127.2", 1303, "153.39.163.191", 44251, 0x5d18_09c5, 0x10e8_28a2),
    ("3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794, 0x2cc1_8cd5, 0x4020_7d3d),
    ("ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230, 0x0f0c_461c, 0xdde5_1bbf),
    (
        "fe80::200:f8ff:fe21:67cf",
        38024,
        "3ffe:1900:4545:3:200:f8ff:fe21:67cf",
        44251,
        0x4b61_e985,
        0x02d1_feef,
    ),
];

pub fn key() -> HashKey {
    KEY.replace(' ', "").parse().expect("the key")
}

fn flow(destination: &str, dport: u16, source: &str, sport: u16) -> Flow {
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    let ports = PortPair { source: sport, destination: dport };
    Flow::new(address(source), address(destination), Proto::Tcp(ports)).expect("a flow")
}

#[test]
fn the_published_hashes() {
    for (destination, dport, source, sport, addresses, ports) in SUITE {
        let flow = flow(destination, dport, source, sport);
        let hash = |with_ports| {
            let input = input(&flow, with_ports, Transform::None).expect("an input");
            toeplitz(&key(), &input)
        };
        assert_eq!(hash(false), addresses, "{flow}");
        assert_eq!(hash(true), ports, "{flow}");
    }
}

#[test]
fn symmetric_transforms_hash_both_ways_alike() {
    let laid_out = |flow: &Flow, transform| input(flow, true, transform).expect("an input");
    for (destination, dport, source, sport, ..) in SUITE {
        let there = flow(destination, dport, source, sport);
        let back = flow(source, sport, destination, dport);
        for transform in [Transform::SymmetricXor, Transform::SymmetricOrXor] {
            assert_eq!(laid_out(&there, transform), laid_out(&back, transform), "{there}");
        }
        assert_ne!(laid_out(&there, Transform::None), laid_out(&back, Transform::None));
        assert_eq!(input(&there, true, Transform::Other(4)), None);
    }
    // Documentation/networking/scaling.rst: both copies xor; or the first or, the second xor.
    let flow = flow("10.0.0.3", 3, "10.0.0.5", 5);
    assert_eq!(laid_out(&flow, Transform::SymmetricXor), [0, 0, 0, 6, 0, 0, 0, 6, 0, 6, 0, 6]);
    let or_xor = [10, 0, 0, 7, 0, 0, 0, 6, 0, 7, 0, 6];
    assert_eq!(laid_out(&flow, Transform::SymmetricOrXor), or_xor);
}
