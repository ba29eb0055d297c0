//! Finds the whole blocks of a file and decompresses them.

use std::io;

use super::budget::Purse;
use super::format::{BLOCK_MAGIC, Block, FILE_HEADER};

/// What comes next in a file.
pub enum Found {
    /// A whole block.
    Block {
        /// Where it begins.
        at: usize,
        /// Where it ends.
        end: usize,
        /// What it holds, decompressed.
        raw: Vec<u8>,
    },
    /// Something is wrong; more may come.
    Damage(String),
    /// Something is wrong, and nothing comes any more.
    Cut(String),
}

/// Goes through a file. What it finds does not depend on what is done with it, so it may run
/// ahead in a thread of its own.
pub struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    /// A whole block that begins at `at`, when what lies before it has been told.
    block: Option<Block<'a>>,
    search: Purse,
    raw: Purse,
    zstd: zstd::bulk::Decompressor<'static>,
}

impl<'a> Scan<'a> {
    /// Begins after the header of a file.
    pub fn new(bytes: &'a [u8]) -> io::Result<Scan<'a>> {
        Ok(Scan {
            bytes,
            at: FILE_HEADER,
            block: None,
            search: Purse::search(bytes.len()),
            raw: Purse::raw(bytes.len()),
            zstd: zstd::bulk::Decompressor::new()?,
        })
    }

    /// Moves to the next block that is as it was written, and tells what lies before it.
    fn find(&mut self) -> Option<Found> {
        let rest = &self.bytes[self.at..];
        let mut skipped = 0;
        let lost = loop {
            let magic = rest[skipped..].windows(BLOCK_MAGIC.len()).position(|w| w == BLOCK_MAGIC);
            let Some(more) = magic else {
                break "The last {} bytes are no whole block: the recording was cut short (a crash, \
                       a full disk, a copy that stopped) or its end is damaged.";
            };
            skipped += more;
            if let Some(block) = Block::at_start(&rest[skipped..]) {
                // Each false start costs a checksum over what may be most of the file; without
                // a bound, a file full of them would take hours.
                if !self.search.spend(block.len()) {
                    break "The last {} bytes are full of false blocks: they were left out.";
                }
                if block.is_whole() {
                    let from = self.at;
                    self.at += skipped;
                    self.block = Some(block);
                    return (skipped > 0).then(|| {
                        Found::Damage(format!(
                            "{skipped} bytes from byte {from} on are damaged and were skipped."
                        ))
                    });
                }
            }
            skipped += 1;
        };
        self.at = self.bytes.len();
        Some(Found::Cut(lost.replace("{}", &rest.len().to_string())))
    }
}

impl Iterator for Scan<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        if self.block.is_none() {
            if self.at >= self.bytes.len() {
                return None;
            }
            if let Some(damage) = self.find() {
                return Some(damage);
            }
        }
        let block = self.block.take()?;
        let at = self.at;
        if !self.raw.spend(block.raw_len) {
            self.at = self.bytes.len();
            return Some(Found::Cut(format!(
                "It is far larger decompressed than recordings are: all from byte {at} on was left \
                 out."
            )));
        }
        self.at += block.len();
        Some(match block.unpack(&mut self.zstd) {
            Ok(raw) => Found::Block { at, end: self.at, raw },
            Err(_) => Found::Damage(format!("The block at byte {at} cannot be decompressed.")),
        })
    }
}
