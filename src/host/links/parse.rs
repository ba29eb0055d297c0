//! One answer of `RTM_GETLINK`.

use super::Link;
use crate::host::netlink::{Malformed, attributes, native32};

/// Length of `struct ifinfomsg`.
const HEADER: usize = 16;

const IFLA_LINK_NETNSID: u16 = 37;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_VXLAN_LINK: u16 = 3;
const IFLA_VXLAN_LIMIT: u16 = 9;
const IFLA_VXLAN_GROUP6: u16 = 16;
const IFLA_VXLAN_LOCAL6: u16 = 17;
const IFLA_GENEVE_REMOTE6: u16 = 7;
const IFLA_IPTUN_LINK: u16 = 1;
const IFLA_BR_FDB_N_LEARNED: u16 = 48;
const IFLA_BR_FDB_MAX_LEARNED: u16 = 49;

/// Reads what follows the header of the message.
///
/// # Errors
/// It is cut, or lacks name or MTU.
pub fn parse_link(payload: &[u8]) -> Result<Link, Malformed> {
    let (Some(header), Some(rest)) = (payload.get(..HEADER), payload.get(HEADER..)) else {
        return Err(Malformed("a device without a header"));
    };
    let word = |at: usize| native32(&header[at..]).unwrap_or(0);
    let up = word(8) & libc::IFF_UP as u32 != 0;
    let mut link = Link { index: word(4), up, ..Link::default() };
    let (mut named, mut mtu) = (false, None);
    for attribute in attributes(rest) {
        let (kind, value) = attribute?;
        match kind {
            libc::IFLA_IFNAME => {
                link.name = text(value);
                named = !link.name.is_empty();
            }
            libc::IFLA_MTU => mtu = Some(number(value)?),
            // A device that names itself has nothing below it.
            libc::IFLA_LINK => link.lower = Some(number(value)?).filter(|l| *l != 0),
            IFLA_LINK_NETNSID => link.lower_nsid = Some(number(value)? as i32).filter(|n| *n >= 0),
            libc::IFLA_MASTER => link.master = Some(number(value)?),
            libc::IFLA_LINKINFO => info(&mut link, value)?,
            _ => {}
        }
    }
    if link.lower == Some(link.index) && link.lower_nsid.is_none() {
        link.lower = None;
    }
    link.mtu = mtu.filter(|_| named).ok_or(Malformed("a device without name or MTU"))?;
    Ok(link)
}

fn info(link: &mut Link, value: &[u8]) -> Result<(), Malformed> {
    let mut data = None;
    for attribute in attributes(value) {
        match attribute? {
            (IFLA_INFO_KIND, kind) => link.kind = Some(text(kind)),
            (IFLA_INFO_DATA, value) => data = Some(value),
            _ => {}
        }
    }
    let kind = link.kind.clone().unwrap_or_default();
    for attribute in attributes(data.unwrap_or_default()) {
        let (attribute, value) = attribute?;
        match (kind.as_str(), attribute) {
            ("vxlan", IFLA_VXLAN_LINK) | ("ipip" | "gre" | "gretap" | "sit", IFLA_IPTUN_LINK) => {
                link.lower = Some(number(value)?).filter(|l| *l != 0).or(link.lower);
            }
            ("vxlan", IFLA_VXLAN_GROUP6 | IFLA_VXLAN_LOCAL6) | ("geneve", IFLA_GENEVE_REMOTE6) => {
                link.outer_v6 = true;
            }
            ("vxlan", IFLA_VXLAN_LIMIT) | ("bridge", IFLA_BR_FDB_MAX_LEARNED) => {
                link.fdb_max = Some(number(value)?).filter(|n| *n != 0);
            }
            ("bridge", IFLA_BR_FDB_N_LEARNED) => link.fdb_learned = Some(number(value)?),
            _ => {}
        }
    }
    link.outer_v6 |= matches!(kind.as_str(), "ip6tnl" | "ip6gre" | "ip6gretap");
    Ok(())
}

/// A string that ends in NUL.
fn text(value: &[u8]) -> String {
    let end = value.iter().position(|b| *b == 0).unwrap_or(value.len());
    String::from_utf8_lossy(&value[..end.min(256)]).into_owned()
}

fn number(value: &[u8]) -> Result<u32, Malformed> {
    native32(value).ok_or(Malformed("a number that is cut"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut out = ((value.len() + 4) as u16).to_ne_bytes().to_vec();
        out.extend(kind.to_ne_bytes());
        out.extend(value);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    /// A vxlan device as 6.18 tells it, shortened.
    fn vxlan() -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        bytes[4..8].copy_from_slice(&9u32.to_ne_bytes());
        bytes[8..12].copy_from_slice(&(libc::IFF_UP as u32).to_ne_bytes());
        bytes.extend(attribute(libc::IFLA_IFNAME, b"flannel.1\0"));
        bytes.extend(attribute(libc::IFLA_MTU, &1450u32.to_ne_bytes()));
        let mut info = attribute(IFLA_INFO_KIND, b"vxlan\0");
        let data: Vec<u8> = [(IFLA_VXLAN_LINK, 2u32), (IFLA_VXLAN_LIMIT, 100)]
            .iter()
            .flat_map(|(kind, value)| attribute(*kind, &value.to_ne_bytes()))
            .collect();
        info.extend(attribute(IFLA_INFO_DATA | 0x8000, &data));
        bytes.extend(attribute(libc::IFLA_LINKINFO, &info));
        bytes
    }

    #[test]
    fn a_tunnel_and_what_it_runs_over() {
        let link = parse_link(&vxlan()).expect("a link");
        assert_eq!(
            (link.name.as_str(), link.index, link.mtu, link.up),
            ("flannel.1", 9, 1450, true)
        );
        assert_eq!(
            (link.kind.as_deref(), link.lower, link.fdb_max),
            (Some("vxlan"), Some(2), Some(100))
        );
    }

    #[test]
    fn cut_or_flipped_it_does_not_stop_the_reader() {
        let good = vxlan();
        for cut in 0..good.len() {
            if let Ok(link) = parse_link(&good[..cut]) {
                assert_eq!(link.mtu, 1450, "{cut}");
            }
            for bit in 0..8 {
                let mut odd = good.clone();
                odd[cut] ^= 1 << bit;
                let _ = parse_link(&odd);
            }
        }
    }
}
