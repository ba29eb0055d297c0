//! `record -- COMMAND`: what is recorded for as long as it runs.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use signal_hook::consts::SIGTERM;

use crate::cli::output::tell;

/// How long a command may take to end.
const PATIENCE: Duration = Duration::from_secs(1);

/// Starts the command, where there is one.
pub fn spawn(command: &[OsString]) -> Result<Option<Child>> {
    let Some((program, args)) = command.split_first() else { return Ok(None) };
    Command::new(program)
        .args(args)
        .spawn()
        .map(Some)
        .with_context(|| format!("cannot run {}", Path::new(program).display()))
}

/// Asks the command to end where it has outlived the recording: it was run to be recorded. One that
/// does not is left alone, and told of.
pub fn finish(child: &mut Child) {
    let runs = |child: &mut Child| matches!(child.try_wait(), Ok(None));
    if !runs(child) {
        return;
    }
    // SAFETY: our own child, not yet waited for, so the pid is still its.
    unsafe { libc::kill(child.id() as libc::pid_t, SIGTERM) };
    let asked = Instant::now();
    while runs(child) {
        if asked.elapsed() > PATIENCE {
            let pid = child.id();
            return tell(&format_args!(
                "the command has not ended {PATIENCE:?} after SIGTERM, and goes on: kill {pid}"
            ));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
