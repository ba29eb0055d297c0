//! Rows to blocks to the file: what the live writer and the writer of whole recordings share.

use std::io::{self, Write};

use super::chunk;
use super::column::BLOBS;
use super::fields::{Json, MAX_META};
use super::format::{file_header, seal};
use super::row::{MetaRow, Row, Visit};
use crate::model::Meta;

/// zstd's fastest ordinary level. Level 3 saves some 5 % and costs twice the time.
const ZSTD_LEVEL: i32 = 1;
/// A block is closed once it holds so many bytes before compression.
const BLOCK: usize = 1 << 20;
/// Rows of numbers in a chunk: below 2 MiB at ten bytes a value.
const PIECE: usize = 8192;
/// Rows of texts or stacks in a chunk: below 32 MiB at 64 KiB each.
const BLOB_PIECE: usize = 512;

/// Collects rows and writes them as blocks, one write each.
pub struct Packer<W: Write> {
    out: W,
    raw: Vec<u8>,
    scratch: Vec<u8>,
    block: Vec<u8>,
    zstd: zstd::bulk::Compressor<'static>,
    /// Bytes written in whole blocks, the header among them.
    whole: u64,
    broken: Option<Broken>,
    /// Cuts the output to a length, where it can be cut.
    cut: Option<fn(&mut W, u64)>,
}

/// An error to be returned again and again: `io::Error` cannot be cloned.
enum Broken {
    Os(i32),
    Other(io::ErrorKind, String),
}

impl<W: Write> Packer<W> {
    /// Writes the header and a block with `meta`, so that even a recording without events says
    /// where it comes from.
    pub fn new(out: W, meta: &Meta, cut: Option<fn(&mut W, u64)>) -> io::Result<Packer<W>> {
        let json = serde_json::to_string(meta)?;
        if json.len() > MAX_META {
            let why = "the description of the host and the command line is longer than 4 MiB";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let mut packer = Packer {
            out,
            raw: Vec::new(),
            scratch: Vec::new(),
            block: Vec::new(),
            zstd: zstd::bulk::Compressor::new(ZSTD_LEVEL)?,
            whole: 0,
            broken: None,
            cut,
        };
        packer.block.extend_from_slice(&file_header());
        packer.write_block()?;
        packer.rows(&[MetaRow { json: Json(json) }])?;
        packer.seal()?;
        Ok(packer)
    }

    /// Writes what was collected as a block.
    pub fn seal(&mut self) -> io::Result<()> {
        if let Some(broken) = &self.broken {
            return Err(broken.error());
        }
        if self.raw.is_empty() {
            return Ok(());
        }
        let sealed = seal(&self.raw, &mut self.zstd, &mut self.block);
        self.raw.clear();
        match sealed {
            Ok(()) => self.write_block(),
            Err(error) => Err(self.remember(error)),
        }
    }

    fn write_block(&mut self) -> io::Result<()> {
        match self.out.write_all(&self.block).and_then(|()| self.out.flush()) {
            Ok(()) => {
                self.whole += self.block.len() as u64;
                Ok(())
            }
            Err(error) => {
                if let Some(cut) = self.cut {
                    cut(&mut self.out, self.whole);
                }
                Err(self.remember(error))
            }
        }
    }

    /// After a failed write nothing more may follow: it would come after half a block.
    fn remember(&mut self, error: io::Error) -> io::Error {
        self.broken = Some(match error.raw_os_error() {
            Some(code) => Broken::Os(code),
            None => Broken::Other(error.kind(), error.to_string()),
        });
        error
    }

    /// Bytes written in whole blocks.
    pub fn written(&self) -> u64 {
        self.whole
    }

    /// Whether a write failed.
    pub fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// The output, after all has been sealed.
    pub fn into_inner(self) -> W {
        self.out
    }
}

impl Broken {
    fn error(&self) -> io::Error {
        match self {
            Broken::Os(code) => io::Error::from_raw_os_error(*code),
            Broken::Other(kind, why) => io::Error::new(*kind, why.clone()),
        }
    }
}

impl<W: Write> Visit for Packer<W> {
    fn rows<R: Row>(&mut self, rows: &[R]) -> io::Result<()> {
        let has_blobs = R::COLUMNS.iter().any(|column| (column.reads)(BLOBS));
        let piece = if has_blobs { BLOB_PIECE } else { PIECE };
        for piece in rows.chunks(piece) {
            chunk::encode(piece, &mut self.raw, &mut self.scratch);
            if self.raw.len() >= BLOCK {
                self.seal()?;
            }
        }
        Ok(())
    }
}
