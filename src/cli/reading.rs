//! Reading a recording, with a bar where somebody watches and it takes long.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::model::Recording;
use crate::recording::{Bounds, ReadError, Watch, read_bounded, read_watched, read_within};

/// Files below this are read before anybody could see a bar.
const LONG: u64 = 16 << 20;
/// Larger ones are not read whole: some two million samples.
const LARGE: u64 = 32 << 20;
/// Nor those whose rows and names take more memory.
const WHOLE: usize = 320 << 20;
/// Nor those of which stalls and slow calls take more, with what the analysis makes of them: some
/// 60,000 stalls.
const TOLD: u64 = 96 << 20;
/// With these a report of a recording of any length takes some 400 MB.
const BOUNDS: Bounds =
    Bounds { whole: 500_000, outside: 500_000, events: 64 << 20, names: 96 << 20 };

/// Reads a recording from a file; of the samples of a large one as many as a report needs.
pub fn recording(path: &Path) -> Result<Recording, ReadError> {
    let file = std::fs::metadata(path).ok().filter(|file| file.is_file());
    let length = file.as_ref().map_or(0, |file| file.len());
    with_bar(length, &mut |watch| {
        // A pipe can be gone through once.
        if file.is_none() {
            return read_watched(path, watch);
        }
        if length < LARGE
            && let Some(recording) = read_within(path, WHOLE, TOLD, &mut *watch)?
        {
            return Ok(recording);
        }
        read_bounded(path, &BOUNDS, watch)
    })
}

/// Reads a recording from a file, to be written again.
pub fn whole(path: &Path) -> Result<Recording, ReadError> {
    let length = std::fs::metadata(path).map_or(0, |file| file.len());
    with_bar(length, &mut |watch| read_watched(path, watch))
}

fn with_bar(
    length: u64,
    read: &mut dyn FnMut(Watch<'_>) -> Result<Recording, ReadError>,
) -> Result<Recording, ReadError> {
    if length < LONG || !std::io::stderr().is_terminal() {
        return read(&mut |_, _| ());
    }
    let bar = ProgressBar::new(length);
    let template = "reading {bar:40} {bytes} of {total_bytes}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    let result = read(&mut |done, _| bar.set_position(done as u64));
    bar.finish_and_clear();
    result
}
