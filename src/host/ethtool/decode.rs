//! Structures of include/uapi/linux/ethtool.h as bytes, in the byte order of this machine.

use crate::rxpath::{Channels, HashFunction, Transform};

/// struct ethtool_value
pub(super) const VALUE: usize = 8;
/// struct ethtool_drvinfo
pub(super) const DRVINFO: usize = 196;
/// struct ethtool_rxnfc, without rule_locs
pub(super) const RXNFC: usize = 192;
/// struct ethtool_channels
pub(super) const CHANNELS: usize = 36;
/// struct ethtool_rxfh, without rss_config
const RXFH: usize = 24;

/// No device has a larger table (ETH_RXFH_INDIR_NO_CHANGE and damage lie above).
const MAX_ENTRIES: u32 = 1 << 16;
/// No device has a longer key.
const MAX_KEY: u32 = 4096;

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

/// `data` of struct ethtool_value.
pub(super) fn value(bytes: &[u8]) -> Option<u32> {
    u32_at(bytes, 4)
}

/// `driver` of struct ethtool_drvinfo.
pub(super) fn driver(bytes: &[u8]) -> Option<String> {
    let name = bytes.get(4..36)?.split(|b| *b == 0).next()?;
    let name = String::from_utf8_lossy(name).into_owned();
    Some(name).filter(|name| !name.is_empty())
}

/// `data` of struct ethtool_rxnfc.
pub(super) fn data(bytes: &[u8]) -> Option<u64> {
    bytes.get(8..16)?.try_into().ok().map(u64::from_ne_bytes)
}

/// `rule_cnt` of struct ethtool_rxnfc.
pub(super) fn rule_count(bytes: &[u8]) -> Option<u32> {
    u32_at(bytes, 184)
}

/// struct ethtool_channels: maximums of rx, tx, other, combined, then the counts.
pub(super) fn channels(bytes: &[u8]) -> Option<Channels> {
    let pair = |most: usize| Some((u32_at(bytes, most + 16)?, u32_at(bytes, most)?));
    Some(Channels { rx: pair(4)?, tx: pair(8)?, combined: pair(16)? })
}

/// Answer of ETHTOOL_GRSSH.
#[derive(Debug)]
pub(super) struct Rxfh {
    pub(super) table: Vec<u32>,
    pub(super) key: Vec<u8>,
    pub(super) function: HashFunction,
    pub(super) transform: Transform,
}

impl Rxfh {
    /// struct ethtool_rxfh with room for a table and a key.
    pub(super) fn request(command: u32, entries: u32, key: u32) -> Vec<u8> {
        let mut bytes = vec![0; RXFH + entries as usize * 4 + key as usize];
        bytes[..4].copy_from_slice(&command.to_ne_bytes());
        bytes[8..12].copy_from_slice(&entries.to_ne_bytes());
        bytes[12..16].copy_from_slice(&key.to_ne_bytes());
        bytes
    }

    /// Entries of the table and bytes of the key; None if that is more than can be.
    pub(super) fn sizes(bytes: &[u8]) -> Option<(u32, u32)> {
        let (entries, key) = (u32_at(bytes, 8)?, u32_at(bytes, 12)?);
        (entries <= MAX_ENTRIES && key <= MAX_KEY).then_some((entries, key))
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Rxfh> {
        let (entries, key) = Rxfh::sizes(bytes)?;
        let rest = bytes.get(RXFH..)?;
        let (table, rest) = rest.split_at_checked(entries as usize * 4)?;
        let table = table.chunks_exact(4).filter_map(|entry| u32_at(entry, 0));
        Some(Rxfh {
            table: table.collect(),
            key: rest.get(..key as usize)?.to_vec(),
            function: HashFunction::from_bits(*bytes.get(16)?),
            transform: Transform::from_bits(*bytes.get(17)?),
        })
    }
}
