//! The same by ctnetlink (include/uapi/linux/netfilter/nfnetlink_conntrack.h,
//! net/netfilter/nf_conntrack_netlink.c): 9 us for both questions.

use std::io;

use super::{CtFill, CtRow, CtSource, CtStats};
use crate::host::netlink::{DUMP, Malformed, Netlink, NetlinkError, attributes, be32};
use crate::units::Cpu;

/// `NFNL_SUBSYS_CTNETLINK` in the high byte, and the message below it.
const GET_STATS_CPU: u16 = (1 << 8) | 4;
const GET_STATS: u16 = (1 << 8) | 5;

/// `struct nfgenmsg`: family, version, and for statistics the CPU, in network byte order.
const GENERAL: [u8; 4] = [0; 4];

/// Names of `enum ctattr_stats_cpu`, by number less one. The kernel leaves out those that it no
/// longer counts.
const COUNTERS: [&str; 15] = [
    "searched",
    "found",
    "new",
    "invalid",
    "ignore",
    "delete",
    "delete_list",
    "insert",
    "insert_failed",
    "drop",
    "early_drop",
    "error",
    "search_restart",
    "clash_resolve",
    "chaintoolong",
];

/// A socket in one network namespace.
#[derive(Debug)]
pub struct Ctnetlink(Netlink);

impl Ctnetlink {
    /// Opens one in the calling thread's namespace. The first question on a machine may load the
    /// module `nf_conntrack_netlink`: ask only where connection tracking is in use.
    ///
    /// # Errors
    /// The kernel has no nfnetlink.
    pub fn open() -> io::Result<Ctnetlink> {
        Netlink::open(libc::NETLINK_NETFILTER).map(Ctnetlink)
    }

    /// The counters of each possible CPU.
    ///
    /// # Errors
    /// EPERM without CAP_NET_ADMIN in the namespace; EINVAL without ctnetlink.
    pub fn stats(&mut self) -> Result<CtStats, NetlinkError> {
        let mut rows = Vec::new();
        self.0.ask(GET_STATS_CPU, DUMP, &GENERAL, |kind, payload| {
            if kind == GET_STATS_CPU {
                rows.push(parse_stats_cpu(payload)?);
            }
            Ok(())
        })?;
        if rows.is_empty() {
            return Err(Malformed("counters of no CPU").into());
        }
        // Names that no CPU tells are those that this kernel does not have.
        let told: Vec<usize> = (0..COUNTERS.len())
            .filter(|at| rows.iter().any(|row: &CtRow| row.values[*at].is_some()))
            .collect();
        for row in &mut rows {
            row.values = told.iter().map(|at| row.values[*at]).collect();
        }
        let columns = told.iter().map(|at| COUNTERS[*at].to_owned()).collect();
        Ok(CtStats { source: CtSource::Netlink, columns, rows })
    }

    /// Entries and their limit. The limit is told since 4.18.
    ///
    /// # Errors
    /// As [`Ctnetlink::stats`].
    pub fn fill(&mut self) -> Result<CtFill, NetlinkError> {
        let mut found = None;
        self.0.ask(GET_STATS, 0, &GENERAL, |kind, payload| {
            if kind == GET_STATS {
                found = Some(parse_global(payload)?);
            }
            Ok(())
        })?;
        Ok(found.ok_or(Malformed("no number of entries"))?)
    }
}

/// Reads what follows the header of one answer about a CPU: a value, or none, for each of the
/// counters this program knows.
///
/// # Errors
/// It is cut, or a counter has no four bytes.
pub fn parse_stats_cpu(payload: &[u8]) -> Result<CtRow, Malformed> {
    let [_, _, high, low, rest @ ..] = payload else {
        return Err(Malformed("counters without a CPU"));
    };
    let mut values = vec![None; COUNTERS.len()];
    for attribute in attributes(rest) {
        let (kind, value) = attribute?;
        let Some(slot) = usize::from(kind).checked_sub(1).and_then(|at| values.get_mut(at)) else {
            continue; // A counter of a later kernel.
        };
        *slot = Some(number(value)?);
    }
    let cpu = Some(Cpu(u16::from_be_bytes([*high, *low]).into()));
    Ok(CtRow { cpu, values })
}

/// Reads the answer about the whole table.
///
/// # Errors
/// It is cut, or lacks one of the two numbers.
pub fn parse_global(payload: &[u8]) -> Result<CtFill, Malformed> {
    let rest = payload.get(GENERAL.len()..).ok_or(Malformed("numbers without a header"))?;
    let (mut entries, mut max) = (None, None);
    for attribute in attributes(rest) {
        match attribute? {
            (1, value) => entries = Some(number(value)?),
            (2, value) => max = Some(number(value)?),
            _ => {}
        }
    }
    let entries = entries.ok_or(Malformed("no number of entries"))?.into();
    let max = max.ok_or(Malformed("no limit of entries"))?.into();
    Ok(CtFill { entries, max })
}

fn number(value: &[u8]) -> Result<u32, Malformed> {
    let whole = be32(value).filter(|_| value.len() == 4);
    whole.ok_or(Malformed("a number that has no four bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer of Linux 6.18 about CPU 258: insert_failed 1259, drop 1259.
    fn answer() -> Vec<u8> {
        let mut bytes = vec![0, 0, 1, 2];
        for (kind, value) in [(2u16, 3u32), (4, 0), (8, 0), (9, 1259), (10, 1259), (99, 5)] {
            bytes.extend(8u16.to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(value.to_be_bytes());
        }
        bytes
    }

    #[test]
    fn counters_by_number_and_the_cpu_beside_them() {
        let row = parse_stats_cpu(&answer()).expect("an answer");
        let value = |name: &str| row.values[COUNTERS.iter().position(|c| *c == name).expect(name)];
        assert_eq!(
            (row.cpu, value("insert_failed"), value("found")),
            (Some(Cpu(258)), Some(1259), Some(3))
        );
        assert_eq!(value("clash_resolve"), None, "not told is not 0");
    }

    #[test]
    fn cut_anywhere_it_is_malformed_or_lacks_counters() {
        let good = answer();
        for cut in 0..good.len() {
            match parse_stats_cpu(&good[..cut]) {
                Ok(row) => {
                    let told = row.values.iter().flatten().count();
                    assert!(cut >= 4 && told == (cut - 4) / 8, "{cut}");
                }
                Err(_) => assert!(cut < 4 || (cut - 4) % 8 != 0, "{cut}"),
            }
            for bit in 0..8 {
                let mut odd = good.clone();
                odd[cut] ^= 1 << bit;
                let _ = (parse_stats_cpu(&odd), parse_global(&odd));
            }
        }
        let short = [0, 0, 0, 0, 6, 0, 9, 0, 1, 2, 0, 0];
        assert!(parse_stats_cpu(&short).is_err(), "two bytes are no counter");
    }

    #[test]
    fn the_table_needs_both_numbers() {
        let both = [0, 0, 0, 0, 8, 0, 1, 0, 0, 0, 1, 0, 8, 0, 2, 0, 0, 4, 0, 0];
        assert_eq!(parse_global(&both), Ok(CtFill { entries: 256, max: 262_144 }));
        assert!(parse_global(&both[..12]).is_err() && parse_global(&[]).is_err());
    }
}
