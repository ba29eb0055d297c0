//! The data: what was recorded and what was found. No I/O here.
//!
//! [`Event`]s are what probes saw; a [`Recording`] holds them with the names they refer to;
//! [`findings`] are what the analysis concludes from a recording.

pub mod calls;
pub mod conntrack;
pub mod difference;
pub mod event;
pub mod findings;
pub mod functions;
pub mod health;
pub mod hist;
pub mod late;
pub mod live;
pub mod measured;
pub mod meta;
pub mod names;
pub mod nodes;
pub mod recording;
pub mod remedies;
pub mod rx;
pub mod sample;
pub mod syscalls;
pub mod vector;
pub mod version;
pub mod workload;

pub use calls::{FileCall, FileReads, Filesystem, SyscallId, SyscallSlow};
pub use conntrack::{CtDrop, CtGrown, CtLeftOut, CtReading, Flow, NatRules, SynRetransmit};
pub use event::{
    DyingMemcgs, Event, Handoff, HardIrq, HistCount, IrqKind, Lost, Runner, Snapshot, SoftirqDelay,
    SoftirqRun, Steal,
};
pub use health::{HealthNumber, HealthRow};
pub use late::{Late, Lateness};
pub use meta::{Meta, ProbeStatus, Refusal};
pub use names::{Frame, FrameId, Stack, StackId, StrId, Task, TaskId};
pub use recording::{LeftOut, Recording, Thinned};
pub use rx::{RxCpu, RxDeviceId, RxFlow, RxRow};
pub use sample::Sample;
pub use vector::Vector;
pub use version::KernelVersion;
