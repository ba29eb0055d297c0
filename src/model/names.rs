//! What events refer to by number: strings, tasks, frames and stacks, each stored once.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// Nothing is known.
            pub const NONE: $name = $name(0);

            /// Whether this names something; 0 means "none" or "unknown".
            #[must_use]
            pub fn is_some(self) -> bool {
                self.0 != 0
            }
        }
    };
}

id! {
    /// Number of a string of a recording; 0 is none.
    StrId
}
id! {
    /// Number of a task of a recording; 0 is unknown.
    TaskId
}
id! {
    /// Number of a code location of a recording; 0 is unknown.
    FrameId
}
id! {
    /// Number of a stack of a recording; 0 is none taken.
    StackId
}

use crate::units::{Ktime, Tgid, Tid};

/// A thread as it was when first seen under this name. A tid is reused; (tid, tgid, start) is not,
/// and of that there may be several: a thread that renames itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Task {
    /// Thread id; 0 is the idle task of a CPU.
    pub tid: Tid,
    /// Process id.
    pub tgid: Tgid,
    /// When the thread was started, nanoseconds on CLOCK_BOOTTIME (`task->start_boottime`).
    pub start: Ktime,
    /// `task->comm`: chosen by the process, not to be trusted.
    pub comm: StrId,
    /// `task->comm` of the thread group's leader, where it was read; else none.
    pub process: StrId,
    /// Path in the cgroup hierarchy that tells most (memory controller, else v2), or none if the
    /// task was gone before it could be read.
    pub cgroup: StrId,
    /// The pod of that cgroup, `NAMESPACE/NAME`, where the node told it; else none.
    pub pod: StrId,
    /// A kernel thread (`PF_KTHREAD`).
    pub kthread: bool,
}

/// A code location, by symbol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Frame {
    /// Function name, or none where no symbol covers the address.
    pub function: StrId,
    /// The address in user space, where there is no symbol; else 0.
    pub offset: u64,
    /// Kernel module or user binary path; none for the kernel image.
    pub module: StrId,
    /// In the kernel (else in user space).
    pub kernel: bool,
}

/// Frames from the innermost (where the CPU was) outwards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stack(pub Vec<FrameId>);
