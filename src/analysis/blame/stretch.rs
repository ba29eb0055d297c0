//! Whether a task stayed in the kernel from one sample to the next, or came back in between: only
//! the first kept others from the CPU because it could not be preempted.

use crate::analysis::index::Index;
use crate::analysis::outside_calls;
use crate::model::{Sample, TaskId};
use crate::units::Nanos;

/// Whether all these samples of a task, in order of time, lie in one stretch of kernel code.
///
/// The same number in all of them is not enough: a loop of short calls looks like that too. Where
/// a call as long as from the first to the last sample would have been recorded, it must have
/// been; elsewhere the arguments must be the same at least.
pub fn one_stretch(index: &Index<'_>, samples: &[&Sample]) -> bool {
    let Some(first) = samples.first() else { return false };
    if samples.iter().any(|s| s.user_mode) {
        return false;
    }
    let r = index.recording;
    // Neither a kernel thread nor a task on its way out goes back to user mode.
    let stays = |s: &&Sample| {
        outside_calls(r, s.task, s.kernel_stack)
            || r.functions(s.kernel_stack).any(|f| f == "do_exit")
    };
    if samples.iter().all(stays) {
        return true;
    }
    samples.iter().all(|s| may_be_one_call(index, first, s))
}

/// Whether the call that a sample found a task in may still go on at a later one.
pub fn may_be_one_call(index: &Index<'_>, first: &Sample, last: &Sample) -> bool {
    let id = index.thread(first.task);
    let call = |s: &Sample| (s.syscall.nr_plus_1, s.syscall.args);
    // Without a call it was in exceptions (page faults), and those come one after another.
    if first.syscall.nr_plus_1 == 0 || id != index.thread(last.task) || call(first) != call(last) {
        return false;
    }
    !would_be_recorded(index, id, last.time.since(first.time))
        || index.call_at(id, first.time).is_some_and(|c| c.time >= last.time)
}

/// Whether the probe of slow calls sent a record of each call of this task that is this long.
fn would_be_recorded(index: &Index<'_>, id: TaskId, length: Nanos) -> bool {
    let meta = &index.recording.meta;
    let runs = meta.probes.iter().any(|p| p.name == "syscall" && p.method.is_some());
    let its = meta.pid.is_none_or(|pid| index.recording.task(id).tgid.0 == pid);
    runs && its && length >= meta.syscall_min
}
