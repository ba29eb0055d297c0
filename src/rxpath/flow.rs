//! Flows: who sends what to whom.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::Serialize;

/// Where Linux takes source ports from unless told otherwise (`ip_local_port_range`).
const EPHEMERAL: RangeInclusive<u16> = 32_768..=60_999;

/// What is inside the IP packets of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Proto {
    /// ICMP or ICMPv6: no ports.
    Icmp,
    /// TCP with these ports.
    Tcp(PortPair),
    /// UDP with these ports.
    Udp(PortPair),
}

/// Source and destination port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PortPair {
    /// The sender's.
    pub source: u16,
    /// The receiver's.
    pub destination: u16,
}

/// Packets of one sender to one receiver, as they stand on the wire: under a tunnel or VXLAN these
/// are the outer addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Flow {
    /// Source address: the other host's.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// What they carry.
    pub proto: Proto,
}

/// Why a flow could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadFlow {
    /// Not an address.
    #[error("\"{0}\" is not an IP address")]
    Address(String),
    /// `::ffff:192.0.2.1`.
    #[error("{0} stands for an IPv4 address: write that")]
    Mapped(String),
    /// One address of each family.
    #[error("{0} and {1}: one is IPv4, the other IPv6")]
    Mixed(IpAddr, IpAddr),
    /// Not a pair of ports.
    #[error("\"{0}\": write SPORT:DPORT, such as 40000:443; SPORT may be a range, or left out")]
    Ports(String),
}

impl Flow {
    /// A flow between two addresses of one family.
    ///
    /// # Errors
    /// [`BadFlow::Mixed`] if they are of two.
    pub fn new(source: IpAddr, destination: IpAddr, proto: Proto) -> Result<Flow, BadFlow> {
        if source.is_ipv4() != destination.is_ipv4() {
            return Err(BadFlow::Mixed(source, destination));
        }
        Ok(Flow { source, destination, proto })
    }

    /// An address as a person writes it.
    ///
    /// # Errors
    /// It is none, or an IPv4 address in IPv6 clothes, which no packet carries.
    pub fn address(text: &str) -> Result<IpAddr, BadFlow> {
        let short = || text.chars().take(60).collect();
        match text.parse() {
            Ok(IpAddr::V6(v6)) if v6.to_ipv4_mapped().is_some() => Err(BadFlow::Mapped(short())),
            Ok(address) => Ok(address),
            Err(_) => Err(BadFlow::Address(short())),
        }
    }

    /// Its ports, if it has any.
    #[must_use]
    pub fn ports(&self) -> Option<PortPair> {
        match self.proto {
            Proto::Icmp => None,
            Proto::Tcp(ports) | Proto::Udp(ports) => Some(ports),
        }
    }

    /// The same flow from another port; without ports it stays as it is.
    #[must_use]
    pub fn from_port(self, source: u16) -> Flow {
        let proto = match self.proto {
            Proto::Icmp => Proto::Icmp,
            Proto::Tcp(ports) => Proto::Tcp(PortPair { source, ..ports }),
            Proto::Udp(ports) => Proto::Udp(PortPair { source, ..ports }),
        };
        Flow { proto, ..self }
    }

    /// `ICMP`, `TCP` or `UDP`.
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        match (self.proto, self.source) {
            (Proto::Icmp, IpAddr::V4(_)) => "ICMP",
            (Proto::Icmp, IpAddr::V6(_)) => "ICMPv6",
            (Proto::Tcp(_), _) => "TCP",
            (Proto::Udp(_), _) => "UDP",
        }
    }
}

/// `TCP 192.0.2.1:40000 -> 198.51.100.2:443`.
impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |address: IpAddr, port: Option<u16>| match (address, port) {
            (address, None) => address.to_string(),
            (address, Some(port)) => std::net::SocketAddr::new(address, port).to_string(),
        };
        let ports = self.ports();
        let source = end(self.source, ports.map(|p| p.source));
        let destination = end(self.destination, ports.map(|p| p.destination));
        write!(f, "{} {source} -> {destination}", self.protocol())
    }
}

/// Ports as a person gives them: one source port or a range of them, and a destination port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Source ports; one for a single flow.
    pub source: RangeInclusive<u16>,
    /// Destination port.
    pub destination: u16,
}

/// `40000:443`, `40000-40099:443`, or `:443` for all ports that Linux clients use.
impl FromStr for Ports {
    type Err = BadFlow;

    fn from_str(text: &str) -> Result<Ports, BadFlow> {
        let bad = || BadFlow::Ports(text.chars().take(60).collect());
        let port = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten().ok_or_else(bad)
        };
        let (source, destination) = text.split_once(':').ok_or_else(bad)?;
        let source = match source.split_once('-') {
            None if source.is_empty() => EPHEMERAL,
            None => port(source)?..=port(source)?,
            Some((first, last)) => port(first)?..=port(last)?,
        };
        if source.is_empty() {
            return Err(bad());
        }
        Ok(Ports { source, destination: port(destination)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_as_people_write_them() {
        let read = |text: &str| text.parse::<Ports>().map(|p| (p.source, p.destination));
        assert_eq!(read("40000:443"), Ok((40_000..=40_000, 443)));
        assert_eq!(read("1-65535:53"), Ok((1..=65_535, 53)));
        assert_eq!(read(":443"), Ok((32_768..=60_999, 443)));
        for bad in ["", "443", "1:", "1:2:3", "65536:1", "2-1:1", "-1:1", "a:1", "+1:2", "1-:2"] {
            assert_eq!(read(bad), Err(BadFlow::Ports(bad.to_owned())), "{bad}");
        }
    }

    #[test]
    fn addresses_are_of_one_family() {
        let v4 = Flow::address("66.9.149.187").expect("an address");
        let v6 = Flow::address("3ffe:2501:200:3::1").expect("an address");
        assert_eq!(Flow::new(v4, v6, Proto::Icmp), Err(BadFlow::Mixed(v4, v6)));
        assert!(matches!(Flow::address("::ffff:1.2.3.4"), Err(BadFlow::Mapped(_))));
        for bad in ["", "1.2.3", "1.2.3.4/24", "fe80::1%eth0", "01.2.3.4", "host"] {
            assert_eq!(Flow::address(bad), Err(BadFlow::Address(bad.to_owned())), "{bad}");
        }
        let ports = PortPair { source: 2794, destination: 1766 };
        let flow = Flow::new(v6, v6, Proto::Tcp(ports)).expect("a flow");
        let shown = "TCP [3ffe:2501:200:3::1]:2794 -> [3ffe:2501:200:3::1]:1766";
        assert_eq!(flow.to_string(), shown);
    }
}
