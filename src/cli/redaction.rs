//! The options that hide names.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::model::Recording;
use crate::redact::{Key, redact};

/// Bytes of a key that are read.
const LONGEST: u64 = 1 << 16;

#[derive(clap::Args)]
pub struct Redaction {
    /// Hide names that somebody chose: hosts, tasks, files, cgroups, containers, user functions
    ///
    /// Each becomes a pseudonym, the same wherever it stands. docs/redact.md tells what stays.
    #[arg(long)]
    redact: bool,

    /// Hide names, with pseudonyms that are the same for all files that are given this key
    ///
    /// A file of 16 bytes or more that nobody else has: (umask 077; head -c 32 /dev/urandom > KEY)
    #[arg(long, value_name = "KEY")]
    redact_key: Option<PathBuf>,
}

impl Redaction {
    /// The key, if names are to be hidden: of all recordings of one run the same.
    pub fn key(&self) -> Result<Option<Key>> {
        match &self.redact_key {
            Some(path) => Ok(Some(read(path)?)),
            None if self.redact => Ok(Some(Key::random().context("no random key to be had")?)),
            None => Ok(None),
        }
    }

    /// The recording, without names if asked.
    pub fn apply(&self, recording: Recording) -> Result<Recording> {
        Ok(match self.key()? {
            Some(key) => redact(recording, &key),
            None => recording,
        })
    }
}

/// A key from its file.
pub fn read(path: &Path) -> Result<Key> {
    let place = || path.display().to_string();
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(place)?;
    // Whoever names /dev/urandom itself gets a key that nobody has twice.
    file.take(LONGEST).read_to_end(&mut bytes).with_context(place)?;
    Key::from_bytes(&bytes).with_context(place)
}
