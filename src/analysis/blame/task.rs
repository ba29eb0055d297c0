//! A task as a culprit: who it is, whose, and what it was doing.

use std::collections::BTreeMap;

use crate::analysis::index::Index;
use crate::analysis::outside_calls;
use crate::analysis::parts::Part;
use crate::analysis::stacks::restores_irqs;
use crate::model::findings::TaskCulprit;
use crate::model::{Recording, Sample, StrId, TaskId, syscalls, workload};

/// Who a task is, without what it does.
pub fn identity(r: &Recording, id: TaskId) -> TaskCulprit {
    let task = r.task(id);
    let cgroup = r.str(task.cgroup);
    let (comm, process) = (r.str(task.comm), r.str(task.process));
    let mut workload = workload::workload(cgroup);
    if let Some(w) = workload.as_mut().filter(|w| w.pod_uid.is_some()) {
        w.pod = Some(r.str(task.pod).to_owned()).filter(|pod| !pod.is_empty());
    }
    TaskCulprit {
        tid: task.tid,
        tgid: task.tgid,
        comm: comm.to_owned(),
        process: (!process.is_empty() && process != comm).then(|| process.to_owned()),
        start: task.start,
        cgroup: (!cgroup.is_empty()).then(|| cgroup.to_owned()),
        workload: workload.map(Box::new),
        syscall: None,
        file: None,
        work: None,
        user_mode: false,
    }
}

/// Of the numbers of one thread, in order of time, the one it was seen under most often; of
/// equally frequent ones the latest.
pub fn most_seen<T: Ord>(names: impl Iterator<Item = T>) -> Option<T> {
    let mut counts: BTreeMap<T, (usize, usize)> = BTreeMap::new();
    for (at, name) in names.enumerate() {
        let (count, latest) = counts.entry(name).or_default();
        (*count, *latest) = (*count + 1, at);
    }
    counts.into_iter().max_by_key(|(_, seen)| *seen).map(|(name, _)| name)
}

/// Who the thread of these samples is and what it was doing in most of them.
pub fn doing(index: &Index<'_>, thread: TaskId, samples: &[&Sample]) -> TaskCulprit {
    let r = index.recording;
    let id = most_seen(samples.iter().map(|s| s.task)).unwrap_or(thread);
    let mut culprit = identity(r, id);
    let in_user = samples.iter().filter(|s| s.user_mode).count();
    culprit.user_mode = 2 * in_user > samples.len();
    if culprit.user_mode {
        // A tick on its way in or out of a call says nothing of the rest.
        return culprit;
    }
    if r.task(id).kthread {
        culprit.work = work_function(index, samples);
        return culprit;
    }
    // A task that is on its way out no longer does what it called for.
    let exits = |s: &&&Sample| r.functions(s.kernel_stack).any(|f| f == "do_exit");
    if samples.iter().any(|s| exits(&s)) {
        return culprit;
    }
    let inside = |s: &&&Sample| !outside_calls(r, s.task, s.kernel_stack);
    let calls = samples.iter().filter(inside).map(|s| s.syscall).filter(|c| c.nr_plus_1 != 0);
    let Some(nr) = majority(calls.map(|c| c.nr_plus_1), samples.len()) else { return culprit };
    culprit.syscall = Some(call_name(r, nr));
    let files = samples.iter().map(|s| s.syscall).filter(|c| c.nr_plus_1 == nr);
    let files: Vec<StrId> = files.map(|c| c.file).filter(|f| f.is_some()).collect();
    let file = match files.len() {
        0 => file_of_slow_call(index, id, nr, samples),
        seen => majority(files.into_iter(), seen),
    };
    culprit.file = file.map(|f| r.str(f).to_owned());
    culprit
}

/// `read`, or `syscall 1234` where the number has no name.
pub fn call_name(r: &Recording, nr_plus_1: u32) -> String {
    syscalls::name(&r.meta.arch, nr_plus_1.saturating_sub(1)).into_owned()
}

/// The file of the slow call that these samples fell into, where no sample looked it up.
fn file_of_slow_call(
    index: &Index<'_>,
    id: TaskId,
    nr_plus_1: u32,
    samples: &[&Sample],
) -> Option<StrId> {
    let call = index.call_at(id, samples.first()?.time)?.syscall;
    (call.nr_plus_1 == nr_plus_1 && call.file.is_some()).then_some(call.file)
}

/// The function that a kernel worker was called with: what `process_one_work` called.
fn work_function(index: &Index<'_>, samples: &[&Sample]) -> Option<String> {
    most(samples.iter().filter_map(|s| {
        let names: Vec<&str> = index.recording.functions(s.kernel_stack).collect();
        let at = names.iter().position(|n| *n == "process_one_work")?;
        let function = *names.get(at.checked_sub(1)?)?;
        // The worker's own lock, before it calls anything.
        (!restores_irqs(function)).then(|| function.to_owned())
    }))
}

/// The one that makes up more than half of so many.
fn majority<T: Ord + Copy>(all: impl Iterator<Item = T>, of: usize) -> Option<T> {
    let all: Vec<T> = all.collect();
    let one = most(all.iter().copied())?;
    (2 * all.iter().filter(|&&other| other == one).count() > of).then_some(one)
}

/// The most frequent; of equally frequent ones the least.
pub fn most<T: Ord>(all: impl Iterator<Item = T>) -> Option<T> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for one in all {
        *counts.entry(one).or_default() += 1;
    }
    let mut best: Option<(T, usize)> = None;
    for (one, count) in counts {
        if best.as_ref().is_none_or(|(_, most)| count > *most) {
            best = Some((one, count));
        }
    }
    best.map(|(one, _)| one)
}

/// The task's own part of a tick's kernel stack, without what an interrupt laid on top of it.
pub fn own_part(index: &Index<'_>, tick: &Sample) -> Part {
    let above = index.facts(tick.kernel_stack).interrupt_frames;
    Part::outer(index.recording, tick.kernel_stack, above)
}
