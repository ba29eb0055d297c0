//! A root that a person has named: what is wrong with it is told before anything is read.

use std::io;
use std::path::PathBuf;

use super::{HostError, HostRoot, Top};

impl HostRoot {
    /// The root that a person has named.
    ///
    /// # Errors
    /// It is no directory, there is no `proc` in it, or that is an empty directory; or the kernel
    /// has no openat2(2).
    pub fn named(path: impl Into<PathBuf>) -> Result<HostRoot, HostError> {
        let root = HostRoot::new(path);
        if root.is_slash() {
            return Ok(root);
        }
        let wrong = |what: &str| HostError::Content { path: root.path(""), what: what.to_owned() };
        if let Top::Nowhere(error) = root.top {
            let source = io::Error::from_raw_os_error(error);
            return Err(HostError::Io { path: root.path, source });
        }
        let no_proc = || wrong("no root of a host: there is no directory proc in it");
        match root.metadata("proc") {
            Ok(meta) if meta.is_dir() => {}
            Ok(_) => return Err(no_proc()),
            Err(source) => {
                return Err(match source.raw_os_error() {
                    Some(libc::ENOENT | libc::ELOOP) => no_proc(),
                    Some(libc::ENOSYS | libc::EPERM) => wrong(
                        "files below another root than / take openat2(2), which came with Linux \
                         5.6 and which a sandbox can forbid",
                    ),
                    _ => HostError::Io { path: root.path("proc"), source },
                });
            }
        }
        if root.list("proc").is_ok_and(|mut entries| entries.next().is_none()) {
            return Err(wrong(
                "nothing is mounted on its proc: mount the host's / with what is mounted in it \
                 (mount --rbind)",
            ));
        }
        Ok(root)
    }

    /// The root that a person has named of the kernel that runs, to measure it.
    ///
    /// # Errors
    /// As [`HostRoot::named`], or its `proc` holds copied files.
    pub fn running(path: impl Into<PathBuf>) -> Result<HostRoot, HostError> {
        let root = HostRoot::named(path)?;
        if root.is_slash() || root.is_live() {
            return Ok(root);
        }
        let what = "its proc holds copies of files: only a kernel that runs can be measured";
        Err(HostError::Content { path: root.path(""), what: what.to_owned() })
    }
}
