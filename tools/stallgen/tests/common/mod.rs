//! Runs stallgen, one at a time.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

#[path = "../../../../tests/skip/mod.rs"]
pub mod skip;

/// Waits for its turn, for two runs at a time would stall each other; it ends
/// with the value. `None` without root, which it takes to load BPF programs and make namespaces.
pub fn turn_as_root() -> Option<File> {
    if !skip::is_root() {
        return None;
    }
    let lock = File::open(env!("CARGO_BIN_EXE_stallgen")).unwrap();
    // SAFETY: plain system call on a descriptor that is open.
    assert_eq!(unsafe { libc::flock(lock.as_raw_fd(), libc::LOCK_EX) }, 0);
    Some(lock)
}

/// A command line of stallgen.
pub fn stallgen(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stallgen"));
    command.args(arguments.split_whitespace());
    command
}

/// Starts it and returns a second after it began to make stalls, or memory
/// cgroups.
pub fn start(command: &mut Command) -> Child {
    let child = command.spawn().unwrap();
    let give_up = Instant::now() + Duration::from_secs(60);
    let tasks = format!("/proc/{}/task", child.id());
    while std::fs::read_dir(&tasks).unwrap().count() < 4 {
        assert!(Instant::now() < give_up, "{command:?} did not start its threads");
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_secs(1));
    child
}
