//! Several recordings of one host made one: what lies within a window, each name once.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::budget::Purse;
use super::row::{Named, Row};
use super::tables::Rows;
use crate::model::{Frame, Meta, Recording, Stack, Task};
use crate::units::Ktime;

/// Names of the recording that others are joined to; each has its place as its number, from 1.
#[derive(Default)]
pub struct Names {
    strings: Table<String>,
    tasks: Table<Task>,
    frames: Table<Frame>,
    stacks: Table<Stack>,
}

#[derive(Default)]
struct Table<T> {
    values: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T: Clone + Eq + Hash + Default> Table<T> {
    /// The number of a value; 0 for what is unknown.
    fn number(&mut self, value: T) -> u32 {
        if value == T::default() {
            return 0;
        }
        let next = self.values.len() as u32 + 1;
        *self.numbers.entry(value).or_insert_with_key(|value| {
            self.values.push(value.clone());
            next
        })
    }

    fn into_values(self) -> Vec<T> {
        std::iter::once(T::default()).chain(self.values).collect()
    }
}

/// The numbers that names of one part have in the whole; only those that are asked for get one.
pub struct Numbers<'a> {
    /// None where numbers are asked for before the names are there.
    part: Option<&'a Recording>,
    names: &'a mut Names,
    known: [HashMap<u32, u32>; 4],
    /// Which of them have their name.
    named: [HashSet<u32>; 4],
    /// Bytes of memory for both, and how many of them not everybody may ask for.
    room: Purse,
    kept_back: usize,
    /// Names and mentions for which there was none.
    left_out: u64,
}

/// Bytes that a name takes wherever it is known, by its number and in its place; about.
const KNOWN: usize = 64;

macro_rules! number {
    ($($name:ident: $table:ident, $at:literal, $keep:ident: $value:ty, |$v:ident| $takes:expr;)*) => { $(
        /// Number in the whole.
        pub fn $name(&mut self, id: u32) -> u32 {
            if let Some(&number) = self.known[$at].get(&id) {
                return number;
            }
            let number = match self.part {
                None if id == 0 => return 0,
                None if self.room.left() < self.kept_back || !self.room.spend(KNOWN) => {
                    self.left_out += 1;
                    return 0;
                }
                None => self.known[$at].len() as u32 + 1,
                Some(part) => {
                    let value = part.$table.get(id as usize).cloned().unwrap_or_default();
                    let mut row = Named { id, value };
                    row.renumber(self);
                    self.names.$table.number(row.value)
                }
            };
            self.known[$at].insert(id, number);
            number
        }

        /// Leaves of these names those that were asked for, under their numbers in the whole; each
        /// once, as a file that was copied into itself may hold them many times.
        pub fn $keep(&mut self, rows: &mut Vec<Named<$value>>) {
            rows.retain_mut(|row| {
                let Some(&number) = self.known[$at].get(&row.id) else { return false };
                if self.named[$at].contains(&number) {
                    return false;
                }
                let $v = &row.value;
                if !self.room.spend(size_of::<$value>() + $takes) {
                    self.left_out += 1;
                    return false;
                }
                row.renumber(self);
                row.id = number;
                self.named[$at].insert(number)
            });
        }
    )* };
}

impl<'a> Numbers<'a> {
    /// None asked for yet.
    pub fn new(part: Option<&'a Recording>, names: &'a mut Names) -> Numbers<'a> {
        let (known, named) = Default::default();
        let room = Purse::of(usize::MAX);
        Numbers { part, names, known, named, room, kept_back: 0, left_out: 0 }
    }

    /// With so many bytes for names; those that find no room are unknown.
    pub fn within(mut self, bytes: usize) -> Numbers<'a> {
        self.room = Purse::of(bytes);
        self
    }

    /// So many bytes are not for whoever asks from now on.
    pub fn keep_back(&mut self, bytes: usize) {
        self.kept_back = bytes;
    }

    /// For how many names, or mentions of one, there was no room.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    number! {
        string: strings, 0, keep_strings: String, |text| text.len();
        task: tasks, 1, keep_tasks: Task, |_task| 0;
        frame: frames, 2, keep_frames: Frame, |_frame| 0;
        stack: stacks, 3, keep_stacks: Stack, |stack| size_of_val(&stack.0[..]);
    }
}

/// One recording of what the parts, in order of time, hold between `from` and `to`, both included.
#[must_use]
pub fn join(parts: &[Recording], meta: Meta, from: Ktime, to: Ktime) -> Recording {
    let (mut rows, mut names) = (Rows::default(), Names::default());
    parts.iter().for_each(|part| rows.join(part, from, to, &mut names));
    let mut whole = Recording { meta, end: Some(to), ..Recording::default() };
    rows.give_events(&mut whole);
    whole.strings = names.strings.into_values();
    whole.tasks = names.tasks.into_values();
    whole.frames = names.frames.into_values();
    whole.stacks = names.stacks.into_values();
    for sentence in parts.iter().flat_map(|part| &part.damage) {
        if !whole.damage.contains(sentence) {
            whole.damage.push(sentence.clone());
        }
    }
    whole
}
