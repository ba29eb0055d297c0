//! The archive format of an initramfs ("newc"), as far as it is needed here.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Files, folders and links, by path without a leading slash.
#[derive(Default)]
pub struct Archive(BTreeMap<PathBuf, Entry>);

struct Entry {
    mode: u32,
    content: Vec<u8>,
}

const FOLDER: u32 = 0o40_755;
const FILE: u32 = 0o100_755;
const LINK: u32 = 0o120_777;
const TRAILER: &str = "TRAILER!!!";

impl Archive {
    /// A file that may be executed, with the folders above it.
    pub fn file(&mut self, path: impl AsRef<Path>, content: Vec<u8>) {
        self.insert(path.as_ref(), FILE, content);
    }

    /// A symbolic link.
    pub fn link(&mut self, path: impl AsRef<Path>, to: &str) {
        self.insert(path.as_ref(), LINK, to.into());
    }

    /// An empty folder.
    pub fn folder(&mut self, path: impl AsRef<Path>) {
        self.insert(path.as_ref(), FOLDER, Vec::new());
    }

    /// Whether there is something at this path.
    pub fn has(&self, path: impl AsRef<Path>) -> bool {
        self.0.contains_key(relative(path.as_ref()))
    }

    fn insert(&mut self, path: &Path, mode: u32, content: Vec<u8>) {
        let path = relative(path);
        for above in path.ancestors().skip(1).filter(|p| *p != Path::new("")) {
            let folder = Entry { mode: FOLDER, content: Vec::new() };
            self.0.entry(above.to_owned()).or_insert(folder);
        }
        self.0.insert(path.to_owned(), Entry { mode, content });
    }

    /// The archive as bytes. Paths are in order: folders come before what is in them.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (n, (path, entry)) in self.0.iter().enumerate() {
            append(&mut out, n as u32 + 1, entry.mode, path.as_os_str().as_bytes(), &entry.content);
        }
        append(&mut out, 0, 0, TRAILER.as_bytes(), &[]);
        out
    }
}

fn relative(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

fn append(out: &mut Vec<u8>, inode: u32, mode: u32, name: &[u8], content: &[u8]) {
    let (size, name_size) = (content.len() as u32, name.len() as u32 + 1);
    // inode, mode, uid, gid, links, mtime, size, four device numbers, length of the name, checksum
    let header = [inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0];
    out.extend(b"070701");
    for number in header {
        out.extend(format!("{number:08x}").bytes());
    }
    out.extend(name);
    out.push(0);
    pad(out);
    out.extend(content);
    pad(out);
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_first_and_all_is_padded() {
        let mut archive = Archive::default();
        archive.file("/a/b/file", b"12345".to_vec());
        archive.link("/a/link", "b/file");
        let bytes = archive.bytes();
        assert_eq!(bytes.len() % 4, 0);
        let text = String::from_utf8(bytes).unwrap();
        let at = |name: &str| text.find(&format!("{name}\0")).unwrap();
        assert!(at("a") < at("a/b") && at("a/b") < at("a/b/file"));
        assert!(at("a/b/file") < at("a/link") && at("a/link") < at(TRAILER));
        assert_eq!(text.matches("070701").count(), 5);
    }
}
