//! Blocks taken apart into the values of each column, and put together again, from
//! `docs/recording.md`: so that a value can be changed and all around it stays right.

use crate::forge::{Random, blob, varint};

pub struct Table {
    name: Vec<u8>,
    rows: u64,
    columns: Vec<(Vec<u8>, Values)>,
}

enum Values {
    /// Stored as differences or as they are.
    Numbers(u8, Vec<u64>),
    Blobs(Vec<Vec<u8>>),
}

/// The tables of a block.
pub fn dissect(mut raw: &[u8]) -> Vec<Table> {
    let mut tables = Vec::new();
    while !raw.is_empty() {
        let (name, rows) = (take_blob(&mut raw).to_vec(), take_varint(&mut raw));
        let mut columns = Vec::new();
        loop {
            let column = take_blob(&mut raw).to_vec();
            if column.is_empty() {
                break;
            }
            let encoding = raw[0];
            raw = &raw[1..];
            columns.push((column, values(encoding, take_blob(&mut raw))));
        }
        tables.push(Table { name, rows, columns });
    }
    tables
}

/// The block of these tables.
pub fn join(tables: &[Table]) -> Vec<u8> {
    let mut raw = Vec::new();
    for table in tables {
        raw.extend([blob(&table.name), varint(table.rows)].concat());
        for (name, values) in &table.columns {
            let (encoding, bytes) = match values {
                Values::Numbers(0, all) => (0, deltas(all)),
                Values::Numbers(plain, all) => {
                    (*plain, all.iter().flat_map(|v| varint(*v)).collect())
                }
                Values::Blobs(all) => (1, all.iter().flat_map(|b| blob(b)).collect()),
            };
            raw.extend([blob(name), vec![encoding], blob(&bytes)].concat());
        }
        raw.push(0);
    }
    raw
}

/// Changes some values of one column.
pub fn change_values(tables: &mut [Table], random: &mut Random) {
    let which = random.below(tables.len());
    let table = &mut tables[which];
    if table.columns.is_empty() {
        return;
    }
    let mut which = random.below(table.columns.len());
    // Names far from all others cost the reader most of a second, here: few are enough.
    if table.columns[which].0 == b"id" && random.below(10) > 0 {
        which = table.columns.len() - 1;
    }
    match &mut table.columns[which].1 {
        Values::Numbers(_, all) if !all.is_empty() => {
            // One, a few, or every one.
            let rows = [1, 1, 5, all.len()][random.below(4)];
            let same = (random.below(2) == 0).then(|| number(all, random));
            for n in 0..rows {
                let at = if rows == all.len() { n } else { random.below(all.len()) };
                all[at] = same.unwrap_or_else(|| number(all, random));
            }
        }
        Values::Blobs(all) if !all.is_empty() => {
            for _ in 0..=random.below(4) {
                let at = random.below(all.len());
                text(&mut all[at], random);
            }
        }
        _ => {}
    }
}

/// A number that is odd for some field or other: a limit, a neighbour of one, or one of the same
/// column and thus of its kind.
fn number(column: &[u64], random: &mut Random) -> u64 {
    let known = column[random.below(column.len())];
    let power = 1_u64 << random.below(64);
    match random.below(8) {
        0 => random.below(12) as u64,
        1 => u64::MAX - random.below(3) as u64,
        2 => power,
        3 => power.wrapping_sub(1),
        4 => known.wrapping_add(power),
        5 => known.wrapping_sub(power),
        6 => random.next(),
        _ => known,
    }
}

fn text(bytes: &mut Vec<u8>, random: &mut Random) {
    const ODD: [&str; 8] = [
        "\x1b[2J",
        "\u{202e}",
        "</script><svg>",
        "]]>&\"'",
        "\0\n\r",
        ";",
        "99999999999999999999",
        "",
    ];
    let at = random.below(bytes.len() + 1);
    match random.below(3) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 => bytes.truncate(at),
        _ => drop(bytes.splice(at..at, ODD[random.below(ODD.len())].bytes())),
    }
}

fn values(encoding: u8, mut bytes: &[u8]) -> Values {
    if encoding == 1 {
        let mut all = Vec::new();
        while !bytes.is_empty() {
            all.push(take_blob(&mut bytes).to_vec());
        }
        return Values::Blobs(all);
    }
    let (mut all, mut last) = (Vec::new(), 0_u64);
    while !bytes.is_empty() {
        let coded = take_varint(&mut bytes);
        last = last.wrapping_add((coded >> 1) ^ (coded & 1).wrapping_neg());
        all.push(if encoding == 0 { last } else { coded });
    }
    Values::Numbers(encoding, all)
}

fn deltas(all: &[u64]) -> Vec<u8> {
    let mut last = 0_u64;
    let mut coded = Vec::new();
    for value in all {
        let difference = value.wrapping_sub(last) as i64;
        coded.extend(varint(((difference << 1) ^ (difference >> 63)) as u64));
        last = *value;
    }
    coded
}

fn take_varint(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return value;
        }
    }
}

fn take_blob<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let len = take_varint(bytes) as usize;
    let (blob, rest) = bytes.split_at(len);
    *bytes = rest;
    blob
}
