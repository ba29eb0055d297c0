//! What a file may cost its reader. Recordings come from other people: a few hundred bytes must
//! not be able to fill the memory or keep the reader busy for minutes.

/// Decompressed bytes: so many whatever the length of the file, and so many for each byte of it.
/// Real recordings stay below 20 a byte.
const RAW: (usize, usize) = (64 << 20, 256);
/// Bytes of memory, likewise. Real recordings stay below 40 a byte.
const MEMORY: (usize, usize) = (256 << 20, 128);
/// Of these, bytes for names that are not there: numbers are dense, but blocks get lost.
const GAPS: (usize, usize) = (128 << 20, 64);
/// Bytes of memory for what one block holds, of a recording that is not read as a whole. A writer
/// closes a block at a MiB.
const BLOCK: usize = 64 << 20;
/// Bytes checksummed for a byte of the file. An honest file, damaged or not, needs one.
const SEARCH: (usize, usize) = (0, 3);

/// An amount that only shrinks.
pub struct Purse {
    left: usize,
    /// More was asked for than there was.
    short: bool,
}

impl Purse {
    /// For decompressed bytes of a file of this length.
    pub fn raw(file: usize) -> Purse {
        Purse::new(file, RAW)
    }

    /// For the memory of its rows and names.
    pub fn memory(file: usize) -> Purse {
        Purse::new(file, MEMORY)
    }

    /// For the memory of what one block holds.
    pub fn block() -> Purse {
        Purse::of(BLOCK)
    }

    /// For the places of names that the file does not hold.
    pub fn gaps(file: usize) -> Purse {
        Purse::new(file, GAPS)
    }

    /// For bytes checksummed in search of whole blocks.
    pub fn search(file: usize) -> Purse {
        Purse::new(file, SEARCH)
    }

    fn new(file: usize, (floor, per_byte): (usize, usize)) -> Purse {
        Purse::of(file.saturating_mul(per_byte).saturating_add(floor))
    }

    /// This much.
    pub fn of(left: usize) -> Purse {
        Purse { left, short: false }
    }

    /// How much is left.
    pub fn left(&self) -> usize {
        self.left
    }

    /// Whether something could not be had.
    pub fn is_short(&self) -> bool {
        self.short
    }

    /// Takes `amount` out, or nothing if there is not that much left.
    pub fn spend(&mut self, amount: usize) -> bool {
        let left = self.left.checked_sub(amount);
        self.left = left.unwrap_or(self.left);
        self.short |= left.is_none();
        left.is_some()
    }
}
