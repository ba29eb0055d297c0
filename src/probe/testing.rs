//! For the tests of this module.

/// Whether this test can load programs. Fails in CI if it cannot; elsewhere says that it skips.
pub fn may_load() -> bool {
    // SAFETY: geteuid cannot fail.
    let root = unsafe { libc::geteuid() } == 0;
    assert!(root || std::env::var_os("CI").is_none(), "needs root in CI");
    if !root {
        eprintln!("SKIPPED: needs root");
    }
    root
}
