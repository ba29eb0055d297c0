//! Values as a person writes them: `50ms`, `8MiB`, `0,2-5`, `127.0.0.1:9747`.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::de::{Deserializer, Error, Unexpected};
use serde::{Deserialize, Serialize, Serializer};

use crate::host::CpuList;
use crate::units::Nanos;

macro_rules! as_text {
    ($($kind:ty),*) => { $(
        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<$kind, D::Error> {
                String::deserialize(from)?.parse().map_err(D::Error::custom)
            }
        }

        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
    )* };
}
as_text!(Period, Bytes, Cpus, Listen);

/// A length of time: `50ms`, `10s`, `2m`, `1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub Nanos);

impl FromStr for Period {
    type Err = crate::units::BadDuration;

    fn from_str(text: &str) -> Result<Period, Self::Err> {
        text.parse().map(Period)
    }
}

/// Exactly, in the largest unit that leaves no rest.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
        ];
        let fits = units.iter().find(|(ns, _)| self.0.0 > 0 && self.0.0.is_multiple_of(*ns));
        let (ns, unit) = fits.copied().unwrap_or((1, "ns"));
        write!(f, "{}{unit}", self.0.0 / ns)
    }
}

/// A size: `8MiB`, `500kB`, or just bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

const SIZES: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Bytes, String> {
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let unit = if unit.is_empty() { "B" } else { unit.trim() };
        let scale = SIZES.iter().find(|(name, _)| *name == unit).map(|(_, scale)| scale);
        let bytes = number.parse().ok().zip(scale).and_then(|(n, s): (u64, _)| n.checked_mul(*s));
        bytes.map(Bytes).ok_or_else(|| {
            format!("\"{text}\" is not a size: write a number and a unit, such as 8MiB or 1GB")
        })
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = SIZES.iter().find(|(_, scale)| self.0 > 0 && self.0.is_multiple_of(*scale));
        let (unit, scale) = fits.copied().unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / scale)
    }
}

/// CPUs; none stands for all that are online.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpus(pub Option<CpuList>);

impl FromStr for Cpus {
    type Err = String;

    fn from_str(text: &str) -> Result<Cpus, String> {
        if text == "all" {
            return Ok(Cpus(None));
        }
        text.parse()
            .map(|list| Cpus(Some(list)))
            .map_err(|e: <CpuList as FromStr>::Err| e.to_string())
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(list) => list.fmt(f),
            None => f.write_str("all"),
        }
    }
}

/// Where the HTTP server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Nowhere.
    Off,
    /// TCP.
    Tcp(SocketAddr),
    /// A socket in the file system, for its owner alone.
    Unix(PathBuf),
}

impl Default for Listen {
    /// This host only. Port 0 would be another one every time.
    fn default() -> Listen {
        Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 9747)))
    }
}

impl Listen {
    /// Whether only this host can connect.
    #[must_use]
    pub fn local(&self) -> bool {
        match self {
            Listen::Tcp(address) => address.ip().is_loopback(),
            Listen::Off | Listen::Unix(_) => true,
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Listen, String> {
        match text.strip_prefix("unix:") {
            _ if text == "off" => Ok(Listen::Off),
            Some(path) if path.starts_with('/') => Ok(Listen::Unix(path.into())),
            Some(_) => Err("unix: takes the whole path, from /".to_owned()),
            None => text.parse().map(Listen::Tcp).map_err(|_| {
                format!(
                    "\"{text}\" is no address: write 127.0.0.1:9747, [::1]:9747, unix:/PATH or off"
                )
            }),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Off => f.write_str("off"),
            Listen::Tcp(address) => address.fmt(f),
            Listen::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

macro_rules! bounded {
    ($($name:ident: $kind:ty = $range:expr, $expected:literal;)*) => { $(
        /// A number within its bounds.
        pub fn $name<'de, D: Deserializer<'de>>(from: D) -> Result<$kind, D::Error> {
            let n = i64::deserialize(from)?;
            let fits = <$kind>::try_from(n).ok().filter(|n| ($range).contains(n));
            fits.ok_or_else(|| D::Error::invalid_value(Unexpected::Signed(n), &$expected))
        }
    )* };
}
bounded! {
    frequency: u32 = 1..=999, "1 to 999 samples a second";
    percent: u32 = 0..=100, "0 to 100 per cent";
    connections: usize = 1..=1024, "1 to 1024 connections";
    culprits: usize = 0..=200, "0 to 200 culprits";
}
