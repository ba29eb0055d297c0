//! A large recording in bounded memory: once through it to find where stalls are, and once more,
//! from its end to its beginning, to read the samples in them and some of the others. Names are
//! written before the events that refer to them: whoever comes from the end knows which are needed.

use std::fs::File;
use std::io;
use std::path::Path;

use super::ahead::ahead;
use super::format::Block;
use super::join::{Names, Numbers};
use super::notes::{Notes, SENTENCES};
use super::open::{ReadError, ReadProblem, newer, open};
use super::reader::{Reader, STEP, Watch};
use super::row::Row;
use super::scan::{Found, Scan};
use super::source::{Source, Window};
use super::tables::{PerTable, Rows};
use super::thin::Thin;
use super::windows::{Survey, Windows};
use super::worst::{self, Pick, Weighed};
use crate::model::{HistCount, LeftOut, Recording, Sample, Thinned};

/// Bytes of memory that rows of a block may leave behind for those of the next.
const ROWS: usize = 64 << 20;
/// Most blocks: those of days, one each tenth of a second.
const MAX_BLOCKS: usize = 1 << 22;
/// One part in so many of the room for names is for samples that tell something themselves.
const KEPT_BACK: usize = 2;

/// How much is read of a large recording.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Samples in and around stalls; about.
    pub whole: u64,
    /// Samples elsewhere; about.
    pub outside: u64,
    /// Bytes of memory for events other than samples, with what the analysis makes of them; about.
    pub events: u64,
    /// Bytes of memory for names; about.
    pub names: usize,
}

/// Reads a recording of which only so much is to be in memory, whatever it holds. What is left out
/// is told in [`Recording::thinned`]; one that fits is read as a whole.
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
    let (file, version, len) = open(path)?;
    let There { survey, blocks, notes, cut_told } =
        there(&file, len, &mut *watch).map_err(ReadProblem::Io)?;
    let mut picks = worst::picks(&survey.tallies, bounds.events);
    let mut left_out = worst::left_out(&picks);
    let windows = survey.finish(bounds.whole, bounds.outside, std::mem::take(&mut picks.samples));

    let Back { rows, windows, names, hists, left } =
        back(&file, len, &blocks, windows, picks, bounds.names, watch).map_err(ReadProblem::Io)?;
    if hists > 0 {
        let of = rows.hists.len() as u64 + hists;
        left_out.push(LeftOut { table: HistCount::TABLE, rows: hists, of });
    }
    if windows.beyond > 0 {
        let (table, rows) = (Sample::TABLE, windows.beyond);
        left_out.push(LeftOut { table, rows, of: windows.samples });
    }
    let (nobody, nothing) = (&mut |_, _| (), &mut |_: usize, _: usize, _: &mut Rows| ());
    let mut whole = Reader::new(len, nobody, nothing);
    (whole.rows, whole.notes) = (rows, notes);
    if left > 0 {
        let from = "The file was changed while it was read";
        whole.notes.damage(format!("{from}: its first {left} blocks were left out."));
    }
    let mut recording = whole.into_recording(cut_told, newer(version));
    let all = windows.one_in <= 1 && left_out.is_empty() && names == 0;
    recording.thinned = (!all).then_some(Thinned {
        one_in: windows.one_in,
        samples: windows.samples,
        stretches: windows.without,
        left_out,
        names,
    });
    Ok(recording)
}

/// What the way there finds.
struct There {
    survey: Survey,
    /// Where each block begins and ends.
    blocks: Vec<(usize, usize)>,
    notes: Notes,
    /// It was told why there is no end.
    cut_told: bool,
}

/// From the beginning to the end.
fn there(file: &File, len: usize, watch: Watch<'_>) -> io::Result<There> {
    let half = &mut |done, of| watch(done / 2, of);
    let (mut survey, mut blocks) = (Survey::default(), Vec::new());
    let mut without = 0_usize;
    let mut look = |at: usize, end: usize, rows: &mut Rows| {
        if blocks.is_empty()
            && let Some(meta) = rows.meta.first().and_then(|row| row.json.meta())
        {
            survey.begins(meta.stall_threshold, meta.sample_period);
        }
        rows.damage.clear();
        match blocks.len() {
            MAX_BLOCKS => without += 1,
            _ => {
                blocks.push((at, end));
                survey.look(rows);
            }
        }
        rows.clear_names_and_events(ROWS);
    };
    let mut first = Reader::new(len, half, &mut look);
    first.block_by_block = true;
    let scan = || Scan::new(Window::new(file, len, STEP));
    let cut_told = ahead(scan, &mut |found| first.blocks(found))?;
    let mut notes = std::mem::take(&mut first.notes);
    if without > 0 {
        let most = "More blocks than any recording has";
        notes.damage(format!("{most}: its last {without} were left out."));
    }
    Ok(There { survey, blocks, notes, cut_told })
}

/// What the way back gives.
struct Back {
    /// Rows that are kept, in the order of the file.
    rows: Rows,
    windows: Windows,
    /// For how many names there was no room.
    names: u64,
    /// How many rows of histograms had to be left out.
    hists: u64,
    /// How many blocks could not be read again.
    left: usize,
}

/// From the end to the beginning.
fn back(
    file: &File,
    len: usize,
    blocks: &[(usize, usize)],
    windows: Windows,
    mut picks: PerTable<Pick>,
    room: usize,
    watch: Watch<'_>,
) -> io::Result<Back> {
    let (mut rows, mut read, mut thin) =
        (Rows::default(), Vec::<Sample>::new(), Thin::new(windows));
    let mut names = Names::default();
    let mut numbers = Numbers::new(None, &mut names).within(room);
    let mut hists = 0;
    let mut here = |_, _, of: &mut Rows| {
        let before = read.len();
        thin.block(&mut of.samples, &mut read);
        for sample in &mut read[before..] {
            // Stacks of stalls are needed more than others.
            numbers.keep_back(if sample.weight().is_some() { 0 } else { room / KEPT_BACK });
            sample.renumber(&mut numbers);
        }
        numbers.keep_back(0);
        of.retain(&mut picks);
        of.renumber(&mut numbers);
        rows.take_reversed(of);
        hists += worst::add_up(&mut rows.hists);
        // The first ones are told, and these come last.
        rows.damage.drain(..rows.damage.len().saturating_sub(SENTENCES));
        of.clear_names_and_events(ROWS);
    };
    // What is wrong with the file was told on the way there.
    let nobody = &mut |_, _| ();
    let mut second = Reader::new(len, nobody, &mut here);
    second.block_by_block = true;
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
    Ok(Back { rows, windows, names: numbers.left_out(), hists, left })
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
