//! Keys of the RSS hash.

use std::fmt;
use std::str::FromStr;

/// The longest input is two IPv6 addresses and two ports: 36 bytes, and the last bit needs 32 bits
/// of the key from its place on.
const SHORTEST: usize = 40;
/// No device has a longer one (52 bytes is the longest known: i40e, ice).
const LONGEST: usize = 256;

/// A key that is long enough for every flow: 40 bytes or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashKey(Vec<u8>);

/// Why a key could not be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadKey {
    /// Too short or too long.
    #[error("the key has {0} bytes: RSS keys have {SHORTEST} bytes, on some devices 52")]
    Length(usize),
    /// Not hexadecimal.
    #[error("\"{0}\" is no byte of a key: write two hexadecimal digits a byte, such as 6d:5a:56")]
    Digits(String),
}

impl HashKey {
    /// A key of these bytes.
    ///
    /// # Errors
    /// [`BadKey::Length`] unless there are 40 to 256.
    pub fn new(bytes: Vec<u8>) -> Result<HashKey, BadKey> {
        match bytes.len() {
            SHORTEST..=LONGEST => Ok(HashKey(bytes)),
            other => Err(BadKey::Length(other)),
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// This key one byte later, with a zero byte before it: see [`super::Rss::key_may_be_shifted`].
    #[must_use]
    pub fn shifted(&self) -> HashKey {
        let last = self.0.len() - 1;
        HashKey(std::iter::once(0).chain(self.0[..last].iter().copied()).collect())
    }
}

/// As `ethtool -x` shows it: `6d:5a:56:...`; also without colons, or with blanks.
impl FromStr for HashKey {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<HashKey, BadKey> {
        let compact: String = text.chars().filter(|c| *c != ':' && !c.is_whitespace()).collect();
        let parts: Vec<&str> = if text.contains(':') {
            text.split(':').map(str::trim).collect()
        } else if compact.is_ascii() {
            (0..compact.len()).step_by(2).map(|i| &compact[i..compact.len().min(i + 2)]).collect()
        } else {
            vec![&compact]
        };
        let byte = |part: &&str| {
            let hex = part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
            let bad = || BadKey::Digits(part.chars().take(20).collect());
            hex.then(|| u8::from_str_radix(part, 16).ok()).flatten().ok_or_else(bad)
        };
        HashKey::new(parts.iter().map(byte).collect::<Result<_, _>>()?)
    }
}

impl fmt::Display for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if i > 0 { ":" } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_ethtool_writes_them() {
        let colons = vec!["6d"; 40].join(":");
        let key: HashKey = colons.parse().expect("a key");
        assert_eq!(key.bytes(), [0x6d; 40]);
        assert_eq!(key.to_string(), colons);
        assert_eq!("6d".repeat(40).parse(), Ok(key.clone()));
        assert_eq!(vec!["6D"; 40].join(" ").parse(), Ok(key.clone()));
        assert_eq!((key.shifted().bytes()[0], key.shifted().bytes()[39]), (0, 0x6d));
        assert_eq!(key.shifted().bytes().len(), 40);
    }

    #[test]
    fn a_bad_key_is_told_why() {
        let error = |text: &str| text.parse::<HashKey>().expect_err(text).to_string();
        assert!(error(&"ab".repeat(39)).starts_with("the key has 39 bytes"));
        assert!(error(&"ab".repeat(300)).starts_with("the key has 300 bytes"));
        assert!(error("6d:5g").starts_with("\"5g\" is no byte"));
        assert!(error("6d:5").starts_with("\"5\" is no byte"));
        assert!(error("6d:é").starts_with("\"é\" is no byte"));
        assert!(error("é").starts_with("\"é\" is no byte"));
        assert!(error("+f:6d").starts_with("\"+f\" is no byte"));
        assert!(error("6").starts_with("\"6\" is no byte"));
        assert!(error("").contains("0 bytes"));
        assert!(error(&"z".repeat(1 << 20)).len() < 200);
    }
}
