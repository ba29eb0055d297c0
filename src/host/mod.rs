//! Facts about the host from /proc and /sys, read under a root that can be chosen.
//!
//! Each file here has one subject, with `parse` of a text apart from `read` of the file. What is
//! read is not trusted: sizes are bounded, and nothing in it makes the program stop.

pub mod caps;
pub mod cgroup;
pub mod cpulist;
pub mod facts;
pub mod kconfig;
pub mod kernel;
pub mod ksoftirqd;
pub mod memcg;
pub mod napi;
pub mod preempt;
pub mod root;
pub mod schedstat;
pub mod stat;
mod sys;
pub mod tasks;
pub mod taskstat;

pub use cpulist::CpuList;
pub use facts::HostFacts;
pub use root::{HostError, HostRoot};
pub use sys::{monotonic, realtime, thread_cpu_time};
