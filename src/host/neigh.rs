//! Neighbour tables (ARP, NDISC): net/core/neighbour.c. One table of a family serves all network
//! namespaces, so one namespace that fills it stops all of them.

use super::counter::HexTable;
use super::root::{HostError, HostRoot};

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// ARP, IPv4.
    V4,
    /// NDISC, IPv6.
    V6,
}

/// A reading of one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighTable {
    /// Entries of all namespaces now, permanent ones included (which do not count for the limit).
    pub entries: u64,
    /// Entries refused because the table was full, since boot; none before 3.10 or so.
    pub table_fulls: Option<u64>,
    /// Forced collections: an entry was asked for while the table was over its second threshold.
    pub forced_gc: Option<u64>,
}

/// `gc_thresh1..3` of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Above this, entries unused for 5 s are collected when another is asked for.
    pub second: u64,
    /// At this, another is refused if nothing can be collected.
    pub third: u64,
}

impl Family {
    fn file(self, pid: u32) -> String {
        let name = match self {
            Family::V4 => "arp_cache",
            Family::V6 => "ndisc_cache",
        };
        format!("proc/{pid}/net/stat/{name}")
    }

    /// Where its settings are; only the host's own namespace has them.
    #[must_use]
    pub fn settings(self) -> &'static str {
        match self {
            Family::V4 => "proc/sys/net/ipv4/neigh/default",
            Family::V6 => "proc/sys/net/ipv6/neigh/default",
        }
    }
}

impl NeighTable {
    /// Reads the counters of a table, as a process shows them: all see the same.
    ///
    /// # Errors
    /// The file cannot be read or understood.
    pub fn read(root: &HostRoot, pid: u32, family: Family) -> Result<NeighTable, HostError> {
        let file = family.file(pid);
        let table = HexTable::read(root, &file)?;
        let entries = table.first("entries").ok_or_else(|| HostError::Content {
            path: root.path(&file),
            what: "no column \"entries\"".to_owned(),
        })?;
        Ok(NeighTable {
            entries,
            table_fulls: table.sum("table_fulls"),
            forced_gc: table.sum("forced_gc_runs"),
        })
    }
}

impl Thresholds {
    /// Reads the settings of a table.
    ///
    /// # Errors
    /// They cannot be read or understood: in a network namespace other than the host's own there
    /// are none.
    pub fn read(root: &HostRoot, family: Family) -> Result<Thresholds, HostError> {
        let number = |name: &str| {
            let rel = format!("{}/{name}", family.settings());
            let text = root.read_to_string(&rel)?;
            text.trim().parse().map_err(|_| HostError::Content {
                path: root.path(&rel),
                what: "no number".to_owned(),
            })
        };
        Ok(Thresholds { second: number("gc_thresh2")?, third: number("gc_thresh3")? })
    }
}
