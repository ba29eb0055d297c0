//! `stallprof daemon` on this kernel: real stalls, real HTTP, real signals, real disks that are
//! full. Needs root; fails in CI where it cannot run, elsewhere says what it skipped.
//!
//! One test at a time holds the machine: a stall of one would be an incident of another.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod config;
mod host;
mod http;
mod incidents;
mod soak;
mod store;
