//! Output files of ours besides recordings: whole or not there.

use std::io::Write;
use std::path::Path;
#[cfg(feature = "probes")]
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::recording;

/// Writes a new file; replaces one only with `force`. One that cannot be written whole is removed.
pub fn write_whole(path: &Path, bytes: &[u8], force: bool) -> Result<()> {
    let mut file = recording::create(path, force)?;
    let written = file.write_all(bytes).with_context(|| format!("writing {}", path.display()));
    if written.is_err() {
        // What is left is of no use; the error to tell is the first one.
        let _ = std::fs::remove_file(path);
    }
    written
}

/// The name of a picture beside a recording: `node7.stall` -> `node7.svg`.
#[cfg(feature = "probes")]
pub fn picture_of(recording: &Path) -> PathBuf {
    if recording.extension().is_some_and(|e| e == "stall") {
        return recording.with_extension("svg");
    }
    // Whatever it is called, the picture must not take its place.
    let mut name = recording.as_os_str().to_owned();
    name.push(".svg");
    PathBuf::from(name)
}
