//! Reading, with recovery: every whole block counts, whatever happened to the others.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::budget::Budget;
use super::chunk::Chunk;
use super::format::{BLOCK_MAGIC, Block, FILE_HEADER, FileHeader, MAJOR, MINOR, parse_file_header};
use super::names::place;
use super::notes::Notes;
use super::row::{MetaRow, Row};
use super::tables::Rows;
use crate::model::Recording;

/// More chunks than a block of any writer holds.
const MAX_CHUNKS: usize = 4096;

/// Why a file cannot be read as a recording at all.
#[derive(Debug)]
pub struct ReadError {
    /// The file, where there is one.
    pub path: Option<PathBuf>,
    /// What is wrong.
    pub problem: ReadProblem,
}

/// What is wrong with a file that is not readable as a recording.
#[derive(Debug, thiserror::Error)]
pub enum ReadProblem {
    /// The system refused.
    #[error("cannot be read: {0}")]
    Io(#[source] io::Error),
    /// No bytes.
    #[error("is empty: nothing was recorded")]
    Empty,
    /// Some other file.
    #[error("not a stallprof recording")]
    NotARecording,
    /// Cut within the header.
    #[error("was cut off within its first 16 bytes: nothing was recorded")]
    Short,
    /// The header's checksum is wrong.
    #[error("its header is damaged: not readable as a stallprof recording")]
    DamagedHeader,
    /// A newer format.
    #[error(
        "was made by a newer stallprof (recording format {0}.{1}; this one reads {MAJOR}.x): \
         update stallprof to read it"
    )]
    Newer(u16, u16),
    /// A format that never was.
    #[error("has recording format {0}.{1}, which no stallprof writes")]
    Unheard(u16, u16),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}: {}", path.display(), self.problem),
            None => self.problem.fmt(f),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.problem.source()
    }
}

/// Reads a recording from a file.
///
/// # Errors
/// If it cannot be opened, or its header is not that of a recording. Anything wrong after the
/// header is no error: it is told in [`Recording::damage`].
pub fn read(path: &Path) -> Result<Recording, ReadError> {
    let load = || -> Result<Recording, ReadProblem> {
        let mut file = File::open(path).map_err(ReadProblem::Io)?;
        let mut bytes = Vec::new();
        // The header first: whoever names /dev/zero or a film by mistake is told at once.
        let header = (&mut file).take(FILE_HEADER as u64).read_to_end(&mut bytes);
        header.map_err(ReadProblem::Io)?;
        version(&bytes)?;
        file.read_to_end(&mut bytes).map_err(ReadProblem::Io)?;
        parse(&bytes)
    };
    load().map_err(|problem| ReadError { path: Some(path.to_owned()), problem })
}

/// Reads a recording from memory.
///
/// # Errors
/// If the header is not that of a recording.
pub fn read_bytes(bytes: &[u8]) -> Result<Recording, ReadError> {
    parse(bytes).map_err(|problem| ReadError { path: None, problem })
}

/// The version, if it is one that this program reads.
fn version(bytes: &[u8]) -> Result<(u16, u16), ReadProblem> {
    match parse_file_header(bytes) {
        FileHeader::Empty => Err(ReadProblem::Empty),
        FileHeader::Foreign => Err(ReadProblem::NotARecording),
        FileHeader::Short => Err(ReadProblem::Short),
        FileHeader::Damaged => Err(ReadProblem::DamagedHeader),
        FileHeader::Version(major, minor) if major > MAJOR => Err(ReadProblem::Newer(major, minor)),
        FileHeader::Version(major, minor) if major < MAJOR => {
            Err(ReadProblem::Unheard(major, minor))
        }
        FileHeader::Version(major, minor) => Ok((major, minor)),
    }
}

fn parse(bytes: &[u8]) -> Result<Recording, ReadProblem> {
    let version = version(bytes)?;
    let mut reader = Reader {
        bytes,
        budget: Budget::for_file(bytes.len()),
        notes: Notes::default(),
        rows: Rows::default(),
        at_first_block: true,
        raw: Vec::new(),
        zstd: zstd::bulk::Decompressor::new().map_err(ReadProblem::Io)?,
    };
    let tail_told = reader.blocks();
    Ok(reader.into_recording(tail_told, (version.1 > MINOR).then_some(version)))
}

struct Reader<'a> {
    bytes: &'a [u8],
    budget: Budget,
    notes: Notes,
    rows: Rows,
    at_first_block: bool,
    raw: Vec<u8>,
    zstd: zstd::bulk::Decompressor<'static>,
}

impl<'a> Reader<'a> {
    /// Reads block after block. Returns whether it was told why there is no end.
    fn blocks(&mut self) -> bool {
        let mut at = FILE_HEADER;
        while at < self.bytes.len() {
            let left = self.bytes.len() - at;
            let Some((skipped, block)) = self.next_whole(at) else {
                self.notes.damage(format!(
                    "The last {left} bytes are no whole block: the recording was cut short (a \
                     crash, a full disk, a copy that stopped) or its end is damaged."
                ));
                return true;
            };
            if skipped > 0 {
                self.notes.damage(format!(
                    "{skipped} bytes from byte {at} on are damaged and were skipped."
                ));
            }
            at += skipped;
            if !self.block(&block, at) {
                return true;
            }
            self.at_first_block = false;
            at += block.len();
            if !self.rows.end.is_empty() && at < self.bytes.len() {
                let more = self.bytes.len() - at;
                self.notes.damage(format!("{more} bytes after its end were left out."));
                return true;
            }
        }
        false
    }

    /// The next block that is as it was written, and how many bytes lie before it.
    fn next_whole(&mut self, at: usize) -> Option<(usize, Block<'a>)> {
        let rest = &self.bytes[at..];
        let mut skipped = 0;
        loop {
            skipped += rest[skipped..].windows(BLOCK_MAGIC.len()).position(|w| w == BLOCK_MAGIC)?;
            if let Some(block) = Block::at_start(&rest[skipped..]) {
                // Each false start costs a checksum over what may be most of the file; without
                // a bound, a file full of them would take hours.
                if !self.budget.search.spend(block.len()) {
                    self.notes.damage("It is full of false blocks: the search ended early.".into());
                    return None;
                }
                if block.is_whole() {
                    return Some((skipped, block));
                }
            }
            skipped += 1;
        }
    }

    /// Reads the tables of a block. Returns whether to go on after it.
    fn block(&mut self, block: &Block<'_>, at: usize) -> bool {
        if !self.budget.raw.spend(block.raw_len) {
            self.notes.damage(format!(
                "It is far larger decompressed than recordings are: all from byte {at} on was left \
                 out."
            ));
            return false;
        }
        let Ok(mut raw) = block.unpack(&mut self.zstd, &mut self.raw) else {
            self.notes.damage(format!("The block at byte {at} cannot be decompressed."));
            return true;
        };
        let mut chunks = 0;
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
            if self.rows.read(&chunk, &mut self.budget.memory, &mut self.notes).is_err() {
                self.notes.damage(format!(
                    "Table \"{}\" in the block at byte {at} is not as it should be or too large; \
                     it was left out.",
                    chunk.table
                ));
            }
        }
        true
    }

    fn into_recording(mut self, tail_told: bool, newer: Option<(u16, u16)>) -> Recording {
        let (rows, notes, memory) = (&mut self.rows, &mut self.notes, &mut self.budget.memory);
        let mut recording = Recording {
            strings: place(std::mem::take(&mut rows.strings), "strings", memory, notes),
            tasks: place(std::mem::take(&mut rows.tasks), "tasks", memory, notes),
            frames: place(std::mem::take(&mut rows.frames), "frames", memory, notes),
            stacks: place(std::mem::take(&mut rows.stacks), "stacks", memory, notes),
            end: rows.end.first().map(|row| row.time),
            ..Recording::default()
        };
        rows.give_events(&mut recording);
        match rows.meta.first().map(|row| serde_json::from_str(&row.json.0)) {
            Some(Ok(meta)) => recording.meta = meta,
            Some(Err(_)) => notes.damage("The description of the host is not readable.".into()),
            None => notes.damage(
                "The first block, which says where and how this was recorded, is lost.".into(),
            ),
        }
        rows.damage.iter().for_each(|row| notes.stored(&row.text));
        if recording.end.is_none() && !tail_told && !notes.has_stored() {
            notes.damage(
                "It has no end: the recording was cut short, or is still being written.".into(),
            );
        }
        recording.damage = self.notes.finish(newer);
        recording
    }
}
