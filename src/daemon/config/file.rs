//! Files that the configuration names, and itself: whatever lies there, reading ends soon.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::Bytes;

/// All of a regular file.
///
/// # Errors
/// It cannot be read, is longer than `most` bytes, or is something else: a FIFO may have nobody who
/// writes, and a device no end.
pub fn bytes(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    // Else opening a FIFO waits for somebody who writes.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("longer than {}", Bytes(most))));
    }
    Ok(bytes)
}

/// The same as text.
///
/// # Errors
/// Also where it is not UTF-8.
pub fn text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(bytes(path, most)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8"))
}
