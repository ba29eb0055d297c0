//! How a device chooses the queue: receive side scaling.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::fields::{FlowKind, HashFields, Transform};
use super::key::HashKey;

/// Receive side scaling of a device.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Rss {
    /// Indirection table: the queue for each value of the hash's low bits. Empty if there is none.
    pub table: Vec<u32>,
    /// The key, unless there is none or it is too short to be one.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub key: Option<HashKey>,
    /// virtio_net of Linux 6.15 (and of stable kernels that took ed3100e90d0d) gives the device
    /// this key with a zero byte before it; fixed by 4156c3745f06 (6.19). Which of the two a kernel does
    /// its version does not tell.
    pub key_may_be_shifted: bool,
    /// Why the device may not look at the table at all, although it tells one.
    pub doubt: Option<String>,
    /// The hash.
    pub function: HashFunction,
    /// What is done to the input before.
    pub transform: Transform,
    /// What is hashed of which packets.
    pub fields: Fields,
    /// Why table or key are not here, where they are not.
    pub missing: Option<String>,
}

/// What is hashed of each kind of packets; a kind that the device does not tell of is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Fields(pub BTreeMap<FlowKind, HashFields>);

/// A device's hash (`ETH_RSS_HASH_*` of include/linux/ethtool.h).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HashFunction {
    /// The driver does not say.
    #[default]
    Unknown,
    /// The one of the RSS specification.
    Toeplitz,
    /// All input bytes added without carry.
    Xor,
    /// CRC-32.
    Crc32,
}

impl HashFunction {
    /// Reads the bits of `hfunc` of struct ethtool_rxfh.
    #[must_use]
    pub fn from_bits(bits: u8) -> HashFunction {
        match bits {
            1 => HashFunction::Toeplitz,
            2 => HashFunction::Xor,
            4 => HashFunction::Crc32,
            _ => HashFunction::Unknown,
        }
    }
}

fn as_text<S: serde::Serializer>(key: &Option<HashKey>, out: S) -> Result<S::Ok, S::Error> {
    key.as_ref().map(HashKey::to_string).serialize(out)
}

fn from_text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<HashKey>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}
