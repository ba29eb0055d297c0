//! Rows to columns of a Parquet file.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// Rows that are kept in memory before they are written.
const GROUP: usize = 1 << 16;

/// What a column holds. Any of them may be null, which means "not known" or "there is none".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A signed number of 64 bits.
    Int,
    /// Nanoseconds since 1970 UTC.
    Time,
    /// UTF-8.
    Text,
    /// True or false.
    Bool,
}

/// A value of a row.
pub enum Cell {
    Null,
    Int(i64),
    Text(ByteArray),
    Bool(bool),
}

/// Of a number that does not fit (only damaged files hold such) nothing is said.
impl From<u64> for Cell {
    fn from(n: u64) -> Cell {
        i64::try_from(n).map_or(Cell::Null, Cell::Int)
    }
}

impl From<u32> for Cell {
    fn from(n: u32) -> Cell {
        Cell::Int(i64::from(n))
    }
}

impl From<usize> for Cell {
    fn from(n: usize) -> Cell {
        Cell::from(n as u64)
    }
}

impl From<i64> for Cell {
    fn from(n: i64) -> Cell {
        Cell::Int(n)
    }
}

impl From<bool> for Cell {
    fn from(b: bool) -> Cell {
        Cell::Bool(b)
    }
}

impl From<ByteArray> for Cell {
    fn from(text: ByteArray) -> Cell {
        Cell::Text(text)
    }
}

/// An empty text is one that is not known.
impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        if text.is_empty() { Cell::Null } else { Cell::Text(text.into()) }
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Cell {
        Cell::from(text.as_str())
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Cell {
        value.map_or(Cell::Null, Into::into)
    }
}

/// A table on its way into a file.
pub struct Sheet<'o> {
    file: SerializedFileWriter<&'o mut (dyn Write + Send)>,
    columns: &'static [(&'static str, Kind)],
    rows: Vec<Vec<Cell>>,
}

impl<'o> Sheet<'o> {
    /// Begins a file.
    pub fn new(
        out: &'o mut (dyn Write + Send),
        name: &str,
        columns: &'static [(&'static str, Kind)],
    ) -> io::Result<Sheet<'o>> {
        let mut schema = format!("message {name} {{\n");
        for (column, kind) in columns {
            schema += &match kind {
                Kind::Int => format!("optional int64 {column};\n"),
                Kind::Time => format!("optional int64 {column} (TIMESTAMP(NANOS,true));\n"),
                Kind::Text => format!("optional binary {column} (UTF8);\n"),
                Kind::Bool => format!("optional boolean {column};\n"),
            };
        }
        let schema = Arc::new(parse_message_type(&(schema + "}")).map_err(told)?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(format!("stallprof {}", env!("CARGO_PKG_VERSION")))
            .build();
        let file = SerializedFileWriter::new(out, schema, Arc::new(properties)).map_err(told)?;
        Ok(Sheet { file, columns, rows: Vec::new() })
    }

    /// Adds a row: a value for each column, in order.
    pub fn row<const N: usize>(&mut self, row: [Cell; N]) -> io::Result<()> {
        debug_assert_eq!(N, self.columns.len());
        self.rows.push(row.into());
        if self.rows.len() == GROUP { self.flush() } else { Ok(()) }
    }

    /// Ends the file.
    pub fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.file.close().map(drop).map_err(told)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        let mut group = self.file.next_row_group().map_err(told)?;
        for (at, (_, kind)) in self.columns.iter().enumerate() {
            let Some(mut column) = group.next_column().map_err(told)? else { break };
            let cells = rows.iter().map(|row| row.get(at).unwrap_or(&Cell::Null));
            let written = match kind {
                Kind::Int | Kind::Time => put::<Int64Type>(&mut column, cells, |cell| match cell {
                    Cell::Int(n) => Some(*n),
                    _ => None,
                }),
                Kind::Text => put::<ByteArrayType>(&mut column, cells, |cell| match cell {
                    Cell::Text(text) => Some(text.clone()),
                    _ => None,
                }),
                Kind::Bool => put::<BoolType>(&mut column, cells, |cell| match cell {
                    Cell::Bool(b) => Some(*b),
                    _ => None,
                }),
            };
            written.and_then(|()| column.close()).map_err(told)?;
        }
        group.close().map(drop).map_err(told)
    }
}

fn put<'a, T: DataType>(
    column: &mut parquet::file::writer::SerializedColumnWriter<'_>,
    cells: impl Iterator<Item = &'a Cell>,
    value: impl Fn(&Cell) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let (mut values, mut there) = (Vec::new(), Vec::new());
    for cell in cells {
        let value = value(cell);
        there.push(i16::from(value.is_some()));
        values.extend(value);
    }
    column.typed::<T>().write_batch(&values, Some(&there), None).map(drop)
}

fn told(error: ParquetError) -> io::Error {
    match error {
        // The disk is full, and the like: what the system said is what helps.
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => *cause,
            Err(cause) => io::Error::other(cause),
        },
        other => io::Error::other(other),
    }
}
