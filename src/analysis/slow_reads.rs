//! Slow reads of files that the kernel makes up while they are read, one by one.

use super::index::Index;
use super::paths;
use crate::model::{Filesystem, Recording, syscalls};
use crate::units::{Ktime, Nanos};

/// A read past the threshold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlowRead {
    /// When it returned.
    pub time: Ktime,
    /// Kind of file: `memory.stat` of a cgroup, `/proc/*/smaps`.
    pub kind: String,
    /// How long it took.
    pub duration: Nanos,
}

/// The slow reads of cgroupfs and procfs in a recording.
#[must_use]
pub fn slow_reads(recording: &Recording) -> Vec<SlowRead> {
    let index = Index::without_samples(recording);
    let arch = &recording.meta.arch;
    let calls = recording.syscalls.iter();
    let reads = calls.filter(|c| syscalls::reads(arch, c.syscall.nr_plus_1.saturating_sub(1)));
    let kind = |call| match index.filesystem(call) {
        Filesystem::Other => None,
        filesystem => Some(paths::pattern(recording.str(call.syscall.file), filesystem)),
    };
    reads
        .filter_map(|c| Some(SlowRead { time: c.time, kind: kind(c)?, duration: c.duration }))
        .collect()
}
