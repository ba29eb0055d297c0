//! `stallprof ping`: an active prober, and the log of its probes that is joined with recordings.
//!
//! `log` and `summary` are data and computations; `socket` and `run` do the probing.

mod iputils;
pub mod log;
pub mod run;
mod socket;
pub mod summary;
mod target;
mod tcp;

pub use log::{Answer, Header, PingLog, Probe, Proto};
pub use run::{Options, Prober};
pub use summary::{Summary, summary};
pub use target::{Port, Target, any_ports, ports_to_queues};
