//! The key of pseudonyms: without it nobody can tell by trying which name a pseudonym stands for.

use std::fs::File;
use std::io::{self, Read};

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Bytes that a key must have at least.
const SHORTEST: usize = 16;

/// A secret that decides which pseudonym a name gets.
pub struct Key(Vec<u8>);

/// A key that can be guessed.
#[derive(Debug, thiserror::Error)]
#[error(
    "a key needs {SHORTEST} bytes or more, this one has {0}: make one with \
     `head -c 32 /dev/urandom > KEY`"
)]
pub struct BadKey(usize);

impl Key {
    /// A key that nobody knows and that is forgotten with the program.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub fn random() -> io::Result<Key> {
        let mut bytes = vec![0; 32];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Key(bytes))
    }

    /// A key from its bytes.
    ///
    /// # Errors
    /// If there are too few of them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Key, BadKey> {
        if bytes.len() < SHORTEST { Err(BadKey(bytes.len())) } else { Ok(Key(bytes.to_vec())) }
    }

    /// Ten letters and digits that stand for a text: 50 bits, so that two of 100,000 texts have the
    /// same by a chance of one in 200,000.
    pub(super) fn tag(&self, text: &str) -> String {
        const DIGITS: [u8; 32] = *b"abcdefghijklmnopqrstuvwxyz234567";
        let hash = self.hash(text);
        let bits = hash.iter().take(8).fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        (0..10).map(|n| char::from(DIGITS[(bits >> (5 * n)) as usize % 32])).collect()
    }

    /// Up to 64 hexadecimal digits that stand for a text.
    pub(super) fn hex(&self, text: &str, digits: usize) -> String {
        let hex: String = self.hash(text).iter().map(|byte| format!("{byte:02x}")).collect();
        hex.chars().take(digits).collect()
    }

    fn hash(&self, text: &str) -> [u8; 32] {
        // A key of any length will do.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return [0; 32] };
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn pseudonyms_depend_on_name_and_key() {
        let (a, b) = (Key::from_bytes(&[1; 16]).unwrap(), Key::random().unwrap());
        assert_eq!(a.tag("cadvisor"), a.tag("cadvisor"));
        assert_ne!(a.tag("cadvisor"), a.tag("cadvisor2"));
        assert_ne!(a.tag("cadvisor"), b.tag("cadvisor"));
        assert_eq!((a.tag("").len(), a.hex("x", 64).len(), a.hex("x", 32).len()), (10, 64, 32));
        assert!(Key::from_bytes(b"secret").is_err());
    }

    /// RFC 4231, test case 2, with the key made long enough by its padding of zeros.
    #[test]
    fn it_is_the_published_function() {
        let key = Key::from_bytes(b"Jefe\0\0\0\0\0\0\0\0\0\0\0\0").unwrap();
        let told = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(key.hex("what do ya want for nothing?", 64), told);
    }
}
