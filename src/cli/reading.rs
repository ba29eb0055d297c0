//! Reading a recording, with a bar where somebody watches and it takes long.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::model::Recording;
use crate::recording::{ReadError, read, read_watched};

/// Files below this are read before anybody could see a bar.
const LONG: u64 = 16 << 20;

/// Reads a recording from a file.
pub fn recording(path: &Path) -> Result<Recording, ReadError> {
    let length = std::fs::metadata(path).map_or(0, |file| file.len());
    if length < LONG || !std::io::stderr().is_terminal() {
        return read(path);
    }
    let bar = ProgressBar::new(length);
    let template = "reading {bar:40} {bytes} of {total_bytes}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    let result = read_watched(path, &mut |done, _| bar.set_position(done as u64));
    bar.finish_and_clear();
    result
}
