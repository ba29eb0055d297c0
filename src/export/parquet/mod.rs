//! Tables as Parquet files, one for each, for DuckDB, pandas, Spark and ClickHouse. Names stand in
//! them as they were recorded: who shows them has to make them harmless.

mod events;
mod findings;
mod more;
mod sheet;
mod table;

use std::io::{self, Write};

use crate::model::Recording;
use crate::model::findings::Findings;
use sheet::{Kind, Sheet};

/// A table: its name, its columns, and what fills its rows.
pub struct Table {
    /// Name of the table and, with `.parquet`, of its file.
    pub name: &'static str,
    /// Columns in order.
    columns: &'static [(&'static str, Kind)],
    fill: fn(&mut Sheet<'_>, &Recording, &Findings) -> io::Result<()>,
}

/// All tables.
pub const TABLES: &[Table] = &[
    findings::RECORDING,
    findings::STALLS,
    findings::MEASURES,
    events::SAMPLES,
    events::CALLS,
    events::RUNNERS,
    events::HARDIRQS,
    events::HISTOGRAMS,
    more::READS,
    more::DROPS,
    more::RETRANSMITS,
    findings::HEALTH,
    findings::LOST,
];

impl Table {
    /// Writes the table as a Parquet file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(
        &self,
        out: &mut (dyn Write + Send),
        r: &Recording,
        f: &Findings,
    ) -> io::Result<()> {
        let mut sheet = Sheet::new(out, self.name, self.columns)?;
        (self.fill)(&mut sheet, r, f)?;
        sheet.finish()
    }

    /// Names of the columns, in order.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|(name, _)| *name)
    }
}
