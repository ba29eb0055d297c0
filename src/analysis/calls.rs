//! Slow system calls by task, call and file.

use std::collections::BTreeMap;

use super::blame;
use super::groups::median;
use super::index::Index;
use super::syscalls;
use crate::model::SyscallSlow;
use crate::model::findings::SlowCallGroup;
use crate::units::Nanos;

/// Longest total first.
pub fn groups(index: &Index<'_>) -> Vec<SlowCallGroup> {
    let r = index.recording;
    let mut by: BTreeMap<_, Vec<&SyscallSlow>> = BTreeMap::new();
    for call in &r.syscalls {
        by.entry((call.task, call.syscall.nr_plus_1, call.syscall.file)).or_default().push(call);
    }
    let mut groups: Vec<SlowCallGroup> = by
        .into_iter()
        .map(|((task, nr_plus_1, file), calls)| {
            let mut who = blame::identity(r, task);
            let nr = nr_plus_1.saturating_sub(1);
            who.syscall = Some(syscalls::name(&r.meta.arch, nr).into_owned());
            who.file = file.is_some().then(|| r.str(file).to_owned());
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
            }
        })
        .collect();
    groups.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.task.cmp(&b.task)));
    groups
}
