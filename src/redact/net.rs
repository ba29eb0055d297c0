//! Addresses, and what connection tracking told in words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Key, Names, Role, kernel, named};
use crate::model::conntrack::{CtDrop, CtReading, Flow, NatRules};
use crate::model::rx::{RxFlow, RxRow};

/// An address that stands for another: of 240.0.0.0/4, which nobody may use (RFC 1112), or of
/// 2001:db8::/32, which is for examples (RFC 3849). The unspecified address stays.
fn pseudonym(address: IpAddr, key: &Key) -> IpAddr {
    if address.is_unspecified() {
        return address;
    }
    let bits = u128::from_str_radix(&key.hex(&address.to_string(), 24), 16).unwrap_or_default();
    match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(0xf000_0000 | bits as u32 & 0x0fff_ffff)),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8 << 96 | bits)),
    }
}

/// An address in words.
pub(super) fn address(text: &str, key: &Key) -> String {
    match text.parse() {
        Ok(address) => pseudonym(address, key).to_string(),
        Err(_) => named("address", text, key),
    }
}

/// Names of counters, of programs of ours and the kernel's: words, with blanks between them.
pub(super) fn words(text: &str, key: &Key) -> String {
    let ours = ["/proc/net/stat/nf_conntrack", "host"];
    if ours.contains(&text) || lists_rules(text) || text.split(' ').all(kernel::is_word) {
        return text.to_owned();
    }
    named("words", text, key)
}

/// `iptables-save`, `ip6tables-legacy-save`, ...
fn lists_rules(text: &str) -> bool {
    let kind = ["iptables-", "ip6tables-"].iter().find_map(|name| text.strip_prefix(name));
    matches!(kind, Some("save" | "nft-save" | "legacy-save"))
}

pub(super) fn received(names: &mut Names<'_>, row: &mut RxRow) {
    row.device.name = names.of(row.device.name, Role::Device);
    row.device.kind = names.of(row.device.kind, Role::Words);
}

pub(super) fn flow(key: &Key, row: &mut RxFlow) {
    let halves = |address| match pseudonym(address, key) {
        IpAddr::V4(v4) => [0, u64::from(v4.to_bits())],
        IpAddr::V6(v6) => [(v6.to_bits() >> 64) as u64, v6.to_bits() as u64],
    };
    let (source, destination) = row.addresses();
    (row.source, row.destination) = (halves(source), halves(destination));
}

pub(super) fn ends(names: &mut Names<'_>, flow: &mut Flow) {
    flow.source = names.of(flow.source, Role::Address);
    flow.target = names.of(flow.target, Role::Address);
}

pub(super) fn dropped(names: &mut Names<'_>, row: &mut CtDrop) {
    ends(names, &mut row.sent);
    ends(names, &mut row.translated);
    row.reason = names.of(row.reason, Role::Words);
}

pub(super) fn reading(names: &mut Names<'_>, row: &mut CtReading) {
    row.name = names.of(row.name, Role::Words);
    row.cgroup = names.of(row.cgroup, Role::Path);
    row.source = names.of(row.source, Role::Words);
    row.counters = names.of(row.counters, Role::Words);
    row.problem = names.of(row.problem, Role::Remark);
}

pub(super) fn rules(names: &mut Names<'_>, row: &mut NatRules) {
    row.program = names.of(row.program, Role::Words);
    row.example = names.of(row.example, Role::Remark);
    row.problem = names.of(row.problem, Role::Remark);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_others_that_nobody_has() {
        let key = Key::from_bytes(&[7; 16]).unwrap();
        let (v4, v6) = (address("10.1.2.3", &key), address("fd00::17", &key));
        assert!(v4.parse::<Ipv4Addr>().unwrap().octets()[0] >= 240, "{v4}");
        assert!(v6.starts_with("2001:db8:"), "{v6}");
        assert_eq!(address("10.1.2.3", &key), v4);
        assert_eq!(address("0.0.0.0", &key), "0.0.0.0");
        assert!(address("no address", &key).starts_with("address-"));
        let mut row = RxFlow { family: 4, source: [0, 0x0a01_0203], ..RxFlow::default() };
        flow(&key, &mut row);
        assert_eq!(row.addresses().0.to_string(), v4);
    }
}
