//! One column as bytes: one field of many rows.

use super::join::Numbers;
use super::varint::{
    Malformed, put_varint, take_long_varint, take_varint, unzigzag, varint_len, zigzag,
};

/// Numbers: the difference to the row before, zig-zag, as a varint.
pub const DELTA: u8 = 0;
/// Blobs: length as a varint, then the bytes.
pub const BLOBS: u8 = 1;
/// Numbers as they are, as varints. Where differences are no smaller, zstd does better on these.
pub const PLAIN: u8 = 2;

/// Where the reader is in a column.
pub struct Cursor<'a> {
    /// Bytes not read yet.
    pub bytes: &'a [u8],
    /// Rows read so far.
    pub row: usize,
    /// Rows whose value does not fit the type of the field.
    pub unfit: Vec<usize>,
    encoding: u8,
    lengths: Lengths,
    last: u64,
}

impl<'a> Cursor<'a> {
    /// Begins a column of so many rows.
    pub fn new(encoding: u8, bytes: &'a [u8], rows: usize) -> Cursor<'a> {
        let lengths = match bytes.len() {
            len if len == rows => Lengths::One,
            len if len <= rows + rows / 4 => Lengths::Short,
            _ => Lengths::Long,
        };
        Cursor { bytes, row: 0, unfit: Vec::new(), encoding, lengths, last: 0 }
    }
}

/// How long the varints of a column are, as its size tells: which way to read them is fastest.
#[derive(Clone, Copy)]
enum Lengths {
    /// Each is one byte.
    One,
    /// Most are.
    Short,
    /// Most are longer, or they are mixed.
    Long,
}

/// A field that a column can hold.
pub trait Cell: Sized {
    /// Whether a column in this encoding can be read as such fields.
    fn reads(encoding: u8) -> bool;
    /// Appends one field of all rows and says in which encoding. A column of only zeros or empty
    /// blobs needs no place in the file: `None`, and nothing appended, unless it is to be kept.
    fn encode<R>(
        rows: &[R],
        field: impl Fn(&R) -> &Self,
        keep: bool,
        out: &mut Vec<u8>,
    ) -> Option<u8>;
    /// Fills one field of the rows that come next.
    fn decode<R>(
        at: &mut Cursor<'_>,
        rows: &mut [R],
        field: impl Fn(&mut R) -> &mut Self,
    ) -> Result<(), Malformed>;
    /// Where it is the number of a name, makes it the one that the name has in another recording.
    fn renumber(&mut self, _: &mut Numbers<'_>) {}
}

/// A field that is a number.
pub trait Number: Copy {
    /// As it is stored.
    fn to_u64(self) -> u64;
    /// As it was; `None` if no such field can hold this value.
    fn from_u64(value: u64) -> Option<Self>;
    /// See [`Cell::renumber`].
    fn renumbered(self, _: &mut Numbers<'_>) -> Self {
        self
    }
}

impl<N: Number> Cell for N {
    fn reads(encoding: u8) -> bool {
        encoding == DELTA || encoding == PLAIN
    }

    fn encode<R>(
        rows: &[R],
        field: impl Fn(&R) -> &N,
        keep: bool,
        out: &mut Vec<u8>,
    ) -> Option<u8> {
        let values = || rows.iter().map(|row| field(row).to_u64());
        let (mut before, mut delta, mut plain, mut any) = (0, 0, 0, 0);
        for value in values() {
            delta += varint_len(zigzag(value, before));
            plain += varint_len(value);
            any |= value;
            before = value;
        }
        if any == 0 && !keep {
            return None;
        }
        if plain <= delta {
            values().for_each(|value| put_varint(value, out));
            return Some(PLAIN);
        }
        before = 0;
        for value in values() {
            put_varint(zigzag(value, before), out);
            before = value;
        }
        Some(DELTA)
    }

    fn decode<R>(
        at: &mut Cursor<'_>,
        rows: &mut [R],
        field: impl Fn(&mut R) -> &mut N,
    ) -> Result<(), Malformed> {
        let (first, mut unfit) = (at.row, std::mem::take(&mut at.unfit));
        let mut set = |i: usize, row: &mut R, value: u64| match N::from_u64(value) {
            Some(value) => *field(row) = value,
            None => unfit.push(first + i),
        };
        let (mut bytes, mut last) = (at.bytes, at.last);
        match (at.encoding, at.lengths) {
            (PLAIN, Lengths::One) => {
                let (these, rest) = bytes.split_at_checked(rows.len()).ok_or(Malformed)?;
                if these.iter().any(|&byte| byte >= 0x80) {
                    return Err(Malformed);
                }
                for (i, (row, &byte)) in rows.iter_mut().zip(these).enumerate() {
                    set(i, row, u64::from(byte));
                }
                bytes = rest;
            }
            (PLAIN, Lengths::Short) => each(rows, &mut bytes, take_varint, set)?,
            (PLAIN, Lengths::Long) => each(rows, &mut bytes, take_long_varint, set)?,
            (_, lengths) => {
                let add = |i: usize, row: &mut R, coded: u64| {
                    last = unzigzag(coded, last);
                    set(i, row, last);
                };
                match lengths {
                    Lengths::Long => each(rows, &mut bytes, take_long_varint, add)?,
                    _ => each(rows, &mut bytes, take_varint, add)?,
                }
            }
        }
        (at.bytes, at.last, at.unfit) = (bytes, last, unfit);
        at.row += rows.len();
        Ok(())
    }

    fn renumber(&mut self, numbers: &mut Numbers<'_>) {
        *self = self.renumbered(numbers);
    }
}

/// The loop that takes most of the reading time; `take` and `set` become part of it.
#[inline(always)]
fn each<R>(
    rows: &mut [R],
    bytes: &mut &[u8],
    take: impl Fn(&mut &[u8]) -> Result<u64, Malformed>,
    mut set: impl FnMut(usize, &mut R, u64),
) -> Result<(), Malformed> {
    let mut left = *bytes; // in a local, so that it stays in a register
    for (i, row) in rows.iter_mut().enumerate() {
        set(i, row, take(&mut left)?);
    }
    *bytes = left;
    Ok(())
}
