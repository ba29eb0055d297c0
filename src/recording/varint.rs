//! Numbers and blobs as bytes.

/// The bytes are not what the format says.
#[derive(Debug)]
pub struct Malformed;

/// Appends `value`, seven bits a byte, lowest first; the high bit says that more follow.
#[inline]
pub fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a varint off the front of `bytes`: fast where most are of one byte.
#[inline(always)]
pub fn take_varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    match bytes.split_first() {
        Some((&byte, rest)) if byte < 0x80 => {
            *bytes = rest;
            Ok(u64::from(byte))
        }
        _ => take_long_varint(bytes),
    }
}

/// The same: fast where lengths are mixed. All seven-bit groups are put together at once, as a
/// loop or a guess would stumble over the length of each number.
#[inline(always)]
pub fn take_long_varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    if let Some(word) = bytes.first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        let last = !word & HIGH;
        if last != 0 {
            let x = word & (last ^ (last - 1)) & !HIGH;
            let x = (x & 0x007f_007f_007f_007f) | ((x & 0x7f00_7f00_7f00_7f00) >> 1);
            let x = (x & 0x0000_3fff_0000_3fff) | ((x & 0x3fff_0000_3fff_0000) >> 2);
            let x = (x & 0x0fff_ffff) | ((x & 0x0fff_ffff_0000_0000) >> 4);
            *bytes = &bytes[last.trailing_zeros() as usize / 8 + 1..];
            return Ok(x);
        }
    }
    take_any_varint(bytes)
}

/// The same, byte by byte: for the last ones of a column and those of nine or ten bytes.
#[inline(never)]
fn take_any_varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0;
    for (i, &byte) in bytes.iter().take(10).enumerate() {
        if i == 9 && byte > 1 {
            return Err(Malformed); // more than 64 bits
        }
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            *bytes = &bytes[i + 1..];
            return Ok(value);
        }
    }
    Err(Malformed)
}

/// Small for small differences of either sign: 0, -1, 1, -2 become 0, 1, 2, 3.
#[inline]
pub fn zigzag(value: u64, before: u64) -> u64 {
    let difference = value.wrapping_sub(before) as i64;
    ((difference << 1) ^ (difference >> 63)) as u64
}

/// What [`zigzag`] was given.
#[inline]
pub fn unzigzag(coded: u64, before: u64) -> u64 {
    before.wrapping_add((coded >> 1) ^ (coded & 1).wrapping_neg())
}

/// How many bytes [`put_varint`] makes of `value`.
#[inline]
pub fn varint_len(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// A blob: its length, then its bytes.
pub fn put_blob(blob: &[u8], out: &mut Vec<u8>) {
    put_varint(blob.len() as u64, out);
    out.extend_from_slice(blob);
}

/// Takes a blob off the front of `bytes`.
pub fn take_blob<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let len = usize::try_from(take_varint(bytes)?).map_err(|_| Malformed)?;
    let (blob, rest) = bytes.split_at_checked(len).ok_or(Malformed)?;
    *bytes = rest;
    Ok(blob)
}
