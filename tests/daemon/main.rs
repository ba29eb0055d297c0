//! `stallprof daemon` on this kernel: real stalls, real HTTP, real signals, real disks that are
//! full. Needs root; what cannot run is told, and fails in CI
//! (tests/skip).
//!
//! One test at a time holds the machine: a stall of one would be an incident of another.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "shared with the tests of the page")]
#[path = "../web/browser.rs"]
mod browser;
mod config;
#[path = "../kernel/connects.rs"]
#[allow(dead_code, reason = "the tests of the probes use the rest")]
mod connects;
mod detached;
mod faults;
mod fence;
mod host;
mod host_root;
mod hostile;
mod http;
mod incidents;
mod memory;
mod pages;
#[path = "../deploy/promtool.rs"]
mod promtool;
mod scrape;
#[path = "../skip/mod.rs"]
mod skip;
#[path = "../health/snat.rs"]
mod snat;
mod soak;
mod store;
mod terminal;
mod tls;
mod top;
mod triggers;
#[path = "../health/world.rs"]
#[allow(dead_code, reason = "the tests of health use the rest")]
mod world;
