//! What we write besides recordings: the report, and files that are whole or not there.

use std::fmt::Display;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
#[cfg(feature = "probes")]
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::{recording, render};

/// What a shell makes of a program that SIGPIPE ended, as it does those that leave it be.
const CLOSED_PIPE: u8 = 128 + libc::SIGPIPE as u8;

/// What a shell makes of a program that SIGHUP ended.
const HUNG_UP: u8 = 128 + libc::SIGHUP as u8;

/// Whether this is a terminal whose other end is gone (`hung_up_tty_ioctl()` of drivers/tty/tty_io.c).
fn hung_up(file: &impl AsRawFd) -> bool {
    // SAFETY: isatty takes any number.
    let is_terminal = unsafe { libc::isatty(file.as_raw_fd()) } == 1;
    !is_terminal && io::Error::last_os_error().raw_os_error() == Some(libc::EIO)
}

/// Prints to standard output. Where its reader has had enough (`stallprof report FILE | head`), or
/// the terminal hung up, the exit code says so and nothing else does.
pub fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<ExitCode> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = write(&mut out).and_then(|()| out.flush());
    match written {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            // What is left in the buffer would be tried once more, in vain.
            drop(out.into_parts());
            if error.kind() == io::ErrorKind::BrokenPipe {
                return Ok(ExitCode::from(CLOSED_PIPE));
            }
            if error.raw_os_error() == Some(libc::EIO) && hung_up(&io::stdout()) {
                return Ok(ExitCode::from(HUNG_UP));
            }
            Err(error).context("the report could not be written to standard output")
        }
    }
}

/// Says something that is no part of the report. Where nobody listens it is not said.
pub fn tell(words: &dyn Display) {
    let words = words.to_string();
    let _ = writeln!(io::stderr(), "stallprof: {}", render::escape::visible(&words));
}

/// Writes a new file; replaces one only with `force`. One that cannot be written whole is removed.
pub fn write_whole(path: &Path, bytes: &[u8], force: bool) -> Result<()> {
    write_with(path, force, |out| out.write_all(bytes))
}

/// The same for what need not be in memory as a whole.
pub fn write_with(
    path: &Path,
    force: bool,
    write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> Result<()> {
    let mut out = io::BufWriter::with_capacity(1 << 16, recording::create(path, force)?);
    let written = write(&mut out).and_then(|()| out.flush());
    // Where that failed, what is left in the buffer would be tried once more, in vain.
    drop(out.into_parts());
    let written = written.with_context(|| format!("writing {}", path.display()));
    if written.is_err() {
        // What is left is of no use; the error to tell is the first one.
        let _ = std::fs::remove_file(path);
    }
    written
}

/// Whether two names stand for one file that is there.
pub fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// The name of a picture beside a recording: `node7.stall` -> `node7.svg`.
#[cfg(feature = "probes")]
pub fn picture_of(recording: &Path) -> PathBuf {
    if recording.extension().is_some_and(|e| e == "stall") {
        return recording.with_extension("svg");
    }
    // Whatever it is called, the picture must not take its place.
    let mut name = recording.as_os_str().to_owned();
    name.push(".svg");
    PathBuf::from(name)
}
