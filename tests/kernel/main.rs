//! The real thing: stalls made by stallgen on this kernel, recorded by stallprof, compared with
//! the ground truth. Needs root; what cannot run is told, and fails in CI (tests/skip).
//!
//! One test at a time holds the machine: a stall of one would be a true finding of another.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod connects;
mod conntrack;
mod counts;
mod ends;
mod facts;
mod files;
mod fill;
mod host;
mod host_root;
mod hostile;
mod kinds;
mod limits;
mod methods;
mod namespaces;
mod node_health;
mod pings;
mod priorities;
mod quiet;
mod received;
mod refused;
mod rights;
mod rivals;
#[path = "../skip/mod.rs"]
mod skip;
#[path = "../health/snat.rs"]
mod snat;
mod timers;
mod turns;
mod variants;
#[path = "../health/world.rs"]
#[allow(dead_code, reason = "the tests of health use the rest")]
mod world;
