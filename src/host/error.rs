//! Why a fact of the host could not be had.

use std::io;
use std::path::PathBuf;

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
