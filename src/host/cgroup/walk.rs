//! Going over the directories of a hierarchy, within bounds.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How far a walk goes. The defaults fit any node seen so far; a walk that meets them says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkLimits {
    /// Directories visited at most.
    pub dirs: usize,
    /// Levels below the top at most.
    pub depth: usize,
}

impl Default for WalkLimits {
    fn default() -> WalkLimits {
        WalkLimits { dirs: 50_000, depth: 64 }
    }
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalkEnd {
    /// Directories visited, the top included.
    pub dirs: usize,
    /// There may be more: a limit was met, or a directory could not be read.
    pub cut: bool,
}

/// Visits `top` and every directory below it: `visit(path below top, inode number)`.
///
/// Symbolic links are not followed. A directory with two links has no directory inside (kernfs and
/// most file systems count `..` of each), so the many leaves cost one stat each and no listing.
/// Directories that vanish meanwhile are passed over.
///
/// # Errors
/// `top` cannot be looked at.
pub fn walk(
    top: &Path,
    limits: WalkLimits,
    mut visit: impl FnMut(&Path, u64),
) -> io::Result<WalkEnd> {
    top.symlink_metadata()?;
    let mut end = WalkEnd::default();
    let mut todo = vec![(PathBuf::new(), 0)];
    while let Some((below, depth)) = todo.pop() {
        // `join` of nothing would end in a slash, which follows a symbolic link.
        let path = if depth == 0 { top.to_owned() } else { top.join(&below) };
        let meta = match path.symlink_metadata() {
            Ok(meta) if meta.is_dir() => meta,
            Ok(_) => continue,
            Err(e) => {
                end.cut |= e.kind() != io::ErrorKind::NotFound;
                continue;
            }
        };
        end.dirs += 1;
        visit(&below, meta.ino());
        if meta.nlink() == 2 {
            continue;
        }
        let listing = match path.read_dir() {
            Ok(listing) => listing,
            Err(e) => {
                end.cut |= e.kind() != io::ErrorKind::NotFound;
                continue;
            }
        };
        for entry in listing.flatten().filter(|e| e.file_type().is_ok_and(|t| t.is_dir())) {
            if depth >= limits.depth || end.dirs + todo.len() >= limits.dirs {
                end.cut = true;
                break;
            }
            todo.push((below.join(entry.file_name()), depth + 1));
        }
    }
    Ok(end)
}
