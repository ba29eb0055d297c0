//! System calls, and the files that the kernel makes up while they are read.

use super::names::{StrId, TaskId};
use crate::units::{Cpu, Ktime, Nanos};

/// A system call in progress, with the file its descriptor argument names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SyscallId {
    /// Number plus one, 65,536 more if it is one of the 32-bit table; 0 is "not in a system call".
    /// Names: [`super::syscalls`].
    pub nr_plus_1: u32,
    /// Arguments as in the registers (x86-64: rdi, rsi, rdx).
    pub args: [u64; 3],
    /// Path of the file behind a descriptor in the first argument (of sendfile(2) in the second:
    /// where it reads), where it was looked up.
    pub file: StrId,
}

/// A system call longer than the threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyscallSlow {
    /// When it returned.
    pub time: Ktime,
    /// The CPU it returned on.
    pub cpu: Cpu,
    /// Who called.
    pub task: TaskId,
    /// What was called.
    pub syscall: SyscallId,
    /// Enter to exit.
    pub duration: Nanos,
    /// CPU time of the task meanwhile, as the scheduler accounts it (up to one jiffy behind).
    pub on_cpu: Nanos,
    /// It slept at least once (voluntary context switch).
    pub slept: bool,
    /// What it returned (bytes, or minus an errno).
    pub ret: i64,
}

/// Which file system a file is on, of those whose files the kernel makes up while they are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Filesystem {
    /// None of them.
    #[default]
    Other,
    /// A hierarchy of cgroup v1.
    CgroupV1,
    /// cgroup v2.
    CgroupV2,
    /// procfs.
    Proc,
}

/// What a slow system call has more to it if it was of a file on cgroupfs or procfs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileCall {
    /// Equals the `time` of the [`SyscallSlow`] it belongs to (same CPU).
    pub time: Ktime,
    /// The CPU it returned on.
    pub cpu: Cpu,
    /// Where the file is.
    pub filesystem: Filesystem,
    /// Of a read: the time it waited for the locks of the cgroup statistics (rstat).
    pub rstat_waited: Nanos,
    /// Of a read: the time it held the one that all share. Waits for the lock of a CPU, which
    /// some kernels have besides, are part of both.
    pub rstat_held: Nanos,
    /// Of a read: how often it took that lock.
    pub rstat_locks: u32,
}

/// Reads of a file by a process that ended on a CPU, since the last such record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileReads {
    /// When they were counted.
    pub time: Ktime,
    /// The CPU.
    pub cpu: Cpu,
    /// The first thread of the process; none for all for whom the kernel's table had no room.
    pub task: TaskId,
    /// Where the file is.
    pub filesystem: Filesystem,
    /// The files: by name on cgroupfs (`memory.stat`), by pattern on procfs (`/proc/*/smaps`).
    pub file: StrId,
    /// Reads that returned something.
    pub reads: u64,
    /// Their time together.
    pub total: Nanos,
    /// CPU time of the readers meanwhile, as the scheduler accounts it.
    pub on_cpu: Nanos,
    /// How many of them slept.
    pub slept: u64,
    /// What they returned, in bytes.
    pub bytes: u64,
    /// Shorter ones were not counted.
    pub at_least: Nanos,
}
