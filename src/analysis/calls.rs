//! System calls: who was in one, and the slow ones by thread, call and file.

use std::collections::BTreeMap;

use super::groups::median;
use super::index::Index;
use super::{blame, paths};
use crate::model::findings::SlowCallGroup;
use crate::model::{Filesystem, Recording, Sample, StackId, SyscallSlow, TaskId, syscalls};
use crate::units::Nanos;

/// Whether a task, seen with this kernel stack, came there by no system call: a kernel thread, or
/// a thread that has not been in user mode since it was made. Workers of io_uring and vhost never
/// are, and what their registers hold is the call of whoever made them.
pub(crate) fn outside_calls(r: &Recording, task: TaskId, kernel: StackId) -> bool {
    // Where the kernel lets a new thread begin (arch/x86/entry/entry_64.S; the second is its name
    // in assembly since 6.6).
    let begins = |name: &str| matches!(name, "ret_from_fork" | "ret_from_fork_asm");
    r.task(task).kthread || r.functions(kernel).next_back().is_some_and(begins)
}

/// Tells the system calls of samples apart.
pub(crate) struct Calls<'r>(Index<'r>);

impl<'r> Calls<'r> {
    pub(crate) fn new(r: &'r Recording) -> Calls<'r> {
        Calls(Index::without_samples(r))
    }

    /// Whether two samples may have found a task in one call. Of calls that were too short to be
    /// recorded only their numbers and arguments tell.
    pub(crate) fn may_be_one(&self, first: &Sample, last: &Sample) -> bool {
        let Calls(index) = self;
        blame::may_be_one_call(index, first, last)
            && !index.call_ends_between(first.task, first.time, last.time)
    }
}

/// Longest total first.
pub fn groups(index: &Index<'_>) -> Vec<SlowCallGroup> {
    let r = index.recording;
    let mut by: BTreeMap<_, Vec<&SyscallSlow>> = BTreeMap::new();
    for call in r.syscalls.iter().filter(|c| !r.task(c.task).kthread) {
        let key = (index.thread(call.task), call.syscall.nr_plus_1, call.syscall.file);
        by.entry(key).or_default().push(call);
    }
    let mut groups: Vec<SlowCallGroup> = by
        .into_iter()
        .map(|((thread, nr_plus_1, file), calls)| {
            let task = blame::most_seen(calls.iter().map(|c| c.task)).unwrap_or(thread);
            let mut who = blame::identity(r, task);
            let nr = nr_plus_1.saturating_sub(1);
            who.syscall = Some(syscalls::name(&r.meta.arch, nr).into_owned());
            who.file = file.is_some().then(|| r.str(file).to_owned());
            let filesystem = calls.first().map_or(Filesystem::Other, |c| index.filesystem(c));
            let durations: Vec<Nanos> = calls.iter().map(|c| c.duration).collect();
            let mut cpus: Vec<_> = calls.iter().map(|c| c.cpu).collect();
            cpus.sort_unstable();
            cpus.dedup();
            SlowCallGroup {
                task: who,
                calls: calls.len(),
                worst: durations.iter().copied().max().unwrap_or_default(),
                total: durations.iter().copied().sum(),
                median: median(durations),
                on_cpu: calls.iter().map(|c| c.on_cpu).sum(),
                slept: calls.iter().filter(|c| c.slept).count(),
                cpus,
                filesystem: (filesystem != Filesystem::Other).then(|| paths::word(filesystem)),
            }
        })
        .collect();
    groups.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.task.cmp(&b.task)));
    groups
}
