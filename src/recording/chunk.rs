//! A table chunk: some rows of one table, column by column, each with its name.

use super::budget::Purse;
use super::column::{BLOBS, Cursor};
use super::notes::Notes;
use super::row::{Column, Row};
use super::varint::{Malformed, put_blob, put_varint, take_blob, take_varint};

/// More columns than any table will have.
const MAX_COLUMNS: usize = 256;
/// More bytes than the name of any table or column will have.
const MAX_NAME: usize = 255;
/// Rows decoded at a time, so that they stay in the cache while column after column fills them.
const STRIP: usize = 128;
/// A blob takes at most so many times its length in memory: a frame number of one byte becomes
/// four, a byte that is not UTF-8 becomes three.
const BLOB_GROWTH: usize = 4;

/// Appends some rows as a chunk. `scratch` is memory to reuse.
pub fn encode<R: Row>(rows: &[R], out: &mut Vec<u8>, scratch: &mut Vec<u8>) {
    put_blob(R::TABLE.as_bytes(), out);
    put_varint(rows.len() as u64, out);
    for (i, column) in R::COLUMNS.iter().enumerate() {
        scratch.clear();
        // The first column is always there: it shows how many rows are really in the file.
        if let Some(encoding) = (column.encode)(rows, i == 0, scratch) {
            put_blob(column.name.as_bytes(), out);
            out.push(encoding);
            put_blob(scratch, out);
        }
    }
    put_blob(&[], out);
}

/// A chunk taken apart, its columns not decoded yet.
pub struct Chunk<'a> {
    /// Name of the table.
    pub table: &'a str,
    rows: usize,
    columns: Vec<Bytes<'a>>,
}

struct Bytes<'a> {
    name: &'a str,
    encoding: u8,
    bytes: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Takes a chunk off the front of a decompressed block. What it says of itself is not
    /// believed yet: only that its parts lie within the block.
    pub fn take(block: &mut &'a [u8]) -> Result<Chunk<'a>, Malformed> {
        let table = take_name(block)?;
        let rows = usize::try_from(take_varint(block)?).map_err(|_| Malformed)?;
        let mut columns: Vec<Bytes<'a>> = Vec::new();
        loop {
            let column = take_name(block)?;
            if column.is_empty() {
                return Ok(Chunk { table, rows, columns });
            }
            let (&encoding, rest) = block.split_first().ok_or(Malformed)?;
            *block = rest;
            let bytes = take_blob(block)?;
            if columns.len() == MAX_COLUMNS {
                return Err(Malformed);
            }
            columns.push(Bytes { name: column, encoding, bytes });
        }
    }
}

fn take_name<'a>(bytes: &mut &'a [u8]) -> Result<&'a str, Malformed> {
    let name = take_blob(bytes)?;
    if name.len() > MAX_NAME {
        return Err(Malformed);
    }
    std::str::from_utf8(name).map_err(|_| Malformed)
}

/// Adds the rows of a chunk to `into`: all of them or, if any byte is not what it should be, none.
pub fn decode<R: Row>(
    chunk: &Chunk<'_>,
    into: &mut Vec<R>,
    memory: &mut Purse,
    notes: &mut Notes,
) -> Result<(), Malformed> {
    let mut parts: Vec<(&Column<R>, Cursor<'_>)> = Vec::new();
    let mut blobs = 0;
    for bytes in &chunk.columns {
        let known = R::COLUMNS.iter().find(|column| column.name == bytes.name);
        let Some(column) = known.filter(|column| (column.reads)(bytes.encoding)) else {
            notes.unknown(chunk.table, bytes.name);
            continue;
        };
        // Every value takes a byte or more, so a row count that lies ends here.
        let too_short = bytes.bytes.len() < chunk.rows;
        if too_short || parts.iter().any(|(part, _)| part.name == column.name) {
            return Err(Malformed);
        }
        blobs += if bytes.encoding == BLOBS { bytes.bytes.len() } else { 0 };
        parts.push((column, Cursor::new(bytes.encoding, bytes.bytes, chunk.rows)));
    }
    if !parts.iter().any(|(column, _)| column.name == R::COLUMNS[0].name) {
        return Err(Malformed);
    }
    if !memory.spend(chunk.rows.saturating_mul(size_of::<R>()) + blobs * BLOB_GROWTH) {
        return Err(Malformed);
    }

    let before = into.len();
    into.reserve(chunk.rows);
    for from in (0..chunk.rows).step_by(STRIP) {
        let strip = into.len();
        into.resize_with(strip + STRIP.min(chunk.rows - from), R::default);
        for (column, cursor) in &mut parts {
            if (column.decode)(cursor, &mut into[strip..]).is_err() {
                into.truncate(before);
                return Err(Malformed);
            }
        }
    }
    if parts.iter().any(|(_, cursor)| !cursor.bytes.is_empty()) {
        into.truncate(before);
        return Err(Malformed);
    }
    drop_unfit(chunk, into, before, parts.into_iter().flat_map(|(_, cursor)| cursor.unfit), notes);
    Ok(())
}

/// Leaves out rows with a value that their field cannot hold, such as a kind of interrupt that a
/// newer version added: a row that is missing and told of is better than one that is wrong.
fn drop_unfit<R>(
    chunk: &Chunk<'_>,
    rows: &mut Vec<R>,
    first: usize,
    unfit: impl Iterator<Item = usize>,
    notes: &mut Notes,
) {
    let mut unfit: Vec<usize> = unfit.collect();
    if unfit.is_empty() {
        return;
    }
    unfit.sort_unstable();
    unfit.dedup();
    let mut left_out = unfit.iter().peekable();
    let mut index = 0;
    let kept = rows.split_off(first).into_iter().filter(|_| {
        let drop = left_out.next_if(|&&row| row == index).is_some();
        index += 1;
        !drop
    });
    rows.extend(kept);
    notes.unfit(chunk.table, unfit.len());
}
