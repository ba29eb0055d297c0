//! Tunnels: whether what they send fits into the device below, header and all.

use super::super::facts::Facts;
use super::super::finding::{Finding, Severity};
use super::{Check, or_ok};
use crate::host::links::Link;

pub const TUNNELS: Check = Check {
    name: "mtu-tunnels",
    title: "MTU of tunnels against the device below",
    run,
    why: "full packets do not fit with the tunnel's header: they are fragmented, or dropped, \
          while small ones pass: connections open and then hang",
    prove: "ip -d link show; ping -M do -s SIZE through the tunnel",
    help: "set the tunnel's MTU (and that of the pods) to that of the device below less the \
           header, or raise the MTU of the network",
};

/// Bytes that a tunnel puts around a packet, at least, and what they are; none of what is no
/// tunnel.
///
/// VXLAN (RFC 7348) and Geneve (RFC 8926, options come on top): inner Ethernet 14 + 8 + UDP 8 +
/// outer IP. IPIP (RFC 2003), SIT (RFC 4213), IPv6 in IPv6 (RFC 2473): the outer IP. GRE (RFC
/// 2784): 4 without key and checksum, with inner Ethernet for gretap. WireGuard: 16 + 16
/// authentication + UDP 8 + IP; it rounds up to 16 besides.
#[must_use]
pub fn overhead(kind: &str, outer_v6: bool) -> Option<(u32, &'static str)> {
    Some(match (kind, outer_v6) {
        ("vxlan", false) => (50, "Ethernet 14 + VXLAN 8 + UDP 8 + IPv4 20"),
        ("vxlan", true) => (70, "Ethernet 14 + VXLAN 8 + UDP 8 + IPv6 40"),
        ("geneve", false) => (50, "Ethernet 14 + Geneve 8 + UDP 8 + IPv4 20, options besides"),
        ("geneve", true) => (70, "Ethernet 14 + Geneve 8 + UDP 8 + IPv6 40, options besides"),
        ("ipip" | "sit", _) => (20, "IPv4 20"),
        ("gre", _) => (24, "GRE 4 + IPv4 20"),
        ("gretap", _) => (38, "Ethernet 14 + GRE 4 + IPv4 20"),
        ("ip6tnl", _) => (40, "IPv6 40"),
        ("ip6gre", _) => (44, "GRE 4 + IPv6 40"),
        ("ip6gretap", _) => (58, "Ethernet 14 + GRE 4 + IPv6 40"),
        // To which address family its peers belong the device does not tell: 80 over IPv6.
        ("wireguard", _) => (60, "WireGuard 32 + UDP 8 + IPv4 20; 80 over IPv6"),
        _ => return None,
    })
}

/// The device a tunnel's packets leave by: the one it is bound to, else that of the default route.
fn below<'a>(link: &Link, links: &'a [Link], uplinks: &[String]) -> Option<&'a Link> {
    let bound = link.lower.filter(|_| link.lower_nsid.is_none());
    match bound {
        Some(index) => links.iter().find(|l| l.index == index),
        None => links.iter().find(|l| Some(&l.name) == uplinks.first()),
    }
}

fn run(facts: &Facts) -> Vec<Finding> {
    let namespaces = match &facts.namespaces {
        Ok(namespaces) => namespaces,
        Err(why) => return vec![Finding::unknown(why)],
    };
    let links = match namespaces.host().map(|host| &host.links) {
        Some(Ok(links)) => links,
        Some(Err(why)) => return vec![Finding::unknown(why)],
        None => return vec![Finding::unknown("the host's own network namespace cannot be seen")],
    };
    let none = Vec::new();
    let uplinks = facts.uplinks.as_ref().unwrap_or(&none);
    let (mut findings, mut fit) = (Vec::new(), Vec::new());
    for link in links.iter().filter(|link| link.up) {
        let kind = link.kind.as_deref().unwrap_or_default();
        let Some((header, parts)) = overhead(kind, link.outer_v6) else { continue };
        let Some(lower) = below(link, links, uplinks) else {
            let why = match &facts.uplinks {
                Err(why) => why.clone(),
                Ok(_) => "the device it sends by is not known: no default route".to_owned(),
            };
            findings.push(Finding::unknown(why).on(&link.name));
            continue;
        };
        let room = lower.mtu.saturating_sub(header);
        if link.mtu <= room {
            fit.push(format!("{} {}", link.name, link.mtu));
            continue;
        }
        let value = format!(
            "{kind} MTU {} + {header} ({parts}) = {} > {} of {}",
            link.mtu,
            u64::from(link.mtu) + u64::from(header),
            lower.mtu,
            lower.name
        );
        let finding = Finding::new(Severity::Warning, value).on(&link.name);
        findings.push(
            finding
                .proved_by(format!("ip -d link show {}; ip link show {}", link.name, lower.name))
                .helped_by(format!("ip link set {} mtu {room}, and pods likewise", link.name))
                .number("mtu", link.mtu.into())
                .number("overhead", header.into())
                .number("lower_mtu", lower.mtu.into()),
        );
    }
    or_ok(findings, || match fit.is_empty() {
        true => Finding::new(Severity::Ok, "no tunnels"),
        false => Finding::new(Severity::Ok, format!("they fit: {}", fit.join(", "))),
    })
}

#[cfg(test)]
mod tests {
    use super::overhead;

    #[test]
    fn headers_add_up_to_what_they_say() {
        let kinds = [
            "vxlan",
            "geneve",
            "ipip",
            "sit",
            "gre",
            "gretap",
            "ip6tnl",
            "ip6gre",
            "ip6gretap",
            "wireguard",
        ];
        for (kind, v6) in kinds.iter().flat_map(|k| [(k, false), (k, true)]) {
            let (bytes, parts) = overhead(kind, v6).expect(kind);
            let own = parts.split([',', ';']).next().unwrap_or_default();
            let sum: u32 =
                own.split(" + ").filter_map(|p| p.rsplit(' ').next()?.parse::<u32>().ok()).sum();
            assert_eq!(sum, bytes, "{kind}: {parts}");
        }
        assert_eq!(overhead("veth", false), None);
    }
}
