//! The receive path of a packet: flow -> RSS hash -> indirection table -> rx queue -> interrupt ->
//! CPU, then RPS or RFS -> CPU. Data and computations only: what a host has is read by
//! [`crate::host::rxpath`], and what is said about it is in [`crate::render::rxpath`].
//!
//! `docs/rxpath.md` tells each step with the kernel file it comes from. What the kernel does not
//! let us know is an [`Answer`] with a reason, never a guess.

mod answer;
mod fields;
mod flow;
mod key;
mod nic;
mod predict;
mod rss;
mod spread;
mod steer;
mod toeplitz;
pub mod vectors;

pub use answer::Answer;
pub use fields::{FlowKind, HashFields, Transform, input};
pub use flow::{BadFlow, Flow, PortPair, Ports, Proto};
pub use key::{BadKey, HashKey};
pub use nic::{Channels, Irq, NapiThread, Nic, RxHost, RxQueue, SoftnetCpu, TxQueue};
pub use predict::{Prediction, predict};
pub use rss::{Fields, HashFunction, Rss};
pub use spread::{Goal, Reach, Spread, reach, spread};
pub use steer::{rps_index, steer};
pub use toeplitz::{default_table, table_entry, toeplitz};
