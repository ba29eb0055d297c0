//! Writing: events and names come in one by one and leave as blocks.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fs::File;
use std::hash::Hash;
use std::io::{self, Seek, SeekFrom, Write};

use super::fields::{MAX_FRAMES, MAX_TEXT};
use super::packer::Packer;
use super::row::{DamageRow, EndRow, Named, Row, Visit};
use super::tables::{Rows, visit_events};
use crate::model::{Event, Frame, FrameId, Meta, Recording, Stack, StackId, StrId, Task, TaskId};
use crate::units::Ktime;

/// Writes a recording while it is made.
///
/// Nothing reaches the file before [`Writer::flush`]; what was flushed stays readable whatever
/// happens to the program later. Each distinct string, task, frame and stack is kept in memory to
/// know it again, so the writer grows with the number of distinct names, not with that of events;
/// [`Writer::forget_stacks`] and [`Writer::forget_tasks`] bound that.
pub struct Writer<W: Write> {
    packer: Packer<W>,
    rows: Rows,
    strings: Numbers<Box<str>>,
    tasks: Numbers<Task>,
    frames: Numbers<Frame>,
    stacks: Numbers<Box<[FrameId]>>,
}

/// The numbers of names.
struct Numbers<K> {
    known: HashMap<K, u32>,
    /// The last number that was given.
    last: u32,
}

impl<K> Default for Numbers<K> {
    fn default() -> Numbers<K> {
        Numbers { known: HashMap::new(), last: 0 }
    }
}

impl<W: Write> Writer<W> {
    /// Begins a recording: writes the header and `meta`.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn new(out: W, meta: &Meta) -> io::Result<Writer<W>> {
        Ok(Writer::with(Packer::new(out, meta, None)?))
    }

    fn with(packer: Packer<W>) -> Writer<W> {
        Writer {
            packer,
            rows: Rows::default(),
            strings: Numbers::default(),
            tasks: Numbers::default(),
            frames: Numbers::default(),
            stacks: Numbers::default(),
        }
    }

    /// Takes an event, to be written with the next flush.
    pub fn event(&mut self, event: Event) {
        if !self.packer.is_broken() {
            self.rows.push(event);
        }
    }

    /// The number of a string; none for the empty one.
    pub fn string(&mut self, text: &str) -> StrId {
        let text = clip(text);
        if text.is_empty() {
            return StrId::NONE;
        }
        let own = || (text.into(), text.to_owned());
        StrId(intern(&mut self.strings, &mut self.rows.strings, text, own))
    }

    /// The number of a task.
    pub fn task(&mut self, task: Task) -> TaskId {
        TaskId(intern(&mut self.tasks, &mut self.rows.tasks, &task, || (task, task)))
    }

    /// The number of a code location.
    pub fn frame(&mut self, frame: Frame) -> FrameId {
        FrameId(intern(&mut self.frames, &mut self.rows.frames, &frame, || (frame, frame)))
    }

    /// The number of a stack, innermost frame first; none for an empty one.
    pub fn stack(&mut self, frames: &[FrameId]) -> StackId {
        let frames = &frames[..frames.len().min(MAX_FRAMES)];
        if frames.is_empty() {
            return StackId::NONE;
        }
        let own = || (frames.into(), Stack(frames.to_vec()));
        StackId(intern(&mut self.stacks, &mut self.rows.stacks, frames, own))
    }

    /// The string of a number that this writer gave. Goes through all of them: for rare use.
    #[must_use]
    pub fn text(&self, id: StrId) -> Option<&str> {
        self.strings.known.iter().find(|(_, n)| **n == id.0).map(|(text, _)| &**text)
    }

    /// The task of a number that this writer gave. Goes through all of them: for rare use.
    #[must_use]
    pub fn known_task(&self, id: TaskId) -> Option<Task> {
        self.tasks.known.iter().find(|(_, n)| **n == id.0).map(|(task, _)| *task)
    }

    /// How many rows wait for the next flush.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.rows.len()
    }

    /// How many bytes were written in whole blocks so far.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.packer.written()
    }

    /// How many names are kept in memory to be known again.
    #[must_use]
    pub fn names(&self) -> usize {
        [
            self.strings.known.len(),
            self.tasks.known.len(),
            self.frames.known.len(),
            self.stacks.known.len(),
        ]
        .iter()
        .sum()
    }

    /// Forgets the stacks and frames it knows: those that come again get another number. Names that
    /// were given stay good.
    pub fn forget_stacks(&mut self) {
        self.frames.known = HashMap::new();
        self.stacks.known = HashMap::new();
    }

    /// Forgets the tasks it knows, likewise.
    pub fn forget_tasks(&mut self) {
        self.tasks.known = HashMap::new();
    }

    /// Writes all that waits: one block, or a few where it is more than about a MiB.
    ///
    /// # Errors
    /// If it cannot be written. What was flushed before stays readable; what waited is lost, and
    /// so is all that comes later: each further flush returns the same error.
    pub fn flush(&mut self) -> io::Result<()> {
        let written = self.rows.visit(&mut self.packer).and_then(|()| self.packer.seal());
        self.rows.clear();
        written
    }

    /// Flushes, marks the orderly end and gives the output back.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(mut self, end: Ktime) -> io::Result<W> {
        self.rows.visit(&mut self.packer)?;
        // After all else, also where that fills several blocks: nothing follows the end.
        self.packer.rows(&[EndRow { time: end }])?;
        self.packer.seal()?;
        Ok(self.packer.into_inner())
    }
}

impl Writer<File> {
    /// Begins a recording in a file, as [`Writer::new`] does. Where a write fails half way (the
    /// disk is full), the file is cut back to its last whole block at once, so that it holds no
    /// torn tail; where it cannot be cut, such as a pipe, recovery finds the same blocks.
    ///
    /// # Errors
    /// If the header and `meta` cannot be written.
    pub fn to_file(out: File, meta: &Meta) -> io::Result<Writer<File>> {
        let cut = |file: &mut File, len: u64| {
            // The write's own error is the one to tell; a file left torn is readable too.
            let _ = file.set_len(len).and_then(|()| file.seek(SeekFrom::Start(len)));
        };
        Ok(Writer::with(Packer::new(out, meta, Some(cut))?))
    }
}

/// Writes a whole recording, as it is: read back, it is equal, apart from what no file can hold
/// (rows of an event table out of order; no entry number 0 of the names).
///
/// # Errors
/// If it cannot be written.
pub fn write<W: Write>(out: W, recording: &Recording) -> io::Result<W> {
    let mut packer = Packer::new(out, &recording.meta, None)?;
    let damage = recording.damage.iter().map(|text| DamageRow { text: clip(text).to_owned() });
    packer.rows(&damage.collect::<Vec<_>>())?;
    names(&mut packer, &recording.strings, |text| clip(text).to_owned())?;
    names(&mut packer, &recording.tasks, Task::clone)?;
    names(&mut packer, &recording.frames, Frame::clone)?;
    names(&mut packer, &recording.stacks, |stack| {
        Stack(stack.0[..stack.0.len().min(MAX_FRAMES)].to_vec())
    })?;
    visit_events(recording, &mut packer)?;
    let end = recording.end.map(|time| EndRow { time });
    packer.rows(&end.into_iter().collect::<Vec<_>>())?;
    packer.seal()?;
    Ok(packer.into_inner())
}

fn names<T, W: Write>(packer: &mut Packer<W>, values: &[T], own: impl Fn(&T) -> T) -> io::Result<()>
where
    Named<T>: Row,
{
    let rows = (1..).zip(values.iter().skip(1)).map(|(id, value)| Named { id, value: own(value) });
    packer.rows(&rows.collect::<Vec<_>>())
}

/// The number of `key`: the one it has, or the next.
fn intern<K, Q, T>(
    numbers: &mut Numbers<K>,
    rows: &mut Vec<Named<T>>,
    key: &Q,
    own: impl FnOnce() -> (K, T),
) -> u32
where
    K: Borrow<Q> + Hash + Eq,
    Q: Hash + Eq + ?Sized,
{
    if let Some(&id) = numbers.known.get(key) {
        return id;
    }
    // Four thousand million names do not fit into memory; were they to, the rest is "unknown".
    let Some(id) = numbers.last.checked_add(1) else { return 0 };
    let (key, value) = own();
    numbers.last = id;
    numbers.known.insert(key, id);
    rows.push(Named { id, value });
    id
}

/// The text, or as much of it as may be stored.
fn clip(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}
