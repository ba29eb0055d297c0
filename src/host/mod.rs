//! Facts about the host from /proc and /sys, read under a root that can be chosen.
//!
//! Each file here has one subject, with `parse` of a text apart from `read` of the file. What is
//! read is not trusted: sizes are bounded, and nothing in it makes the program stop.

pub mod caps;
pub mod cgroup;
pub mod cni;
pub mod command;
pub mod conntrack;
pub mod counter;
pub mod cpulist;
pub mod cpumask;
mod error;
pub mod ethtool;
pub mod facts;
pub mod irqs;
pub mod kconfig;
pub mod kernel;
pub mod ksoftirqd;
pub mod links;
pub mod memcg;
pub mod memory;
pub mod mib;
pub mod napi;
pub mod neigh;
pub mod netlink;
pub mod netns;
pub mod pods;
pub mod preempt;
pub mod pressure;
pub mod pressure_watch;
pub mod root;
pub mod rules;
pub mod rxpath;
pub mod schedstat;
pub mod sockets;
pub mod softirqs;
pub mod softnet;
pub mod stat;
mod sys;
pub mod tasks;
pub mod taskstat;
pub mod threads;
pub mod throttle;

pub use cpulist::CpuList;
pub use facts::HostFacts;
pub use root::{HostError, HostRoot};
pub use sys::{
    in_host_pid_namespace, in_host_time_namespace, in_host_user_namespace, monotonic, realtime,
    resident_memory, thread_cpu_time,
};
