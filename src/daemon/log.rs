//! What the daemon says: lines on standard error, which the service manager keeps.

use std::fmt::Display;
use std::io::Write;

use crate::render::escape::bounded;

/// Columns of a line: what is quoted in it may be all that a file holds.
const LONGEST: usize = 2000;

/// Says a line. Names of tasks and files in it are made harmless.
pub fn say(words: &dyn Display) {
    let words = words.to_string();
    // Where nobody listens it is not said.
    let _ = writeln!(std::io::stderr(), "stallprof: {}", bounded(&words, LONGEST));
}
