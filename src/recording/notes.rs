//! What the reader found wrong with a file, as sentences for a person. Bounded: a hostile file
//! must not be able to make a million of them.

use std::collections::{BTreeMap, BTreeSet};

/// So many sentences of one kind; further ones are only counted.
pub const SENTENCES: usize = 20;
/// So many characters of a name that the file holds.
const NAME: usize = 60;
/// So many characters of a sentence that the file holds: room for one with all names in it.
const SENTENCE: usize = 4000;

/// Collects sentences.
#[derive(Default)]
pub struct Notes {
    stored: Vec<String>,
    damage: Vec<String>,
    more: usize,
    unknown: BTreeMap<String, BTreeSet<String>>,
    more_unknown: bool,
    unfit: BTreeMap<String, usize>,
}

impl Notes {
    /// Damage met in this file.
    pub fn damage(&mut self, sentence: String) {
        if self.damage.contains(&sentence) {
            return;
        }
        if self.damage.len() < SENTENCES {
            self.damage.push(sentence);
        } else {
            self.more += 1;
        }
    }

    /// A sentence that the file holds: damage to the recording it was made from.
    pub fn stored(&mut self, sentence: &str) {
        if self.stored.len() < SENTENCES {
            self.stored.push(harmless(sentence, SENTENCE));
        }
    }

    /// A column that this version does not know; with no name, a whole table.
    pub fn unknown(&mut self, table: &str, column: &str) {
        let known = self.unknown.get(table).is_some_and(|columns| columns.contains(column));
        if known || self.more_unknown {
            return;
        }
        if self.unknown.values().map(BTreeSet::len).sum::<usize>() == SENTENCES {
            self.more_unknown = true;
            return;
        }
        self.unknown.entry(table.to_owned()).or_default().insert(column.to_owned());
    }

    /// Rows of a table that is known, with a value that their field cannot hold.
    pub fn unfit(&mut self, table: &str, rows: usize) {
        *self.unfit.entry(table.to_owned()).or_default() += rows;
    }

    /// Whether the file holds sentences about the recording it was made from.
    pub fn has_stored(&self) -> bool {
        !self.stored.is_empty()
    }

    /// All sentences; `newer` is the file's version if it is newer than this program's.
    pub fn finish(self, newer: Option<(u16, u16)>) -> Vec<String> {
        let mut all = self.stored;
        for sentence in self.damage {
            if !all.contains(&sentence) {
                all.push(sentence);
            }
        }
        if self.more > 0 {
            all.push(format!("And {} more such damages.", self.more));
        }
        for (table, rows) in self.unfit {
            all.push(format!(
                "{rows} rows of table \"{table}\" hold a value that this stallprof does not know; \
                 they were left out."
            ));
        }
        if !self.unknown.is_empty() {
            let names = self.unknown.iter().flat_map(|(table, columns)| {
                columns
                    .iter()
                    .map(|column| unknown_name(&harmless(table, NAME), &harmless(column, NAME)))
            });
            let names = names.collect::<Vec<_>>().join(", ");
            let others = if self.more_unknown { " and others" } else { "" };
            let why = match newer {
                Some((major, minor)) => format!(
                    "It was made by a newer stallprof (recording format {major}.{minor}); this one"
                ),
                None => "This stallprof".to_owned(),
            };
            all.push(format!("{why} does not know, and left out: {names}{others}."));
        }
        all
    }
}

fn unknown_name(table: &str, column: &str) -> String {
    match column {
        "" => format!("table \"{table}\""),
        _ => format!("column \"{column}\" of table \"{table}\""),
    }
}

/// Text of the file that a terminal may be shown: short, without control characters.
fn harmless(text: &str, chars: usize) -> String {
    text.chars().take(chars).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
