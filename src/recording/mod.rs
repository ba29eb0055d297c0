//! The recording file (`.stall`): written block by block while recording, readable up to its
//! last whole block after a crash or a full disk. `docs/recording.md` describes every byte.
//!
//! `tables.rs` says once which tables and columns there are; `column.rs` and `chunk.rs` turn rows
//! into bytes and back; `format.rs` frames them as checksummed blocks; [`Writer`] and [`read`]
//! are what others use.

mod ahead;
mod bounded;
mod budget;
mod chunk;
mod column;
mod create;
mod declare;
mod fields;
mod format;
mod join;
mod names;
mod notes;
mod open;
mod packer;
mod reader;
mod row;
mod scan;
mod source;
mod tables;
mod thin;
mod varint;
mod windows;
mod worst;
mod writer;

pub use bounded::{Bounds, read_bounded};
pub use create::{CreateError, create};
pub use format::{MAJOR, MINOR};
pub use join::join;
pub use open::{ReadError, ReadProblem};
pub use reader::{Watch, read, read_bytes, read_watched, read_within};
pub use tables::tables;
pub use writer::{Writer, write};
