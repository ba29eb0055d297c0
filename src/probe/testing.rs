//! For the tests of this module.

#[path = "../../tests/skip/mod.rs"]
mod skip;

/// Whether this test can load programs.
pub use skip::is_root as may_load;
