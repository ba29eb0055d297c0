//! A large recording in bounded memory: once through it to find where stalls are, and once more,
//! from its end to its beginning, to read the samples in them and some of the others. Names are
//! written before the events that refer to them: whoever comes from the end knows which are needed.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::ahead::ahead;
use super::format::{Block, FILE_HEADER};
use super::join::{Names, Numbers};
use super::reader::{ReadError, ReadProblem, Reader, Watch, newer, version};
use super::row::Row;
use super::scan::{Found, Scan};
use super::source::{Source, Window};
use super::tables::Rows;
use super::thin::Thin;
use super::windows::{Survey, Windows};
use crate::model::{Meta, Recording, Sample, Thinned};

/// Bytes read at once.
const STEP: usize = 1 << 20;

/// How much is read of a large recording.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Samples in and around stalls; about.
    pub whole: u64,
    /// Samples elsewhere; about.
    pub outside: u64,
    /// Whether a function of this name runs softirqs: ticks that find it may be all that is known
    /// of a stall.
    pub softirq_loop: fn(&str) -> bool,
}

/// Reads a recording of which only so much is to be in memory. What is left out is told in
/// [`Recording::thinned`]; one that holds no more than `outside` samples is read as a whole.
///
/// # Errors
/// As [`super::read`].
pub fn read_bounded(
    path: &Path,
    bounds: &Bounds,
    watch: Watch<'_>,
) -> Result<Recording, ReadError> {
    load(path, bounds, watch).map_err(|problem| ReadError { path: Some(path.to_owned()), problem })
}

fn load(path: &Path, bounds: &Bounds, watch: Watch<'_>) -> Result<Recording, ReadProblem> {
    let mut file = File::open(path).map_err(ReadProblem::Io)?;
    let mut header = Vec::new();
    let begin = (&mut file).take(FILE_HEADER as u64).read_to_end(&mut header);
    begin.map_err(ReadProblem::Io)?;
    let version = version(&header)?;
    let len = file.metadata().map_err(ReadProblem::Io)?.len() as usize;

    // There: half of the way.
    let there = &mut |done, of| watch(done / 2, of);
    let (mut survey, mut blocks) = (Survey::new(bounds.softirq_loop), Vec::new());
    let mut look = |at: usize, end: usize, rows: &mut Rows| {
        if blocks.is_empty()
            && let Some(meta) = rows.meta.first()
            && let Ok(meta) = serde_json::from_str::<Meta>(&meta.json.0)
        {
            survey.begins(meta.stall_threshold, meta.sample_period);
        }
        blocks.push((at, end));
        survey.look(rows);
        rows.clear_names_and_events();
    };
    let mut first = Reader::new(len, there, &mut look);
    let scan = || Scan::new(Window::new(&file, len, STEP));
    let cut_told = ahead(scan, &mut |found| first.blocks(found)).map_err(ReadProblem::Io)?;
    let notes = std::mem::take(&mut first.notes);
    let windows = survey.finish(bounds.whole, bounds.outside);

    let (rows, windows, left) =
        back(&file, len, &blocks, windows, watch).map_err(ReadProblem::Io)?;
    let (nobody, nothing) = (&mut |_, _| (), &mut |_: usize, _: usize, _: &mut Rows| ());
    let mut whole = Reader::new(len, nobody, nothing);
    (whole.rows, whole.notes) = (rows, notes);
    if left > 0 {
        let from = "The file was changed while it was read";
        whole.notes.damage(format!("{from}: its first {left} blocks were left out."));
    }
    let mut recording = whole.into_recording(cut_told, newer(version));
    recording.thinned = (windows.one_in > 1).then_some(Thinned {
        one_in: windows.one_in,
        samples: windows.samples,
        stretches: windows.without,
    });
    Ok(recording)
}

/// From the end to the beginning: the rows that are to be kept, in the order of the file, and how
/// many blocks could not be read again.
fn back(
    file: &File,
    len: usize,
    blocks: &[(usize, usize)],
    windows: Windows,
    watch: Watch<'_>,
) -> io::Result<(Rows, Windows, usize)> {
    let (mut rows, mut read, mut thin) =
        (Rows::default(), Vec::<Sample>::new(), Thin::new(windows));
    let mut names = Names::default();
    let mut numbers = Numbers::new(None, &mut names);
    let mut here = |_, _, of: &mut Rows| {
        let before = read.len();
        thin.block(&mut of.samples, &mut read);
        read[before..].iter_mut().for_each(|sample| sample.renumber(&mut numbers));
        of.renumber(&mut numbers);
        rows.take_reversed(of);
    };
    // What is wrong with the file was told on the way there.
    let nobody = &mut |_, _| ();
    let mut second = Reader::new(len, nobody, &mut here);
    let unpacked = || Ok(Backwards { source: Window::new(file, len, 0), blocks, zstd: zstd()? });
    let mut left = blocks.len();
    ahead(unpacked, &mut |found| {
        for found in found {
            let Found::Block { at, end, raw } = found else { continue };
            watch(len - at / 2, len);
            second.at_first_block = blocks.first().is_some_and(|first| first.0 == at);
            second.block(&raw, at);
            second.done(at, end);
            left -= 1;
        }
    })?;
    let windows = thin.finish(&mut read);
    rows.samples = read;
    rows.reverse();
    Ok((rows, windows, left))
}

fn zstd() -> io::Result<zstd::bulk::Decompressor<'static>> {
    zstd::bulk::Decompressor::new()
}

/// The blocks of a file, the last one first.
struct Backwards<'f> {
    source: Window<'f>,
    blocks: &'f [(usize, usize)],
    zstd: zstd::bulk::Decompressor<'static>,
}

impl Iterator for Backwards<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        let (&(at, end), before) = self.blocks.split_last()?;
        self.blocks = before;
        let bytes = self.source.bytes(at, end - at).ok()?;
        let raw = Block::at_start(bytes)?.unpack(&mut self.zstd).ok()?;
        Some(Found::Block { at, end, raw })
    }
}
