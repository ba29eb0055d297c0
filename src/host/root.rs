//! Where /proc and /sys are read from, and reading them with a bound.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use super::sys;

/// No file read here is longer than this; one that is, is refused.
const MAX_BYTES: u64 = 4 << 20;

/// Why a fact of the host could not be had.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The file could not be opened or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The file is longer than the bound.
    #[error("{}: longer than {limit} bytes", path.display())]
    TooLong {
        /// Which file.
        path: PathBuf,
        /// The bound, bytes.
        limit: u64,
    },
    /// The file says something that cannot be understood.
    #[error("{}: {what}", path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

/// The directory that holds `proc` and `sys`: `/`, or a host's root mounted in a container
/// (`/host`), or a tree made for a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRoot {
    path: PathBuf,
}

impl Default for HostRoot {
    /// This host: `/`.
    fn default() -> HostRoot {
        HostRoot::new("/")
    }
}

impl HostRoot {
    /// A root at `path`; nothing is read yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> HostRoot {
        HostRoot { path: path.into() }
    }

    /// Where `rel` lies. A leading `/` means the root; `.` and `..` are left out, so that no path
    /// from a file leads out of it.
    #[must_use]
    pub fn path(&self, rel: impl AsRef<Path>) -> PathBuf {
        let inside = rel.as_ref().components().filter(|c| matches!(c, Component::Normal(_)));
        self.path.join(inside.collect::<PathBuf>())
    }

    /// Whether this is `/` itself, and not another directory.
    #[must_use]
    pub fn is_slash(&self) -> bool {
        self.path == Path::new("/")
    }

    /// Whether `proc` there is the running kernel's, and not a copy of files.
    #[must_use]
    pub fn is_live(&self) -> bool {
        sys::fs_magic(&self.path("proc")) == Some(sys::PROC_MAGIC)
    }

    /// Whether a file or directory is there.
    #[must_use]
    pub fn has(&self, rel: impl AsRef<Path>) -> bool {
        self.path(rel).exists()
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// [`HostError::Io`] with the path.
    pub fn open(&self, rel: impl AsRef<Path>) -> Result<File, HostError> {
        let path = self.path(rel);
        File::open(&path).map_err(|source| HostError::Io { path, source })
    }

    /// All bytes of a file, at most 4 MiB.
    ///
    /// # Errors
    /// [`HostError::Io`], or [`HostError::TooLong`] past the bound.
    pub fn read(&self, rel: impl AsRef<Path>) -> Result<Vec<u8>, HostError> {
        let path = self.path(rel);
        let mut bytes = Vec::with_capacity(4096);
        match File::open(&path).and_then(|f| f.take(MAX_BYTES + 1).read_to_end(&mut bytes)) {
            Err(source) => Err(HostError::Io { path, source }),
            Ok(n) if n as u64 > MAX_BYTES => Err(HostError::TooLong { path, limit: MAX_BYTES }),
            Ok(_) => Ok(bytes),
        }
    }

    /// All of a file as text; bytes that are not UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// As [`HostRoot::read`].
    pub fn read_to_string(&self, rel: impl AsRef<Path>) -> Result<String, HostError> {
        Ok(text(self.read(rel)?))
    }

    /// A file of one value, without its last newline. None if it cannot be read.
    #[must_use]
    pub fn value(&self, rel: impl AsRef<Path>) -> Option<String> {
        let mut value = self.read_to_string(rel).ok()?;
        if value.ends_with('\n') {
            value.pop();
        }
        Some(value)
    }
}

/// Bytes as text, without a copy where they are UTF-8.
pub(super) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|odd| String::from_utf8_lossy(odd.as_bytes()).into_owned())
}
