//! What to say where this host gives us no thread.

use std::io;

/// The error of a thread that could not be started, with what to do.
#[must_use]
pub fn refused(error: io::Error) -> io::Error {
    let why = format!(
        "no thread can be started ({error}): raise the limit of memory (ulimit -v) or of tasks \
         (ulimit -u, pids.max of the cgroup)"
    );
    io::Error::new(error.kind(), why)
}
