//! Bytes of a file, read as they are asked for: a file of a gigabyte needs no gigabyte of memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Where a recording's bytes come from.
pub trait Source {
    /// How many there are.
    fn len(&self) -> usize;

    /// `wanted` bytes from `at` on; fewer only where there are no more.
    ///
    /// # Errors
    /// If the system does not give them.
    fn bytes(&mut self, at: usize, wanted: usize) -> io::Result<&[u8]>;
}

impl Source for &[u8] {
    fn len(&self) -> usize {
        <[u8]>::len(self)
    }

    fn bytes(&mut self, at: usize, wanted: usize) -> io::Result<&[u8]> {
        let from = at.min(<[u8]>::len(self));
        Ok(&self[from..from.saturating_add(wanted).min(<[u8]>::len(self))])
    }
}

/// A file, of which only the part in use is in memory.
pub struct Window<'f> {
    file: &'f File,
    len: usize,
    /// Bytes read at once beyond those asked for.
    ahead: usize,
    start: usize,
    held: Vec<u8>,
}

impl<'f> Window<'f> {
    /// A file as long as it is now.
    pub fn new(file: &'f File, len: usize, ahead: usize) -> Window<'f> {
        Window { file, len, ahead, start: 0, held: Vec::new() }
    }
}

impl Source for Window<'_> {
    fn len(&self) -> usize {
        self.len
    }

    fn bytes(&mut self, at: usize, wanted: usize) -> io::Result<&[u8]> {
        let at = at.min(self.len);
        let wanted = wanted.min(self.len - at);
        let held = self.start..self.start + self.held.len();
        if !(held.start <= at && at + wanted <= held.end) {
            self.start = at;
            self.held.resize(wanted.saturating_add(self.ahead).min(self.len - at), 0);
            if let Err(error) = self.file.read_exact_at(&mut self.held, at as u64) {
                self.held.clear();
                return Err(error);
            }
        }
        let from = at - self.start;
        Ok(&self.held[from..from + wanted])
    }
}
