//! What helps against slow reads of cgroup and proc files, as far as the evidence goes.

use crate::model::findings::{DyingTrend, FileReadGroup, SlowFileGroup};
use crate::model::{KernelVersion, Recording};

/// So many dying memory cgroups make a flush slow (src/health/checks/memcg.rs has the figures).
const MANY: u64 = 1_000;
/// So many reads of a file a minute are many: agents look every 10 to 60 seconds.
const OFTEN: u64 = 60;
/// 0efc297a3c49 ("cgroup/rstat: avoid disabling irqs for O(num_cpu)").
const IRQS_ON_BETWEEN: KernelVersion = KernelVersion { major: 6, minor: 15 };

/// What lets go of dying memory cgroups.
const LET_GO: &str = "Let go of the dying memory cgroups. Where clean page cache keeps them, `echo 1 > \
    /proc/sys/vm/drop_caches` does it, or on cgroup v2 a write to memory.reclaim of the cgroup above \
    them (5.19 and later); where files on a tmpfs do, deleting these.";

/// Whether it is among the advice.
pub fn tells_of_dying(advice: &[String]) -> bool {
    advice.iter().any(|sentence| sentence == LET_GO)
}

/// Sentences, the one that helps most first.
pub fn advice(
    r: &Recording,
    slow: &[SlowFileGroup],
    reads: &[FileReadGroup],
    dying: Option<DyingTrend>,
) -> Vec<String> {
    let mut advice = Vec::new();
    let of_file = |g: &&SlowFileGroup, name: &str| {
        g.task.file.as_deref().is_some_and(|file| file.rsplit('/').next() == Some(name))
    };
    let stats: Vec<&SlowFileGroup> = slow
        .iter()
        .filter(|g| g.filesystem == "cgroup")
        .filter(|g| ["memory.stat", "cpu.stat"].iter().any(|name| of_file(g, name)))
        .collect();
    let dying = dying.filter(|d| d.max >= MANY && stats.iter().any(|g| of_file(g, "memory.stat")));
    if let Some(dying) = dying {
        advice.push(LET_GO.to_owned());
        if dying.growth_per_minute.is_some_and(|growth| growth > 0) {
            advice.push(
                "Their number grows: somebody makes and removes cgroups all the time (restarting \
                 containers, cron jobs, systemd units) whose files others keep in use."
                    .to_owned(),
            );
        }
    }
    if let Some(often) = often(&stats, reads) {
        advice.push(often);
    }
    let off = stats.iter().any(|g| g.irqs_off.is_some_and(|n| n > 0));
    if off && KernelVersion::parse(&r.meta.kernel).is_some_and(|v| v < IRQS_ON_BETWEEN) {
        advice.push(
            "A newer kernel: from 6.15 on a flush turns interrupts on again after each CPU's \
             part, before that it may keep them off for all CPUs' parts together."
                .to_owned(),
        );
    }
    let waited = |g: &SlowFileGroup| g.rstat.is_some_and(|t| t.waited.0 > g.total.0 / 2);
    if stats.iter().any(|g| waited(g)) {
        advice.push(
            "Readers waited for each other's flushes more than they did work: one agent that \
             reads these files, in place of several, costs each of them less."
                .to_owned(),
        );
    }
    if slow.iter().any(|g| of_file(&g, "smaps") || of_file(&g, "smaps_rollup")) {
        advice.push(
            "smaps and smaps_rollup go through all pages of a process, which waits meanwhile if it \
             maps memory: read them less often, and smaps_rollup where sums are enough."
                .to_owned(),
        );
    }
    if slow.iter().any(|g| of_file(&g, "clear_refs")) {
        advice.push(
            "Writes to clear_refs go through all pages of a process: cadvisor does that for its \
             metric referenced_memory, which --disable_metrics turns off."
                .to_owned(),
        );
    }
    advice
}

/// Who reads such files most often.
fn often(stats: &[&SlowFileGroup], reads: &[FileReadGroup]) -> Option<String> {
    let slow = |g: &&FileReadGroup| {
        let Some(task) = &g.task else { return false };
        let same = |s: &&&SlowFileGroup| {
            let name = s.task.file.as_deref().and_then(|file| file.rsplit('/').next());
            s.task.tgid == task.tgid && name == task.file.as_deref()
        };
        g.filesystem == "cgroup" && stats.iter().any(|s| same(&s))
    };
    let most = reads.iter().filter(slow).max_by_key(|g| g.per_minute)?;
    let task = most.task.as_ref()?;
    (most.per_minute >= OFTEN).then(|| {
        format!(
            "Read {} less often than {} times a minute, as {}[{}] does (cadvisor: \
             --housekeeping_interval; kubelet: --housekeeping-interval).",
            task.file.as_deref().unwrap_or_default(),
            most.per_minute,
            task.comm,
            task.tgid
        )
    })
}
