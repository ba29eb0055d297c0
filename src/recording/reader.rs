//! Reading, with recovery: every whole block counts, whatever happened to the others.

use std::io;
use std::path::Path;

use super::ahead::ahead;
use super::budget::Purse;
use super::chunk::Chunk;
use super::names::place;
use super::notes::Notes;
use super::open::{ReadError, ReadProblem, bytes_of, newer, open, version};
use super::row::{MetaRow, Row};
use super::scan::{Found, Scan};
use super::source::Window;
use super::tables::{PerTable, Rows};
use super::worst;
use crate::model::Recording;

/// From this length on a second thread is worth its start.
const LARGE: usize = 1 << 20;
/// Bytes read at once.
pub(super) const STEP: usize = 1 << 20;
/// More chunks than a block of any writer holds.
const MAX_CHUNKS: usize = 4096;

/// Reads a recording from a file.
///
/// # Errors
/// If it cannot be opened, or its header is not that of a recording. Anything wrong after the
/// header is no error: it is told in [`Recording::damage`].
pub fn read(path: &Path) -> Result<Recording, ReadError> {
    read_watched(path, &mut |_, _| ())
}

/// The same; `watch` is told now and then how many bytes of how many have been read.
///
/// # Errors
/// As [`read`].
pub fn read_watched(path: &Path, watch: Watch<'_>) -> Result<Recording, ReadError> {
    bytes_of(path)
        .and_then(|bytes| parse(&bytes, watch))
        .map_err(|problem| ReadError { path: Some(path.to_owned()), problem })
}

/// Reads a recording if its rows and names fit into so many bytes of memory, and its stalls and
/// slow calls, with what the analysis makes of them, into `told`; else none.
///
/// # Errors
/// As [`read`].
pub fn read_within(
    path: &Path,
    bytes: usize,
    told: u64,
    watch: Watch<'_>,
) -> Result<Option<Recording>, ReadError> {
    let mut load = || -> Result<Option<Recording>, ReadProblem> {
        let (file, version, len) = open(path)?;
        let nothing = &mut |_: usize, _: usize, _: &mut Rows| ();
        let mut reader = Reader::new(len, watch, nothing);
        reader.memory = Purse::of(bytes);
        reader.only_whole = true;
        let scan = || Scan::new(Window::new(&file, len, STEP));
        let cut_told = match len {
            LARGE.. => ahead(scan, &mut |found| reader.blocks(found)),
            _ => scan().map(|found| reader.blocks(found)),
        };
        let cut_told = cut_told.map_err(ReadProblem::Io)?;
        let mut tallies = PerTable::default();
        reader.rows.tally(&mut tallies);
        let fits = !reader.memory.is_short() && worst::told(&tallies) <= told;
        Ok(fits.then(|| reader.into_recording(cut_told, newer(version))))
    };
    load().map_err(|problem| ReadError { path: Some(path.to_owned()), problem })
}

/// Reads a recording from memory.
///
/// # Errors
/// If the header is not that of a recording.
pub fn read_bytes(bytes: &[u8]) -> Result<Recording, ReadError> {
    parse(bytes, &mut |_, _| ()).map_err(|problem| ReadError { path: None, problem })
}

fn parse(bytes: &[u8], watch: Watch<'_>) -> Result<Recording, ReadProblem> {
    let version = version(bytes)?;
    let nothing = &mut |_: usize, _: usize, _: &mut Rows| ();
    let mut reader = Reader::new(bytes.len(), watch, nothing);
    let cut_told = reader.all_blocks(bytes).map_err(ReadProblem::Io)?;
    Ok(reader.into_recording(cut_told, newer(version)))
}

/// Told how many bytes of how many have been read.
pub type Watch<'w> = &'w mut dyn FnMut(usize, usize);

/// Reads tables from blocks.
pub(super) struct Reader<'w> {
    watch: Watch<'w>,
    /// Called after each block: where it begins and ends, and all rows so far.
    after: &'w mut dyn FnMut(usize, usize, &mut Rows),
    len: usize,
    memory: Purse,
    /// What is in a block is let go of before the next is read.
    pub(super) block_by_block: bool,
    /// Nothing is wanted of a file that does not fit.
    only_whole: bool,
    pub(super) notes: Notes,
    pub(super) rows: Rows,
    pub(super) at_first_block: bool,
}

impl<'w> Reader<'w> {
    /// For a file of this length.
    pub(super) fn new(
        len: usize,
        watch: Watch<'w>,
        after: &'w mut dyn FnMut(usize, usize, &mut Rows),
    ) -> Reader<'w> {
        let (memory, notes, rows) = (Purse::memory(len), Notes::default(), Rows::default());
        let (block_by_block, only_whole) = (false, false);
        let at_first_block = true;
        Reader {
            watch,
            after,
            len,
            memory,
            block_by_block,
            only_whole,
            notes,
            rows,
            at_first_block,
        }
    }

    /// Reads all blocks; those of a large file are decompressed in a second thread meanwhile.
    /// Returns whether it was told why there is no end.
    fn all_blocks(&mut self, bytes: &[u8]) -> io::Result<bool> {
        if bytes.len() < LARGE {
            return Ok(self.blocks(Scan::new(bytes)?));
        }
        ahead(|| Scan::new(bytes), &mut |found| self.blocks(found))
    }

    /// Reads all blocks that are found. Returns whether it was told why there is no end.
    pub(super) fn blocks(&mut self, scan: impl IntoIterator<Item = Found>) -> bool {
        for found in scan {
            match found {
                Found::Damage(words) => self.notes.damage(words),
                Found::Cut(words) => {
                    self.notes.damage(words);
                    return true;
                }
                Found::Block { at, end, raw } => {
                    (self.watch)(end, self.len);
                    if !self.block(&raw, at) || self.only_whole && self.memory.is_short() {
                        return true;
                    }
                    self.at_first_block = false;
                    self.done(at, end);
                    if !self.rows.end.is_empty() {
                        let more = self.len - end;
                        if more > 0 {
                            self.notes.damage(format!("{more} bytes after its end were left out."));
                        }
                        return true;
                    }
                }
            }
        }
        false
    }

    /// Says that a block is read.
    pub(super) fn done(&mut self, at: usize, end: usize) {
        (self.after)(at, end, &mut self.rows);
    }

    /// Reads the tables of a block. Returns whether to go on after it.
    pub(super) fn block(&mut self, mut raw: &[u8], at: usize) -> bool {
        let mut chunks = 0;
        if self.block_by_block {
            self.memory = Purse::block();
        }
        while !raw.is_empty() {
            chunks += 1;
            let Some(chunk) = Chunk::take(&mut raw).ok().filter(|_| chunks <= MAX_CHUNKS) else {
                self.notes.damage(format!("The block at byte {at} is not built as it should be."));
                break;
            };
            if chunk.table == MetaRow::TABLE && !self.at_first_block {
                // Two files were joined: the second one's numbers mean other names.
                self.notes
                    .damage(format!("Another recording begins near byte {at}: it was left out."));
                return false;
            }
            if self.rows.read(&chunk, &mut self.memory, &mut self.notes).is_err() {
                self.notes.damage(format!(
                    "Table \"{}\" in the block at byte {at} is not as it should be or too large; \
                     it was left out.",
                    chunk.table
                ));
            }
        }
        true
    }

    pub(super) fn into_recording(mut self, cut_told: bool, newer: Option<(u16, u16)>) -> Recording {
        let (rows, notes, memory) = (&mut self.rows, &mut self.notes, &mut self.memory);
        let gaps = &mut Purse::gaps(self.len);
        let mut recording = Recording {
            strings: place(std::mem::take(&mut rows.strings), "strings", memory, gaps, notes),
            tasks: place(std::mem::take(&mut rows.tasks), "tasks", memory, gaps, notes),
            frames: place(std::mem::take(&mut rows.frames), "frames", memory, gaps, notes),
            stacks: place(std::mem::take(&mut rows.stacks), "stacks", memory, gaps, notes),
            end: rows.end.first().map(|row| row.time),
            ..Recording::default()
        };
        rows.give_events(&mut recording);
        match rows.meta.first().map(|row| row.json.meta()) {
            Some(Some(meta)) => recording.meta = meta,
            Some(None) => notes.damage("The description of the host is not readable.".into()),
            None => notes.damage(
                "The first block, which says where and how this was recorded, is lost.".into(),
            ),
        }
        rows.damage.iter().for_each(|row| notes.stored(&row.text));
        if recording.end.is_none() && !cut_told && !notes.has_stored() {
            notes.damage(
                "It has no end: the recording was cut short, or is still being written.".into(),
            );
        }
        recording.damage = self.notes.finish(newer);
        recording
    }
}
