//! Slow calls of files on cgroupfs and procfs, by process and kind of file.

use std::collections::{BTreeMap, BTreeSet};

use super::groups::median;
use super::index::Index;
use super::{blame, paths};
use crate::model::findings::*;
use crate::model::{FileCall, Filesystem, Recording, SyscallSlow, TaskId, syscalls};
use crate::units::{Cpu, Ktime, Nanos, Tgid, Tid};

/// Cgroups that a group names.
const CGROUPS: usize = 5;
/// Stalls looked at for one call: a call that makes more is none of a real kernel.
const STALLS: usize = 64;

/// What goes together: a process by number and name, the call, the kind of file.
type Key<'r> = (Tgid, &'r str, u32, &'static str, String);

/// A call with what is known of its file.
struct Call<'r> {
    slow: &'r SyscallSlow,
    file: &'r str,
    filesystem: Filesystem,
    more: Option<&'r FileCall>,
}

/// Groups, longest total first, and each call, in order of time.
pub fn slow(index: &Index<'_>, stalls: &[Stall]) -> (Vec<SlowFileGroup>, Vec<SlowFileCall>) {
    let r = index.recording;
    let gaps = Gaps::new(r, stalls);
    let rstat = r.meta.probes.iter().any(|p| p.name == "rstat" && p.method.is_some());
    let mut by: BTreeMap<Key<'_>, Vec<Call<'_>>> = BTreeMap::new();
    for slow in &r.syscalls {
        let (file, task) = (r.str(slow.syscall.file), r.task(slow.task));
        let (filesystem, more) = (index.filesystem(slow), index.file_call(slow));
        if filesystem == Filesystem::Other {
            continue;
        }
        let process = if task.process.is_some() { task.process } else { task.comm };
        let pattern = paths::pattern(file, filesystem);
        let word = paths::word(filesystem);
        let key = (task.tgid, r.str(process), slow.syscall.nr_plus_1, word, pattern);
        by.entry(key).or_default().push(Call { slow, file, filesystem, more });
    }
    let mut groups = Vec::new();
    for (key, calls) in by {
        let told: Vec<SlowFileCall> = calls.iter().map(|c| one(r, c, &gaps, rstat)).collect();
        groups.push((group(r, key, &calls, &told), told));
    }
    groups.sort_by(|(a, _), (b, _)| b.total.cmp(&a.total).then_with(|| a.task.cmp(&b.task)));
    let mut all = Vec::new();
    for (n, (group, told)) in groups.iter_mut().enumerate() {
        group.id = n + 1;
        told.iter_mut().for_each(|call| call.group = n + 1);
        all.append(told);
    }
    all.sort_by_key(|c| (c.start, c.cpu, c.group));
    (groups.into_iter().map(|(group, _)| group).collect(), all)
}

fn one(r: &Recording, call: &Call<'_>, gaps: &Gaps, rstat: bool) -> SlowFileCall {
    let slow = call.slow;
    let start = slow.time.before(slow.duration);
    let inside = gaps.of(r, slow.task, start, slow.time);
    let reads = syscalls::reads(&r.meta.arch, slow.syscall.nr_plus_1.saturating_sub(1));
    let times = call.more.filter(|m| rstat && reads && m.filesystem != Filesystem::Proc);
    SlowFileCall {
        group: 0,
        start,
        duration: slow.duration,
        cpu: slow.cpu,
        file: call.file.to_owned(),
        of_cgroup: paths::cgroup(call.file, call.filesystem),
        returned: slow.ret,
        on_cpu: slow.on_cpu,
        slept: slow.slept,
        // A gap that began before the call is its only in part.
        irqs_off: gaps
            .measured
            .then(|| inside.iter().map(|(_, gap)| *gap).sum::<Nanos>().min(slow.duration)),
        rstat: times.map(|m| RstatTimes {
            waited: m.rstat_waited,
            held: m.rstat_held,
            locks: m.rstat_locks.into(),
        }),
        stalls: inside.iter().map(|(id, _)| *id).collect(),
    }
}

fn group(r: &Recording, key: Key<'_>, calls: &[Call<'_>], told: &[SlowFileCall]) -> SlowFileGroup {
    let (_, _, nr_plus_1, filesystem, pattern) = key;
    let files: BTreeSet<&str> = calls.iter().map(|c| c.file).collect();
    let task = blame::most_seen(calls.iter().map(|c| c.slow.task)).unwrap_or(TaskId::NONE);
    let mut who = blame::identity(r, task);
    who.syscall = Some(blame::call_name(r, nr_plus_1));
    who.file = Some(match (files.first(), files.len()) {
        (Some(only), 1) => (*only).to_owned(),
        _ => pattern,
    });
    let durations: Vec<Nanos> = told.iter().map(|c| c.duration).collect();
    let off = || told.iter().filter_map(|c| c.irqs_off).filter(|gap| gap.0 > 0);
    let mut cgroups: BTreeMap<&str, Nanos> = BTreeMap::new();
    for call in told {
        if let Some(cgroup) = &call.of_cgroup {
            let total = cgroups.entry(cgroup).or_default();
            *total = *total + call.duration;
        }
    }
    let mut cgroups: Vec<(&str, Nanos)> = cgroups.into_iter().collect();
    cgroups.sort_by_key(|(_, total)| std::cmp::Reverse(*total));
    SlowFileGroup {
        id: 0,
        task: who,
        filesystem,
        files: files.len(),
        calls: told.len(),
        worst: durations.iter().copied().max().unwrap_or_default(),
        total: durations.iter().copied().sum(),
        median: median(durations),
        on_cpu: told.iter().map(|c| c.on_cpu).sum(),
        slept: told.iter().filter(|c| c.slept).count(),
        bytes: told.iter().fold(0, |sum: u64, c| sum.saturating_add(c.returned.max(0) as u64)),
        irqs_off: told.iter().any(|c| c.irqs_off.is_some()).then(|| off().count()),
        irqs_off_worst: off().max(),
        rstat: told.iter().filter_map(|c| c.rstat).reduce(|a, b| RstatTimes {
            waited: a.waited + b.waited,
            held: a.held + b.held,
            locks: a.locks.saturating_add(b.locks),
        }),
        by_cpu: shares(told.iter().map(|c| (c.cpu, 1, c.duration))),
        cgroups: cgroups.iter().take(CGROUPS).map(|(name, _)| (*name).to_owned()).collect(),
    }
}

/// Sums by CPU, most time first.
pub fn shares(parts: impl Iterator<Item = (Cpu, u64, Nanos)>) -> Vec<CpuShare> {
    let mut by: BTreeMap<Cpu, (u64, Nanos)> = BTreeMap::new();
    for (cpu, calls, time) in parts {
        let sum = by.entry(cpu).or_default();
        *sum = (sum.0.saturating_add(calls), sum.1 + time);
    }
    let mut shares: Vec<CpuShare> =
        by.into_iter().map(|(cpu, (calls, total))| CpuShare { cpu, calls, total }).collect();
    shares.sort_by_key(|share| (std::cmp::Reverse(share.total), share.cpu));
    shares
}

/// An interrupt gap: its end, the number of the stall, its length.
type Gap = (Ktime, usize, Nanos);

/// Interrupt gaps that threads were found to have made, by thread, in order of their ends.
struct Gaps {
    by: BTreeMap<(Tid, Ktime), Vec<Gap>>,
    measured: bool,
}

impl Gaps {
    fn new(r: &Recording, stalls: &[Stall]) -> Gaps {
        let mut by: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for stall in stalls.iter().filter(|s| s.cause == Cause::IrqsOff) {
            let Culprit::Task(task) = &stall.culprit else { continue };
            for gap in stall.measures.iter().filter(|m| m.kind == StallKind::InterruptGap) {
                let end = gap.start.after(gap.duration);
                by.entry((task.tid, task.start)).or_default().push((end, stall.id, gap.duration));
            }
        }
        by.values_mut().for_each(|gaps| gaps.sort_unstable());
        Gaps { by, measured: r.meta.sample_period.0 > 0 }
    }

    /// Those of a task that ended after `start` and up to `end`: numbers of stalls, lengths.
    fn of(&self, r: &Recording, task: TaskId, start: Ktime, end: Ktime) -> Vec<(usize, Nanos)> {
        let task = r.task(task);
        let Some(all) = self.by.get(&(task.tid, task.start)) else { return Vec::new() };
        let inside = all[all.partition_point(|g| g.0 <= start)..].iter();
        inside.take_while(|g| g.0 <= end).take(STALLS).map(|g| (g.1, g.2)).collect()
    }
}
