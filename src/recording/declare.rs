//! What the list in `tables.rs` becomes: [`Rows`](super::tables::Rows), which holds rows of all tables,
//! and for each table its columns as [`Row`](super::row::Row) tells them.

/// Declares tables: those of `others` once, those of `events` in order of time. A line is a column's
/// name in the file, and its place in the row.
macro_rules! tables {
    (
        others { $($other:ident: $other_row:ty = $other_name:literal |$o:ident| {
            $($o_column:literal: $o_place:expr),* $(,)?
        })* }
        events { $($event:ident: $event_row:ident ($variant:ident) = $event_name:literal |$e:ident| {
            $($e_column:literal: $e_place:expr),* $(,)?
        })* }
    ) => {
        $(tables!(@row $other_row, $other_name, $o, $($o_column: $o_place),*);)*
        $(tables!(@row $event_row, $event_name, $e, $($e_column: $e_place),*);)*

        /// Rows of all tables, in the order in which they are written: names before events.
        #[derive(Default)]
        pub struct Rows {
            $(pub $other: Vec<$other_row>,)*
            $(pub $event: Vec<$event_row>,)*
        }

        impl Rows {
            /// How many rows there are.
            pub fn len(&self) -> usize {
                0 $(+ self.$other.len())* $(+ self.$event.len())*
            }

            /// Drops all rows and keeps their memory for the next.
            pub fn clear(&mut self) {
                $(self.$other.clear();)*
                $(self.$event.clear();)*
            }

            /// Drops all that [`Rows::renumber`] is about, and keeps what is said of the whole.
            /// Gives back memory beyond `most` bytes.
            pub fn clear_names_and_events(&mut self, most: usize) {
                let held = 0 $(+ held(&self.$other))* $(+ held(&self.$event))*;
                if held > most {
                    let (meta, end) = (std::mem::take(&mut self.meta), std::mem::take(&mut self.end));
                    let damage = std::mem::take(&mut self.damage);
                    *self = Rows { meta, damage, end, ..Rows::default() };
                }
                self.strings.clear();
                self.tasks.clear();
                self.frames.clear();
                self.stacks.clear();
                $(self.$event.clear();)*
            }

            /// Counts the events by how bad they are.
            pub fn tally(&self, tallies: &mut PerTable<Tally>) {
                $(self.$event.iter().for_each(|row| tallies.$event.add(row));)*
            }

            /// Leaves of the events those that are picked.
            pub fn retain(&mut self, picks: &mut PerTable<Pick>) {
                $(self.$event.retain(|row| picks.$event.takes(row));)*
            }

            /// Adds an event to its table.
            pub fn push(&mut self, event: Event) {
                match event {
                    $(Event::$variant(row) => self.$event.push(row),)*
                }
            }

            /// Goes through all tables.
            pub fn visit(&self, visit: &mut impl Visit) -> std::io::Result<()> {
                $(visit.rows(&self.$other)?;)*
                $(visit.rows(&self.$event)?;)*
                Ok(())
            }

            /// Adds the rows of a chunk to its table. A table that is not known is noted.
            pub fn read(
                &mut self,
                chunk: &Chunk<'_>,
                memory: &mut Purse,
                notes: &mut Notes,
            ) -> Result<(), Malformed> {
                match chunk.table {
                    $($other_name => decode(chunk, &mut self.$other, memory, notes),)*
                    $($event_name => decode(chunk, &mut self.$event, memory, notes),)*
                    unknown => {
                        notes.unknown(unknown, "");
                        Ok(())
                    }
                }
            }

            /// Adds the events of a recording within a window, under the names of another.
            pub fn join(&mut self, part: &Recording, from: Ktime, to: Ktime, names: &mut Names) {
                let numbers = &mut Numbers::new(Some(part), names);
                $(for row in part.$event.iter().filter(|row| from <= row.time && row.time <= to) {
                    let mut row = row.clone();
                    row.renumber(numbers);
                    self.$event.push(row);
                })*
            }

            /// Gives the names in the events other numbers, and leaves out the names not asked for.
            pub fn renumber(&mut self, numbers: &mut Numbers<'_>) {
                $(self.$event.iter_mut().for_each(|row| row.renumber(numbers));)*
                // Each of these refers to those after it.
                numbers.keep_stacks(&mut self.stacks);
                numbers.keep_tasks(&mut self.tasks);
                numbers.keep_frames(&mut self.frames);
                numbers.keep_strings(&mut self.strings);
            }

            /// Takes the rows of a block that came before, the last one first.
            pub fn take_reversed(&mut self, block: &mut Rows) {
                $(self.$other.extend(block.$other.drain(..).rev());)*
                $(self.$event.extend(block.$event.drain(..).rev());)*
            }

            /// Turns the rows of all tables around.
            pub fn reverse(&mut self) {
                $(self.$other.reverse();)*
                $(self.$event.reverse();)*
            }

            /// Hands the events over, each table in order of time.
            pub fn give_events(&mut self, recording: &mut Recording) {
                $(
                    in_order(&mut self.$event, |row| row.time);
                    recording.$event = std::mem::take(&mut self.$event);
                )*
            }
        }

        /// Something for each table of events.
        #[derive(Default)]
        pub struct PerTable<T> {
            $(pub $event: T,)*
        }

        impl<T> PerTable<T> {
            /// The same for something else.
            pub fn map<U>(&self, mut make: impl FnMut(&T) -> U) -> PerTable<U> {
                PerTable { $($event: make(&self.$event),)* }
            }

            /// Each with the name of its table.
            pub fn each(&self) -> impl Iterator<Item = (&'static str, &T)> {
                [$(($event_name, &self.$event),)*].into_iter()
            }
        }

        /// Goes through the events of a recording.
        pub fn visit_events(recording: &Recording, visit: &mut impl Visit) -> std::io::Result<()> {
            $(visit.rows(&recording.$event)?;)*
            Ok(())
        }

        /// Every table that this version writes and reads, with its columns.
        #[must_use]
        pub fn tables() -> Vec<(&'static str, Vec<&'static str>)> {
            vec![$(($other_name, vec![$($o_column),*]),)* $(($event_name, vec![$($e_column),*]),)*]
        }
    };
    (@row $row:ty, $name:literal, $r:ident, $($column:literal: $place:expr),*) => {
        impl Row for $row {
            const TABLE: &'static str = $name;
            const COLUMNS: &'static [Column<$row>] = &[$(Column {
                name: $column,
                reads: |encoding| reads(|$r: &mut $row| &mut $place, encoding),
                encode: |rows, keep, out| Cell::encode(rows, |$r: &$row| &$place, keep, out),
                decode: |at, rows| Cell::decode(at, rows, |$r: &mut $row| &mut $place),
            }),*];

            fn renumber(&mut self, numbers: &mut Numbers<'_>) {
                let $r = self;
                $(Cell::renumber(&mut $place, numbers);)*
            }
        }
    };
}
pub(super) use tables;

/// Bytes of memory that rows have, in use or not; without what they point to.
pub(super) fn held<R>(rows: &Vec<R>) -> usize {
    rows.capacity() * size_of::<R>()
}
