//! What of a packet goes into the RSS hash, and how it is laid out there.

use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::flow::{Flow, Proto};

/// The kinds of packets that devices have settings for (flow types of
/// include/uapi/linux/ethtool.h: TCP_V4_FLOW, ..., IPV6_FLOW).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FlowKind {
    /// TCP over IPv4.
    Tcp4,
    /// UDP over IPv4.
    Udp4,
    /// Anything else over IPv4, ICMP among it.
    Ip4,
    /// TCP over IPv6.
    Tcp6,
    /// UDP over IPv6.
    Udp6,
    /// Anything else over IPv6.
    Ip6,
}

impl FlowKind {
    /// All of them.
    pub const ALL: [FlowKind; 6] = [
        FlowKind::Tcp4,
        FlowKind::Udp4,
        FlowKind::Ip4,
        FlowKind::Tcp6,
        FlowKind::Udp6,
        FlowKind::Ip6,
    ];

    /// The kind of this flow.
    #[must_use]
    pub fn of(flow: &Flow) -> FlowKind {
        match (flow.proto, flow.source) {
            (Proto::Tcp(_), IpAddr::V4(_)) => FlowKind::Tcp4,
            (Proto::Udp(_), IpAddr::V4(_)) => FlowKind::Udp4,
            (Proto::Icmp, IpAddr::V4(_)) => FlowKind::Ip4,
            (Proto::Tcp(_), IpAddr::V6(_)) => FlowKind::Tcp6,
            (Proto::Udp(_), IpAddr::V6(_)) => FlowKind::Udp6,
            (Proto::Icmp, IpAddr::V6(_)) => FlowKind::Ip6,
        }
    }

    /// As `ethtool -n DEV rx-flow-hash` wants it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FlowKind::Tcp4 => "tcp4",
            FlowKind::Udp4 => "udp4",
            FlowKind::Ip4 => "ip4",
            FlowKind::Tcp6 => "tcp6",
            FlowKind::Udp6 => "udp6",
            FlowKind::Ip6 => "ip6",
        }
    }
}

/// Which parts of a packet a device hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HashFields {
    /// None: the packet is not hashed.
    None,
    /// Source and destination address (2-tuple).
    Addresses,
    /// Both addresses and both ports (4-tuple).
    Ports,
    /// Another selection, as bits of `RXH_*` of include/uapi/linux/ethtool.h.
    Other(u64),
}

impl HashFields {
    /// Reads the bits that ETHTOOL_GRXFH gives.
    #[must_use]
    pub fn from_bits(bits: u64) -> HashFields {
        // RXH_IP_SRC, RXH_IP_DST; with RXH_L4_B_0_1 and RXH_L4_B_2_3 the ports.
        const ADDRESSES: u64 = 1 << 4 | 1 << 5;
        const PORTS: u64 = ADDRESSES | 1 << 6 | 1 << 7;
        match bits {
            0 => HashFields::None,
            ADDRESSES => HashFields::Addresses,
            PORTS => HashFields::Ports,
            other => HashFields::Other(other),
        }
    }
}

impl FromStr for HashFields {
    type Err = String;

    /// As a person writes them: `addresses` or `ports`.
    fn from_str(text: &str) -> Result<HashFields, String> {
        match text {
            "addresses" => Ok(HashFields::Addresses),
            "ports" => Ok(HashFields::Ports),
            _ => Err("write addresses, or ports for addresses and ports".to_owned()),
        }
    }
}

/// What a device does to the input before it hashes it (`input_xfrm` of struct ethtool_rxfh).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// Nothing.
    #[default]
    None,
    /// RXH_XFRM_SYM_XOR (13e59344fb9d, Linux 6.8): source ^ destination stands in both places.
    SymmetricXor,
    /// RXH_XFRM_SYM_OR_XOR (Linux 6.15): source | destination, then source ^ destination.
    SymmetricOrXor,
    /// Something a later kernel knows: the bits.
    Other(u8),
}

impl Transform {
    /// Reads `input_xfrm`.
    #[must_use]
    pub fn from_bits(bits: u8) -> Transform {
        match bits {
            0 => Transform::None,
            1 => Transform::SymmetricXor,
            2 => Transform::SymmetricOrXor,
            other => Transform::Other(other),
        }
    }
}

/// What is hashed of a flow: source address, destination address, source port, destination port,
/// in network byte order. `ports` asks for the ports; a flow without any has only addresses.
///
/// None if the transform is not known.
#[must_use]
pub fn input(flow: &Flow, ports: bool, transform: Transform) -> Option<Vec<u8>> {
    let octets = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let mut pairs = vec![(octets(flow.source), octets(flow.destination))];
    if let Some(p) = flow.ports().filter(|_| ports) {
        pairs.push((p.source.to_be_bytes().to_vec(), p.destination.to_be_bytes().to_vec()));
    }
    let zip = |a: &[u8], b: &[u8], f: fn(u8, u8) -> u8| -> Vec<u8> {
        a.iter().zip(b).map(|(a, b)| f(*a, *b)).collect()
    };
    let mut bytes = Vec::with_capacity(36);
    for (source, destination) in pairs {
        let xor = zip(&source, &destination, |a, b| a ^ b);
        let (first, second) = match transform {
            Transform::None => (source, destination),
            Transform::SymmetricXor => (xor.clone(), xor),
            Transform::SymmetricOrXor => (zip(&source, &destination, |a, b| a | b), xor),
            Transform::Other(_) => return None,
        };
        bytes.extend(first);
        bytes.extend(second);
    }
    Some(bytes)
}
