//! The frame: the file's header and the blocks after it. Knows nothing of what blocks hold.

use std::io;

use crc32c::{crc32c, crc32c_append};

/// Format version: a reader refuses a newer one.
pub const MAJOR: u16 = 1;
/// Grows with each new table or column; readers of any minor version read all of them.
pub const MINOR: u16 = 4;

/// Begins every recording. The high bit and the line end show at once if a transfer took the
/// file for text.
pub const FILE_MAGIC: [u8; 8] = *b"\x89STALL\r\n";
/// Magic, major, minor, checksum of these.
pub const FILE_HEADER: usize = 16;

/// Begins every block; what recovery looks for.
pub const BLOCK_MAGIC: [u8; 4] = *b"\xd7SPB";
/// Magic, compressed length, raw length, checksum of these and the payload.
pub const BLOCK_HEADER: usize = 16;

/// Longest block before compression. The writer stays far below it.
pub const MAX_RAW: usize = 64 << 20;
/// Longest payload: what zstd can make of `MAX_RAW` in the worst case, rounded up.
const MAX_PAYLOAD: usize = 65 << 20;

/// The header of a file written by this version.
pub fn file_header() -> [u8; FILE_HEADER] {
    let mut header = [0; FILE_HEADER];
    header[..8].copy_from_slice(&FILE_MAGIC);
    header[8..10].copy_from_slice(&MAJOR.to_le_bytes());
    header[10..12].copy_from_slice(&MINOR.to_le_bytes());
    let sum = crc32c(&header[..12]);
    header[12..].copy_from_slice(&sum.to_le_bytes());
    header
}

/// What the first bytes of a file say.
#[derive(Debug, PartialEq, Eq)]
pub enum FileHeader {
    /// A recording of this version (major, minor).
    Version(u16, u16),
    /// Nothing at all.
    Empty,
    /// Begins like a recording, but is shorter than the header.
    Short,
    /// Begins like a recording, but the checksum of the header is wrong.
    Damaged,
    /// Something else.
    Foreign,
}

/// Reads the file header from the first bytes of a file.
pub fn parse_file_header(bytes: &[u8]) -> FileHeader {
    let magic = bytes.len().min(FILE_MAGIC.len());
    if bytes.is_empty() {
        FileHeader::Empty
    } else if bytes[..magic] != FILE_MAGIC[..magic] {
        FileHeader::Foreign
    } else if bytes.len() < FILE_HEADER {
        FileHeader::Short
    } else if u32_at(bytes, 12) != crc32c(&bytes[..12]) {
        FileHeader::Damaged
    } else {
        let word = u32_at(bytes, 8);
        FileHeader::Version(word as u16, (word >> 16) as u16)
    }
}

/// Turns raw bytes into a block: header and compressed payload, ready for one write.
pub fn seal(
    raw: &[u8],
    zstd: &mut zstd::bulk::Compressor<'_>,
    block: &mut Vec<u8>,
) -> io::Result<()> {
    let payload = zstd.compress(raw)?;
    let too_long = || io::Error::new(io::ErrorKind::InvalidInput, "a block is too long");
    if raw.len() > MAX_RAW || payload.len() > MAX_PAYLOAD {
        return Err(too_long());
    }
    block.clear();
    block.extend_from_slice(&BLOCK_MAGIC);
    block.extend_from_slice(&u32::try_from(payload.len()).map_err(|_| too_long())?.to_le_bytes());
    block.extend_from_slice(&u32::try_from(raw.len()).map_err(|_| too_long())?.to_le_bytes());
    let sum = crc32c_append(crc32c(block), &payload);
    block.extend_from_slice(&sum.to_le_bytes());
    block.extend_from_slice(&payload);
    Ok(())
}

/// A block found in a file, its checksum not looked at yet.
pub struct Block<'a> {
    fields: &'a [u8],
    sum: u32,
    /// Compressed bytes.
    pub payload: &'a [u8],
    /// How many bytes it says they are once decompressed; at most `MAX_RAW`.
    pub raw_len: usize,
}

impl<'a> Block<'a> {
    /// The block at the start of `bytes`, if these begin with a header that is possible and hold
    /// all of its payload.
    pub fn at_start(bytes: &'a [u8]) -> Option<Block<'a>> {
        let rest = bytes.get(BLOCK_HEADER..)?;
        let (compressed, raw_len) = (u32_at(bytes, 4) as usize, u32_at(bytes, 8) as usize);
        let possible = bytes.starts_with(&BLOCK_MAGIC)
            && compressed <= rest.len().min(MAX_PAYLOAD)
            && raw_len <= MAX_RAW;
        possible.then(|| Block {
            fields: &bytes[..12],
            sum: u32_at(bytes, 12),
            payload: &rest[..compressed],
            raw_len,
        })
    }

    /// How long a block with this header is; of something else, no longer than a header.
    pub fn length(header: &[u8]) -> usize {
        match header.get(..BLOCK_HEADER) {
            Some(header) if (u32_at(header, 4) as usize) <= MAX_PAYLOAD => {
                BLOCK_HEADER + u32_at(header, 4) as usize
            }
            _ => BLOCK_HEADER,
        }
    }

    /// Whether the block is as it was written.
    pub fn is_whole(&self) -> bool {
        crc32c_append(crc32c(self.fields), self.payload) == self.sum
    }

    /// Length in the file.
    pub fn len(&self) -> usize {
        BLOCK_HEADER + self.payload.len()
    }

    /// Decompresses the payload: exactly as many bytes as the header says.
    pub fn unpack(&self, zstd: &mut zstd::bulk::Decompressor<'_>) -> io::Result<Vec<u8>> {
        // zstd fills the vector up to its capacity and refuses to go on, so a header that lies
        // costs no more than what it says.
        let raw = zstd.decompress(self.payload, self.raw_len)?;
        if raw.len() == self.raw_len {
            return Ok(raw);
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "not as long as its header says"))
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
