//! stallprof finds kernel stalls on Linux hosts and names who made them.
//!
//! The way of the data: `probe` -> [`model::Event`] -> `recording` -> `analysis` ->
//! [`model::findings`] -> `render`. See `docs/how-it-works.md`.

pub mod analysis;
pub mod cli;
#[cfg(feature = "probes")]
pub mod daemon;
pub mod export;
pub mod health;
pub mod host;
#[cfg(test)]
mod layers;
pub mod model;
pub mod ping;
#[cfg(feature = "probes")]
pub mod probe;
pub mod recording;
pub mod redact;
pub mod render;
pub mod rxpath;
#[cfg(feature = "probes")]
pub mod session;
#[cfg(feature = "top")]
pub mod top;
pub mod units;

/// The commit that this program was built from: the last one that changed its sources, with a `+`
/// where they were not as it has them; empty if unknown.
pub const BUILD: &str = env!("STALLPROF_BUILD");
