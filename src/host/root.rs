//! Where the host's files are read from, and reading them with a bound.

use std::fs::{File, Metadata, ReadDir};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

pub use super::error::HostError;
use super::{ksoftirqd, sys};

mod named;

/// No file read here is longer than this; one that is, is refused.
const MAX_BYTES: u64 = 4 << 20;
/// How a file is opened: without waiting, and never as our terminal.
const READING: libc::c_int = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;

/// The directory that holds `proc` and `sys`: `/`, or a host's root mounted in a container
/// (`/host`), or a tree made for a test.
///
/// Below another directory than `/` paths are looked up as if that were the root (openat2(2) with
/// `RESOLVE_IN_ROOT`): symbolic links lead nowhere else, absolute ones neither, and the links of
/// /proc that are more than a text (`PID/root`, `PID/ns/net`) are not followed.
#[derive(Clone, Debug)]
pub struct HostRoot {
    path: PathBuf,
    top: Top,
}

/// What paths are looked up from.
#[derive(Clone, Debug)]
enum Top {
    Slash,
    Dir {
        dir: Arc<File>,
        /// Whether its `proc` is a running kernel's.
        live: bool,
    },
    /// It cannot be opened: the number of the error.
    Nowhere(i32),
}

impl Default for HostRoot {
    /// This process's own `/`: the host's, unless it is in a container.
    fn default() -> HostRoot {
        HostRoot::new("/")
    }
}

impl HostRoot {
    /// A root at `path`. Where that is no directory, no file is found.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> HostRoot {
        let path = path.into();
        let top = if path == Path::new("/") {
            Top::Slash
        } else {
            match sys::open_dir(&path) {
                Ok(dir) => Top::Dir { live: is_procfs(&dir), dir: Arc::new(dir) },
                Err(error) => Top::Nowhere(error.raw_os_error().unwrap_or(libc::ENOENT)),
            }
        };
        HostRoot { path, top }
    }

    /// Where `rel` lies, for messages: symbolic links are not looked at. A leading `/` means the
    /// root; `.` and `..` are left out, so that no path from a file leads out of it.
    #[must_use]
    pub fn path(&self, rel: impl AsRef<Path>) -> PathBuf {
        self.path.join(self.inside(rel.as_ref()))
    }

    /// The same below the root. `proc/net` is a link to `self/net`: below the root of a container's
    /// host that would be the container's own network namespace.
    fn inside(&self, rel: &Path) -> PathBuf {
        let parts = rel.components().filter(|c| matches!(c, Component::Normal(_)));
        let inside = parts.collect::<PathBuf>();
        match &self.top {
            Top::Dir { live: true, .. } => match inside.strip_prefix("proc/net") {
                Ok(below) => Path::new("proc/1/net").join(below),
                Err(_) => inside,
            },
            _ => inside,
        }
    }

    /// Whether this is `/` itself, and not another directory.
    #[must_use]
    pub fn is_slash(&self) -> bool {
        matches!(self.top, Top::Slash)
    }

    /// Whether `proc` there is the running kernel's, and not a copy of files.
    #[must_use]
    pub fn is_live(&self) -> bool {
        match self.top {
            Top::Slash => sys::fs_magic(Path::new("/proc")) == Some(sys::PROC_MAGIC),
            Top::Dir { live, .. } => live,
            Top::Nowhere(_) => false,
        }
    }

    /// Whether tasks have the kernel's own numbers in `proc` there: it shows the first pid
    /// namespace, which alone has kernel threads.
    #[must_use]
    pub fn has_kernel_tids(&self) -> bool {
        match self.top {
            Top::Slash => sys::in_host_pid_namespace(),
            _ => self.is_live() && ksoftirqd::shows_kthreadd(self),
        }
    }

    /// Whether a file or directory is there.
    #[must_use]
    pub fn has(&self, rel: impl AsRef<Path>) -> bool {
        self.metadata(rel).is_ok()
    }

    /// What stat(2) says of it.
    ///
    /// # Errors
    /// It is not there, or may not be looked at.
    pub fn metadata(&self, rel: impl AsRef<Path>) -> io::Result<Metadata> {
        match &self.top {
            Top::Slash => self.path(rel).metadata(),
            _ => self.look_up(rel.as_ref(), libc::O_PATH)?.metadata(),
        }
    }

    /// Where it lies really, all symbolic links followed: for what takes a path. It holds for now;
    /// only files that are opened here are beyond those who put a link there a moment later.
    ///
    /// # Errors
    /// It is not there, or may not be looked at.
    pub fn place(&self, rel: impl AsRef<Path>) -> io::Result<PathBuf> {
        match &self.top {
            Top::Slash => Ok(self.path(rel)),
            _ => std::fs::read_link(sys::fd_path(&self.look_up(rel.as_ref(), libc::O_PATH)?)),
        }
    }

    /// Lists a directory.
    ///
    /// # Errors
    /// It is not there, or may not be read.
    pub fn list(&self, rel: impl AsRef<Path>) -> io::Result<ReadDir> {
        self.place(rel)?.read_dir()
    }

    /// The text of a symbolic link.
    ///
    /// # Errors
    /// It is not there, is no link, or may not be read.
    pub fn link(&self, rel: impl AsRef<Path>) -> io::Result<PathBuf> {
        let (_dir, link) = self.beside(rel.as_ref())?;
        std::fs::read_link(link)
    }

    /// Opens a namespace of a process by its link in /proc: `proc/PID/ns/net`.
    ///
    /// # Errors
    /// The process is gone or may not be looked into; or this is no link of /proc.
    pub fn open_namespace(&self, rel: impl AsRef<Path>) -> Result<File, HostError> {
        let path = self.path(&rel);
        let open = || {
            let (dir, link) = self.beside(rel.as_ref())?;
            match dir.as_ref().is_none_or(|dir| sys::file_magic(dir) == Some(sys::PROC_MAGIC)) {
                true => File::open(link),
                false => Err(io::Error::from_raw_os_error(libc::ELOOP)),
            }
        };
        open().map_err(|source| HostError::Io { path, source })
    }

    /// A link, to be reached through its directory while that is held.
    fn beside(&self, rel: &Path) -> io::Result<(Option<File>, PathBuf)> {
        let inside = self.inside(rel);
        let (Some(parent), Some(name)) = (inside.parent(), inside.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        if self.is_slash() {
            return Ok((None, self.path.join(inside)));
        }
        let dir = self.look_up(parent, libc::O_PATH)?;
        let link = sys::fd_path(&dir).join(name);
        Ok((Some(dir), link))
    }

    fn look_up(&self, rel: &Path, flags: libc::c_int) -> io::Result<File> {
        let inside = self.inside(rel);
        match &self.top {
            Top::Slash => File::open(self.path.join(inside)),
            Top::Dir { dir, .. } => sys::open_in_root(dir, &inside, flags),
            Top::Nowhere(error) => Err(io::Error::from_raw_os_error(*error)),
        }
    }

    /// Opens a file for reading. Below another root than `/` nothing is waited for, not for a
    /// FIFO's other end either.
    ///
    /// # Errors
    /// [`HostError::Io`] with the path.
    pub fn open(&self, rel: impl AsRef<Path>) -> Result<File, HostError> {
        let file = self.look_up(rel.as_ref(), READING);
        file.map_err(|source| HostError::Io { path: self.path(rel), source })
    }

    /// All bytes of a file, at most 4 MiB.
    ///
    /// # Errors
    /// [`HostError::Io`], or [`HostError::TooLong`] past the bound.
    pub fn read(&self, rel: impl AsRef<Path>) -> Result<Vec<u8>, HostError> {
        let mut bytes = Vec::with_capacity(4096);
        let file = self.look_up(rel.as_ref(), READING);
        let path = || self.path(&rel);
        match file.and_then(|f| f.take(MAX_BYTES + 1).read_to_end(&mut bytes)) {
            Err(source) => Err(HostError::Io { path: path(), source }),
            Ok(n) if n as u64 > MAX_BYTES => {
                Err(HostError::TooLong { path: path(), limit: MAX_BYTES })
            }
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

/// Whether `proc` in a directory is a mounted procfs.
fn is_procfs(dir: &File) -> bool {
    let proc = sys::open_in_root(dir, Path::new("proc"), libc::O_PATH);
    proc.is_ok_and(|proc| sys::file_magic(&proc) == Some(sys::PROC_MAGIC))
}

/// Bytes as text, without a copy where they are UTF-8.
pub(super) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|odd| String::from_utf8_lossy(odd.as_bytes()).into_owned())
}
