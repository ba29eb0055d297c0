//! A recording in the formats of other tools. `docs/export.md` tells what each of them holds.
//!
//! One file each: a new format is a new file here, a variant of [`Format`] and a line in
//! [`write`]. Exports say what the recording says and conclude nothing themselves. Where a format
//! is made to be looked at, names pass [`crate::render::escape`]; Parquet keeps them as they are.

mod folded;
mod openmetrics;
#[cfg(feature = "parquet")]
pub mod parquet;
mod perfetto;
mod pprof;
mod proto;

use std::io::{self, Write};

use crate::model::Recording;
use crate::model::event::IrqKind;
use crate::model::findings::Findings;

/// A format that is one stream of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Folded stacks, equal ones added up.
    Folded,
    /// Folded stacks in order of time.
    FoldedOrdered,
    /// The profile format of `go tool pprof`, gzipped.
    Pprof,
    /// A trace for the user interface of Perfetto and its trace_processor.
    Perfetto,
    /// Counters and histograms as text.
    Openmetrics,
}

/// Writes an export. With `stalls_only` the stacks are only those from inside stalls; a trace and
/// metrics are always of the whole recording.
///
/// # Errors
/// If it cannot be written.
pub fn write(
    out: &mut dyn Write,
    format: Format,
    r: &Recording,
    f: &Findings,
    stalls_only: bool,
) -> io::Result<()> {
    match format {
        Format::Folded => folded::write(out, r, f, stalls_only),
        Format::FoldedOrdered => folded::in_order(out, r, f, stalls_only),
        Format::Pprof => pprof::write(out, r, f, stalls_only),
        Format::Perfetto => perfetto::write(out, r, f),
        Format::Openmetrics => openmetrics::write(out, r, f),
    }
}

/// A kind of hard interrupt by the word that the JSON of the findings has for it.
fn irq_kind(kind: IrqKind) -> &'static str {
    match kind {
        IrqKind::Device => "device",
        IrqKind::Timer => "timer",
        IrqKind::CallFunction => "call_function",
        IrqKind::IrqWork => "irq_work",
        IrqKind::System => "system",
    }
}
