//! Tests that cannot run here say so, also to those who only see that they passed.

use std::fs::OpenOptions;
use std::io::Write;

/// A test, or a part of one, that cannot run here. Fails in CI: its machine can run them all. libtest
/// shows nothing of what a test prints that passes, so `tools/test` has it in a file of its own.
pub fn skipped(test: &str, why: &str) {
    assert!(std::env::var_os("CI").is_none(), "{test} cannot run here: {why}");
    println!("SKIPPED {test}: {why}");
    if let Some(file) = std::env::var_os("STALLPROF_SKIPPED") {
        // Not made here: root would not get at a file of somebody else's in /tmp then
        // (fs.protected_regular).
        let mut file = OpenOptions::new().append(true).open(file).expect("the file of tools/test");
        file.write_all(format!("SKIPPED {test}: {why}\n").as_bytes()).expect("room for a line");
    }
}

/// Whether this is root; where it is not, the test is skipped.
#[allow(dead_code, reason = "not every test needs root")]
pub fn is_root() -> bool {
    // SAFETY: geteuid cannot fail.
    let root = unsafe { libc::geteuid() } == 0;
    if !root {
        // libtest gives each test a thread of its name.
        let thread = std::thread::current();
        skipped(thread.name().unwrap_or("a test"), "needs root (try: sudo tools/test)");
    }
    root
}
