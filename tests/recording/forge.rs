//! Makes files byte by byte, from `docs/recording.md` and not with the program's own writer, so
//! that the tests also notice if both halves of the program change together.

use std::path::{Path, PathBuf};

/// The header of a file of any version.
pub fn header(major: u16, minor: u16) -> Vec<u8> {
    let mut bytes = b"\x89STALL\r\n".to_vec();
    bytes.extend(major.to_le_bytes());
    bytes.extend(minor.to_le_bytes());
    let sum = crc32c::crc32c(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// A block around compressed bytes that claims to hold `raw_len` of them.
pub fn block_of(payload: &[u8], raw_len: usize) -> Vec<u8> {
    let mut bytes = b"\xd7SPB".to_vec();
    bytes.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
    bytes.extend(u32::try_from(raw_len).unwrap().to_le_bytes());
    let sum = crc32c::crc32c_append(crc32c::crc32c(&bytes), payload);
    bytes.extend(sum.to_le_bytes());
    bytes.extend(payload);
    bytes
}

/// A block that holds these chunks.
pub fn block(raw: &[u8]) -> Vec<u8> {
    block_of(&zstd::bulk::compress(raw, 1).unwrap(), raw.len())
}

/// Start and length of each block of a whole file.
pub fn blocks(file: &[u8]) -> Vec<(usize, usize)> {
    let mut all = Vec::new();
    let mut at = 16;
    while at < file.len() {
        assert_eq!(&file[at..at + 4], b"\xd7SPB");
        let len = 16 + u32::from_le_bytes(file[at + 4..at + 8].try_into().unwrap()) as usize;
        all.push((at, len));
        at += len;
    }
    all
}

/// What a block holds, decompressed.
pub fn unpack(block: &[u8]) -> Vec<u8> {
    zstd::bulk::decompress(&block[16..], 64 << 20).unwrap()
}

pub fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

pub fn blob(bytes: &[u8]) -> Vec<u8> {
    [varint(bytes.len() as u64), bytes.to_vec()].concat()
}

/// A table chunk under construction.
pub struct Chunk(Vec<u8>);

impl Chunk {
    pub fn new(table: &str, rows: u64) -> Chunk {
        Chunk([blob(table.as_bytes()), varint(rows)].concat())
    }

    /// A column of any bytes.
    pub fn column(mut self, name: &str, encoding: u8, bytes: &[u8]) -> Chunk {
        self.0.extend(blob(name.as_bytes()));
        self.0.push(encoding);
        self.0.extend(blob(bytes));
        self
    }

    /// A column of numbers as they are.
    pub fn plain(self, name: &str, values: &[u64]) -> Chunk {
        let bytes: Vec<u8> = values.iter().flat_map(|&value| varint(value)).collect();
        self.column(name, 2, &bytes)
    }

    /// A column of numbers as zig-zag differences.
    pub fn delta(self, name: &str, values: &[u64]) -> Chunk {
        let mut last = 0_u64;
        let mut bytes = Vec::new();
        for &value in values {
            let difference = value.wrapping_sub(last) as i64;
            bytes.extend(varint(((difference << 1) ^ (difference >> 63)) as u64));
            last = value;
        }
        self.column(name, 0, &bytes)
    }

    /// A column of texts.
    pub fn texts(self, name: &str, texts: &[&[u8]]) -> Chunk {
        let bytes: Vec<u8> = texts.iter().flat_map(|text| blob(text)).collect();
        self.column(name, 1, &bytes)
    }

    pub fn end(mut self) -> Vec<u8> {
        self.0.push(0);
        self.0
    }
}

/// The first block of every file: no facts about the host.
pub fn meta() -> Vec<u8> {
    Chunk::new("meta", 1).texts("json", &[b"{}"]).end()
}

/// A whole file of version 1.0 that holds these chunks in one block.
pub fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    [header(1, 0), block(&[meta(), chunks.concat(), end(99)].concat())].concat()
}

/// The mark of an orderly end.
pub fn end(time: u64) -> Vec<u8> {
    Chunk::new("end", 1).delta("time", &[time]).end()
}

/// Numbers that look random and are the same each time (xorshift64*).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// A directory of its own for a test, gone afterwards.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new(test: &str) -> TempDir {
        let name = format!("stallprof-{test}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        TempDir(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
