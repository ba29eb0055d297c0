//! Finds the whole blocks of a file and decompresses them.

use std::io;

use super::budget::Purse;
use super::format::{BLOCK_HEADER, BLOCK_MAGIC, Block, FILE_HEADER};
use super::source::Source;

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

/// How far to look for the next block at once.
const STEP: usize = 1 << 20;

/// Goes through a file. What it finds does not depend on what is done with it, so it may run
/// ahead in a thread of its own.
pub struct Scan<S> {
    source: S,
    at: usize,
    /// Length of a whole block that begins at `at`, when what lies before it has been told.
    block: Option<usize>,
    search: Purse,
    raw: Purse,
    zstd: zstd::bulk::Decompressor<'static>,
}

impl<S: Source> Scan<S> {
    /// Begins after the header of a file.
    pub fn new(source: S) -> io::Result<Scan<S>> {
        let len = source.len();
        Ok(Scan {
            source,
            at: FILE_HEADER,
            block: None,
            search: Purse::search(len),
            raw: Purse::raw(len),
            zstd: zstd::bulk::Decompressor::new()?,
        })
    }

    /// Moves to the next block that is as it was written, and tells what lies before it.
    fn find(&mut self) -> io::Result<Option<Found>> {
        let rest = self.source.len() - self.at;
        let mut skipped = 0;
        let lost = loop {
            let from = self.at + skipped;
            let bytes = self.source.bytes(from, STEP)?;
            let magic = bytes.windows(BLOCK_MAGIC.len()).position(|w| w == BLOCK_MAGIC);
            let Some(more) = magic else {
                if bytes.len() < STEP {
                    break "The last {} bytes are no whole block: the recording was cut short (a \
                           crash, a full disk, a copy that stopped) or its end is damaged.";
                }
                // It may begin in one step and end in the next.
                skipped += bytes.len() - (BLOCK_MAGIC.len() - 1);
                continue;
            };
            skipped += more;
            let from = self.at + skipped;
            let length = Block::length(self.source.bytes(from, BLOCK_HEADER)?);
            if let Some(block) = Block::at_start(self.source.bytes(from, length)?) {
                // Each false start costs a checksum over what may be most of the file; without
                // a bound, a file full of them would take hours.
                if !self.search.spend(block.len()) {
                    break "The last {} bytes are full of false blocks: they were left out.";
                }
                if block.is_whole() {
                    let from = self.at;
                    self.at += skipped;
                    self.block = Some(block.len());
                    return Ok((skipped > 0).then(|| {
                        Found::Damage(format!(
                            "{skipped} bytes from byte {from} on are damaged and were skipped."
                        ))
                    }));
                }
            }
            skipped += 1;
        };
        self.at = self.source.len();
        Ok(Some(Found::Cut(lost.replace("{}", &rest.to_string()))))
    }

    /// The next thing in the file.
    fn step(&mut self) -> io::Result<Option<Found>> {
        if self.block.is_none() {
            if self.at >= self.source.len() {
                return Ok(None);
            }
            if let Some(damage) = self.find()? {
                return Ok(Some(damage));
            }
        }
        let Some(length) = self.block.take() else { return Ok(None) };
        let at = self.at;
        let Some(block) = Block::at_start(self.source.bytes(at, length)?) else { return Ok(None) };
        if !self.raw.spend(block.raw_len) {
            self.at = self.source.len();
            return Ok(Some(Found::Cut(format!(
                "It is far larger decompressed than recordings are: all from byte {at} on was left \
                 out."
            ))));
        }
        self.at += length;
        Ok(Some(match block.unpack(&mut self.zstd) {
            Ok(raw) => Found::Block { at, end: self.at, raw },
            Err(_) => Found::Damage(format!("The block at byte {at} cannot be decompressed.")),
        }))
    }
}

impl<S: Source> Iterator for Scan<S> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        self.step().unwrap_or_else(|error| {
            let at = std::mem::replace(&mut self.at, self.source.len());
            Some(Found::Cut(format!("It cannot be read from byte {at} on: {error}.")))
        })
    }
}
