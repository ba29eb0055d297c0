//! Counters of the kernel: tables of them in hexadecimal under `/proc/net/stat`, and differences.

use super::root::{HostError, HostRoot};

/// What a 32-bit counter can have grown by between two readings. The kernel's `unsigned int`
/// counters wrap; more than half of their range within one window is no growth but a reset.
#[must_use]
pub fn grown32(before: u32, after: u32) -> Option<u64> {
    let grown = after.wrapping_sub(before);
    (grown <= u32::MAX / 2).then_some(grown.into())
}

/// What a 64-bit counter grew by; none if it fell: it was reset.
#[must_use]
pub fn grown64(before: u64, after: u64) -> Option<u64> {
    after.checked_sub(before)
}

/// A table of `/proc/net/stat`: a line of names, then a row of hexadecimal numbers for each
/// possible CPU, in order (`ct_cpu_seq_show`, `neigh_stat_seq_show`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HexTable {
    /// The names, as the kernel has them.
    pub columns: Vec<String>,
    /// A row for each CPU, as long as `columns`.
    pub rows: Vec<Vec<u64>>,
}

/// More names or CPUs than this no kernel has.
const MAX_COLUMNS: usize = 256;
const MAX_ROWS: usize = 65_536;

impl HexTable {
    /// Reads one file.
    ///
    /// # Errors
    /// It cannot be read, or is no such table.
    pub fn read(root: &HostRoot, rel: &str) -> Result<HexTable, HostError> {
        HexTable::parse(&root.read_to_string(rel)?)
            .map_err(|what| HostError::Content { path: root.path(rel), what })
    }

    /// Reads the text. A row of other length than the names would put numbers under wrong ones.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<HexTable, String> {
        let mut lines = text.lines();
        let names = lines.next().unwrap_or_default().split_ascii_whitespace();
        let columns: Vec<String> = names.take(MAX_COLUMNS + 1).map(str::to_owned).collect();
        let name = |n: &String| n.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if columns.is_empty() || columns.len() > MAX_COLUMNS || !columns.iter().all(name) {
            return Err("no line of column names".to_owned());
        }
        let mut rows = Vec::new();
        for (number, line) in lines.enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let fields = line.split_ascii_whitespace().take(MAX_COLUMNS + 1);
            let row: Result<Vec<u64>, _> = fields.map(hex).collect();
            let row = row.map_err(|()| format!("row {} is not all hexadecimal", number + 1))?;
            if row.len() != columns.len() || rows.len() == MAX_ROWS {
                let (has, of) = (row.len(), columns.len());
                return Err(format!("row {} has {has} numbers for {of} columns", number + 1));
            }
            rows.push(row);
        }
        if rows.is_empty() {
            return Err("names, but no row of numbers".to_owned());
        }
        if !text.ends_with('\n') {
            return Err("its last row is cut".to_owned());
        }
        Ok(HexTable { columns, rows })
    }

    /// Where a column stands.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// Sum of a column over the CPUs; none if this kernel does not have it.
    #[must_use]
    pub fn sum(&self, name: &str) -> Option<u64> {
        let at = self.column(name)?;
        Some(self.rows.iter().fold(0, |sum, row| row[at].saturating_add(sum)))
    }

    /// A column that tells the same in each row, such as the number of entries.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<u64> {
        let at = self.column(name)?;
        self.rows.first().map(|row| row[at])
    }
}

fn hex(field: &str) -> Result<u64, ()> {
    let digits = field.bytes().all(|b| b.is_ascii_hexdigit());
    u64::from_str_radix(field, 16).ok().filter(|_| digits).ok_or(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_are_growth_and_resets_are_not() {
        assert_eq!(grown32(5, 9), Some(4));
        assert_eq!(grown32(u32::MAX - 1, 3), Some(5), "it wrapped");
        assert_eq!(grown32(1_000, 0), None, "it was reset");
        assert_eq!(grown32(0, u32::MAX), None);
        assert_eq!((grown64(3, 5), grown64(5, 3)), (Some(2), None));
    }

    #[test]
    fn a_table_is_read_by_its_names() {
        let text =
            "entries  found  drop\n000000ff  00000001 0000000a \n000000ff  00000002 00000000 \n";
        let table = HexTable::parse(text).expect("a table");
        assert_eq!((table.first("entries"), table.sum("drop")), (Some(255), Some(10)));
        assert_eq!((table.sum("found"), table.sum("insert_failed")), (Some(3), None));
    }

    #[test]
    fn a_damaged_table_is_no_table() {
        for text in [
            "",
            "\n",
            "entries found\n",
            "entries found\n01\n",
            "entries found\n01 02 03\n",
            "entries found\n01 0x2\n",
            "entries found\n01 -2\n",
            "entries found\n01 +2\n",
            "entries found\n01 02\n0",
            "entries found\n01 0",
            "entries found\n01 11111111111111111\n",
            "entr\u{fffd}es found\n01 02\n",
            "<html>\n01\n",
        ] {
            assert!(HexTable::parse(text).is_err(), "{text:?}");
        }
        assert!(HexTable::parse(&"a ".repeat(1 << 20)).is_err());
    }
}
