//! Network devices of a namespace as rtnetlink tells them (include/uapi/linux/if_link.h): unlike
//! sysfs, it knows what kind of tunnel a device is and where the other end of a veth pair is.

mod parse;
mod routes;

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::AsRawFd;

use super::netlink::{Malformed, Netlink, NetlinkError, attributes, native32};

pub use parse::parse_link;
pub use routes::{default_devices, parse_routes};

/// A network device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Its number in its namespace.
    pub index: u32,
    /// Its name; chosen by whoever made it.
    pub name: String,
    /// Longest packet it sends, bytes, without link header.
    pub mtu: u32,
    /// `IFF_UP`: it is switched on.
    pub up: bool,
    /// What made it: `veth`, `vxlan`, `bridge`, ...; none for hardware.
    pub kind: Option<String>,
    /// The device below it, or the other end of a veth pair, by its number in its own namespace.
    pub lower: Option<u32>,
    /// The namespace of `lower` as this one numbers them (`IFLA_LINK_NETNSID`); none: this one.
    pub lower_nsid: Option<i32>,
    /// The bridge or bond it is a part of.
    pub master: Option<u32>,
    /// Whether a tunnel's outer header is IPv6.
    pub outer_v6: bool,
    /// Most forwarding entries it may hold or learn; none: no limit, or none told.
    pub fdb_max: Option<u32>,
    /// Forwarding entries a bridge has learned (since 6.8).
    pub fdb_learned: Option<u32>,
}

const RTM_GETLINK: u16 = libc::RTM_GETLINK;
const RTM_NEWLINK: u16 = libc::RTM_NEWLINK;
const RTM_GETNSID: u16 = 90;
const RTM_NEWNSID: u16 = 88;
const NETNSA_NSID: u16 = 1;
const NETNSA_FD: u16 = 3;

/// A route socket in one network namespace.
#[derive(Debug)]
pub struct Links(Netlink);

impl Links {
    /// Opens one in the calling thread's namespace.
    ///
    /// # Errors
    /// No socket can be had.
    pub fn open() -> std::io::Result<Links> {
        Netlink::open(libc::NETLINK_ROUTE).map(Links)
    }

    /// All devices of the socket's namespace. Needs no capability.
    ///
    /// # Errors
    /// [`NetlinkError`] says why there is no whole answer.
    pub fn list(&mut self) -> Result<Vec<Link>, NetlinkError> {
        // struct ifinfomsg of zeroes, then IFLA_EXT_MASK = RTEXT_FILTER_SKIP_STATS: a third of
        // the bytes.
        let mut body = vec![0; 16];
        body.extend(8u16.to_ne_bytes());
        body.extend(libc::IFLA_EXT_MASK.to_ne_bytes());
        body.extend((1u32 << 3).to_ne_bytes());
        self.0.dump(RTM_GETLINK, &body, |links, kind, payload| {
            if kind == RTM_NEWLINK {
                links.push(parse_link(payload)?);
            }
            Ok(())
        })
    }

    /// Forwarding entries of each device of the socket's namespace, by the device's number.
    ///
    /// # Errors
    /// [`NetlinkError`] says why there is no whole answer.
    pub fn forwarding(&mut self) -> Result<HashMap<u32, u32>, NetlinkError> {
        // struct ndmsg of the family AF_BRIDGE.
        let mut body = vec![0; 12];
        body[0] = libc::AF_BRIDGE as u8;
        let devices = self.0.dump(libc::RTM_GETNEIGH, &body, |devices, kind, payload| {
            if kind == libc::RTM_NEWNEIGH {
                let device = payload.get(4..).and_then(native32);
                devices.push(device.ok_or(Malformed("a forwarding entry without a header"))?);
            }
            Ok(())
        })?;
        let mut counts = HashMap::new();
        for device in devices {
            *counts.entry(device).or_default() += 1;
        }
        Ok(counts)
    }

    /// The number under which the socket's namespace knows another; none if it has given it none,
    /// and thus shares no device with it.
    ///
    /// # Errors
    /// [`NetlinkError`] says why there is no answer.
    pub fn nsid(&mut self, namespace: &File) -> Result<Option<i32>, NetlinkError> {
        let mut body = vec![0; 4]; // struct rtgenmsg, padded
        body.extend(8u16.to_ne_bytes());
        body.extend(NETNSA_FD.to_ne_bytes());
        body.extend(namespace.as_raw_fd().to_ne_bytes());
        let mut found = None;
        self.0.ask(RTM_GETNSID, 0, &body, |kind, payload| {
            if kind == RTM_NEWNSID {
                found = Some(parse_nsid(payload)?);
            }
            Ok(())
        })?;
        Ok(found.ok_or(Malformed("no number of a namespace"))?)
    }
}

fn parse_nsid(payload: &[u8]) -> Result<Option<i32>, Malformed> {
    let rest = payload.get(4..).ok_or(Malformed("a namespace without a header"))?;
    for attribute in attributes(rest) {
        let (kind, value) = attribute?;
        if kind == NETNSA_NSID {
            let id = native32(value).ok_or(Malformed("a namespace's number is cut"))? as i32;
            return Ok((id >= 0).then_some(id));
        }
    }
    Err(Malformed("a namespace without a number"))
}
