//! Ranks: which CPUs, which culprits.

use std::collections::BTreeMap;

use super::blame;
use super::index::Index;
use super::parts::shared;
use super::stacks::restores_irqs;
use super::told;
use crate::model::findings::{
    Cause, CpuCulprit, CpuSummary, Culprit, CulpritGroup, Functions, Stall, TaskCulprit,
};
use crate::units::{Cpu, Nanos};

/// One line for each recorded CPU, with who stalled it.
pub fn cpus(
    index: &Index<'_>,
    stalls: &[Stall],
    mut culprits: BTreeMap<Cpu, Vec<CpuCulprit>>,
) -> Vec<CpuSummary> {
    let mut by_cpu: BTreeMap<Cpu, Vec<&Stall>> = BTreeMap::new();
    for stall in stalls {
        by_cpu.entry(stall.cpu).or_default().push(stall);
    }
    let summary = |cpu: Cpu| {
        let own = by_cpu.get(&cpu).map_or(&[][..], Vec::as_slice);
        CpuSummary {
            cpu,
            stalls: own.len(),
            worst: own.iter().max_by_key(|s| s.rank()).map(|s| s.duration).unwrap_or_default(),
            served_meanwhile: own.iter().filter(|s| s.served_meanwhile()).count(),
            total: own.iter().filter(|s| !s.served_meanwhile()).map(|s| s.duration).sum(),
            samples: index.samples.of(cpu).iter().map(|s| s.count() as usize).sum(),
            kinds: told::kinds(own),
            waited: told::waited(own),
            pending: told::pending(own),
            culprits: culprits.remove(&cpu).unwrap_or_default(),
        }
    };
    index.cpus().into_iter().map(summary).collect()
}

/// Culprits by the time they took; last, apart from the others, those for whom only ksoftirqd waited.
pub fn culprits(stalls: &[Stall]) -> Vec<CulpritGroup> {
    let mut by: BTreeMap<(bool, Culprit, Cause), Vec<&Stall>> = BTreeMap::new();
    for stall in stalls {
        by.entry((stall.served_meanwhile(), key(&stall.culprit), stall.cause))
            .or_default()
            .push(stall);
    }
    let mut groups: Vec<CulpritGroup> = by
        .into_iter()
        .map(|((served_meanwhile, culprit, cause), stalls)| {
            let mut cpus: Vec<_> = stalls.iter().map(|s| s.cpu).collect();
            cpus.sort_unstable();
            cpus.dedup();
            let worst = stalls.iter().max_by_key(|s| s.duration);
            let mut stack = worst.map(|s| s.evidence.stack.clone()).unwrap_or_default();
            let shown = || blame::most_seen(stalls.iter().map(|s| &s.culprit)).cloned();
            let mut culprit = match culprit {
                Culprit::Task(_) => shown().unwrap_or(culprit),
                other => other,
            };
            if let Culprit::Softirq { function, .. } = &mut culprit {
                stack = common(&stalls);
                // Where interrupts come back, the late tick lands: not what took the time.
                let doer = stack.iter().find(|name| !restores_irqs(name));
                *function = doer.map(|name| (**name).to_owned());
            }
            CulpritGroup {
                culprit,
                cause,
                served_meanwhile,
                cpus,
                stalls: stalls.iter().map(|s| s.id).collect(),
                total: stalls.iter().map(|s| s.duration).sum(),
                median: median(stalls.iter().map(|s| s.duration).collect()),
                worst: worst.map(|s| s.duration).unwrap_or_default(),
                stack,
            }
        })
        .collect();
    // Where nobody waited but ksoftirqd itself, the harm is least.
    groups.sort_by(|a, b| {
        a.served_meanwhile
            .cmp(&b.served_meanwhile)
            .then_with(|| b.total.cmp(&a.total))
            .then_with(|| a.culprit.cmp(&b.culprit))
    });
    groups
}

/// The outer functions that the stacks of all these stalls share.
fn common(stalls: &[&Stall]) -> Functions {
    let stacks = stalls.iter().map(|s| &s.evidence.stack);
    let Some(first) = stacks.clone().next() else { return Functions::default() };
    let in_all = stacks.fold(&first[..], |a, b| shared(a, b, |a, b| a == b));
    if in_all.len() == first.len() { first.clone() } else { in_all.into() }
}

/// What makes two stalls the work of the same culprit. A softirq handler is the same whatever
/// function of it the samples of one stall happened to share; a thread, whatever it calls itself.
fn key(culprit: &Culprit) -> Culprit {
    match culprit {
        Culprit::Softirq { vector, .. } => Culprit::Softirq { vector: *vector, function: None },
        Culprit::Task(task) => Culprit::Task(TaskCulprit {
            comm: String::new(),
            process: None,
            cgroup: None,
            workload: None,
            ..task.clone()
        }),
        other => other.clone(),
    }
}

/// The middle one; of two, the lower.
pub fn median(mut all: Vec<Nanos>) -> Nanos {
    all.sort_unstable();
    all.get(all.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_or_the_lower_of_two() {
        let of = |all: &[u64]| median(all.iter().copied().map(Nanos).collect()).0;
        assert_eq!((of(&[]), of(&[7]), of(&[9, 1, 5]), of(&[4, 1, 9, 2])), (0, 7, 5, 2));
    }
}
