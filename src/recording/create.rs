//! Making the file of a recording.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Why the file of a recording could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// It is there already.
    #[error("{} exists: give --force to replace it, or another name", .0.display())]
    Exists(PathBuf),
    /// A directory of that name is there.
    #[error("{} is a directory: name a file in it", .0.display())]
    Directory(PathBuf),
    /// A device, a pipe or a socket of that name is there.
    #[error("{} is not a regular file: stallprof does not replace it", .0.display())]
    Special(PathBuf),
    /// The directory to put it into is not there.
    #[error("{}: there is no directory {}", .0.display(), parent(.0).display())]
    NoDirectory(PathBuf),
    /// No permission.
    #[error("{}: no permission to write in {}", .0.display(), parent(.0).display())]
    Denied(PathBuf),
    /// Anything else.
    #[error("{} cannot be made: {}", .0.display(), .1)]
    Other(PathBuf, #[source] io::Error),
}

/// Makes the file, readable by its owner alone: recordings hold command lines and paths.
///
/// With `force`, a file of that name is removed first and not written over: so the new one has
/// the right mode and owner, a symbolic link is not followed to whatever it points at, and a
/// program that still reads the old file keeps it whole.
///
/// # Errors
/// If a file of that name exists and `force` is not given, or it cannot be made.
pub fn create(path: &Path, force: bool) -> Result<File, CreateError> {
    let told = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => CreateError::Exists(path.to_owned()),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            CreateError::NoDirectory(path.to_owned())
        }
        io::ErrorKind::PermissionDenied => CreateError::Denied(path.to_owned()),
        _ => CreateError::Other(path.to_owned(), error),
    };
    if let Ok(there) = fs::symlink_metadata(path) {
        if there.is_dir() {
            return Err(CreateError::Directory(path.to_owned()));
        }
        if !there.is_file() && !there.is_symlink() {
            return Err(CreateError::Special(path.to_owned()));
        }
        if force {
            fs::remove_file(path).map_err(told)?;
        }
    }
    let options = OpenOptions::new().write(true).create_new(true).mode(0o600).clone();
    let file = options.open(path).map_err(told)?;
    give_to_caller_of_sudo(&file);
    Ok(file)
}

/// What `sudo stallprof record` leaves is for whoever called sudo, to be read without it.
fn give_to_caller_of_sudo(file: &File) {
    let id = |name: &str| std::env::var(name).ok()?.parse().ok();
    if let (Some(uid), Some(gid)) = (id("SUDO_UID"), id("SUDO_GID")) {
        // Where it may not be given away it is readable by the same people as before.
        let _ = std::os::unix::fs::fchown(file, Some(uid), Some(gid));
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
