//! What a table is made of: rows, and columns that know a field of each.

use super::column::{Cell, Cursor};
use super::fields::Json;
use super::join::Numbers;
use super::varint::Malformed;
use crate::units::Ktime;

/// Something stored as rows of a table.
pub trait Row: Default + 'static {
    /// Name of the table.
    const TABLE: &'static str;
    /// Its columns; the first one is never left out.
    const COLUMNS: &'static [Column<Self>];
    /// Makes the numbers of names in it those of another recording.
    fn renumber(&mut self, numbers: &mut Numbers<'_>);
}

/// One column: its name, and how its field of many rows becomes bytes and back.
pub struct Column<R: 'static> {
    /// Name in the file.
    pub name: &'static str,
    /// Whether it can be read from this encoding.
    pub reads: fn(u8) -> bool,
    /// See [`Cell::encode`].
    pub encode: fn(&[R], bool, &mut Vec<u8>) -> Option<u8>,
    /// See [`Cell::decode`].
    pub decode: fn(&mut Cursor<'_>, &mut [R]) -> Result<(), Malformed>,
}

/// What a table does when all are gone through.
pub trait Visit {
    /// Called with each table in turn.
    fn rows<R: Row>(&mut self, rows: &[R]) -> std::io::Result<()>;
}

/// A name with its number, which it keeps whatever else of the file is lost.
#[derive(Clone, Debug, Default)]
pub struct Named<T> {
    /// Number from 1 on.
    pub id: u32,
    /// What it stands for.
    pub value: T,
}

/// [`Meta`] as JSON.
#[derive(Default)]
pub struct MetaRow {
    /// The JSON text.
    pub json: Json,
}

/// The mark of an orderly end.
#[derive(Default)]
pub struct EndRow {
    /// When recording ended.
    pub time: Ktime,
}

/// A sentence about damage to the recording that this one was made from.
#[derive(Default)]
pub struct DamageRow {
    /// The sentence.
    pub text: String,
}

/// Whether a field, named by a function that is never called, can be read from this encoding.
pub fn reads<R, C: Cell>(_field: impl Fn(&mut R) -> &mut C, encoding: u8) -> bool {
    C::reads(encoding)
}

/// Sorts rows; those of one moment keep the order they came in. Probes deliver nearly in order,
/// so most rows are moved a few places or not at all, which is far cheaper than sorting anew.
pub fn in_order<R, K: Ord>(rows: &mut [R], key: impl Fn(&R) -> K) {
    let mut moves = rows.len() * 16;
    for at in 1..rows.len() {
        let this = key(&rows[at]);
        let after = rows[..at].iter().rev().take_while(|row| key(row) > this).take(moves).count();
        if after == moves {
            rows.sort_by_key(key);
            return;
        }
        moves -= after;
        rows[at - after..=at].rotate_right(1);
    }
}
