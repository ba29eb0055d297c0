//! The receive path of packets in the terminal: of devices, of one flow, of many.

mod predict;
mod queues;
mod show;
mod spread;
mod words;

pub use predict::prediction;
pub use show::host;
pub use spread::{reach, spread};

/// Rows of a table; how many more there are is said below it.
const ROWS: usize = 16;
