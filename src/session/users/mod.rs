//! Names of user addresses, looked up by a process of its own.
//!
//! What is read for them, whoever runs a process may have written: program files with tables of any
//! size, names that take gigabytes once they are demangled, files that shrink while they are read, a
//! FIFO in place of the `perf-PID.map` of a compiler. The process takes as much memory and time as
//! it is given; where it dies or does not answer, frames have no names, and the recording goes on.

mod client;
mod server;

use serde::{Deserialize, Serialize};

pub use client::Users;
pub use server::serve;

/// The hidden subcommand that the process is started with.
pub const SUBCOMMAND: &str = "user-symbols";
/// What it says first: another program than ours, as that of a test, does not.
const HELLO: &str = "stallprof user-symbols 1";
/// Bytes of a name; what is longer is cut.
const MAX_NAME: usize = 4096;

/// Addresses of a process.
#[derive(Serialize, Deserialize)]
struct Question {
    tgid: u32,
    addresses: Vec<u64>,
}

/// The function at an address, and the file it is in.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its name, demangled.
    pub function: String,
    /// Path of the file.
    pub module: Option<String>,
}

/// One for each address of the question, in its order.
type Answer = Vec<Option<Found>>;
