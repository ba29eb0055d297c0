//! What is told of each CPU that stalled: what was late there, and by whom as a person counts. The
//! threads of one process, the children of one script, the files of one name and all lists of several
//! tasks are one culprit, however many groups there are.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::groups::median;
use crate::model::Vector;
use crate::model::findings::*;
use crate::units::Cpu;

/// Fewer dying memory cgroups than this make no read slow; `check` begins to mind at as many.
const MANY_DYING: u64 = 1_000;

/// What makes two culprits one.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    Task([&'a str; 5], bool),
    Several,
    Other(&'a Culprit),
}

fn key(culprit: &Culprit) -> Key<'_> {
    let t = match culprit {
        Culprit::Task(t) => t,
        Culprit::Several { .. } => return Key::Several,
        _ => return Key::Other(culprit),
    };
    let file = t.file.as_deref().unwrap_or_default();
    Key::Task(
        [
            &t.comm,
            t.syscall.as_deref().unwrap_or_default(),
            file.rsplit('/').next().unwrap_or(file),
            t.work.as_deref().unwrap_or_default(),
            t.cgroup.as_deref().unwrap_or_default(),
        ],
        t.user_mode,
    )
}

/// The stalls of one culprit on one CPU.
#[derive(Default)]
struct Gathered<'a> {
    /// Groups with their numbers, from 1.
    groups: Vec<(usize, &'a CulpritGroup)>,
    stalls: Vec<&'a Stall>,
}

/// The culprits of one CPU.
#[derive(Default)]
struct OfCpu<'a> {
    all: Vec<Gathered<'a>>,
    /// Where each stands.
    known: HashMap<(bool, Key<'a>), usize>,
}

/// Who stalled each CPU, the one that held it longest first; last those for whom only ksoftirqd
/// waited. The stalls are in the order of their numbers; `dying` memory cgroups were counted.
#[must_use]
pub fn culprits(
    stalls: &[Stall],
    groups: &[CulpritGroup],
    dying: Option<u64>,
) -> BTreeMap<Cpu, Vec<CpuCulprit>> {
    let mut by_cpu: BTreeMap<Cpu, OfCpu<'_>> = BTreeMap::new();
    for (number, group) in (1..).zip(groups) {
        let mut own: BTreeMap<Cpu, Vec<&Stall>> = BTreeMap::new();
        for id in &group.stalls {
            if let Ok(at) = stalls.binary_search_by_key(id, |s| s.id) {
                own.entry(stalls[at].cpu).or_default().push(&stalls[at]);
            }
        }
        for (cpu, own) in own {
            let OfCpu { all, known } = by_cpu.entry(cpu).or_default();
            let key = (group.served_meanwhile, key(&group.culprit));
            let at = *known.entry(key).or_insert(all.len());
            if at == all.len() {
                all.push(Gathered::default());
            }
            all[at].stalls.extend(own);
            all[at].groups.push((number, group));
        }
    }
    let told = |(cpu, of): (Cpu, OfCpu<'_>)| {
        let mut all: Vec<CpuCulprit> =
            of.all.into_iter().filter_map(|one| one.told(dying)).collect();
        // As the groups: those last for whom only ksoftirqd waited.
        all.sort_by_key(|c| (c.served_meanwhile, Reverse(c.total), c.stalls.first().copied()));
        (cpu, all)
    };
    by_cpu.into_iter().map(told).collect()
}

impl Gathered<'_> {
    fn told(mut self, dying: Option<u64>) -> Option<CpuCulprit> {
        self.stalls.sort_by_key(|s| (Reverse(s.duration), s.id));
        let longest = *self.stalls.first()?;
        let tasks = || {
            self.groups.iter().filter_map(|(_, group)| match &group.culprit {
                Culprit::Task(task) => Some(task),
                _ => None,
            })
        };
        Some(CpuCulprit {
            groups: self.groups.iter().map(|(number, _)| *number).collect(),
            served_meanwhile: longest.served_meanwhile(),
            causes: causes(&self.stalls),
            stalls: self.stalls.iter().map(|s| s.id).collect(),
            total: self.stalls.iter().map(|s| s.duration).sum(),
            median: median(self.stalls.iter().map(|s| s.duration).collect()),
            processes: tasks().map(|t| t.tgid).collect::<BTreeSet<_>>().len(),
            threads: tasks().map(|t| (t.tid, t.start)).collect::<BTreeSet<_>>().len(),
            files: tasks().filter_map(|t| t.file.as_ref()).collect::<BTreeSet<_>>().len(),
            others: self.others(longest),
            dying_memcgs: dying.filter(|&n| n >= MANY_DYING && self.at_memcgs(longest)),
        })
    }

    /// Tasks that shared stalls, but not the longest.
    fn others(&self, longest: &Stall) -> usize {
        let Culprit::Several { tasks: told } = &longest.culprit else { return 0 };
        let lists = self.groups.iter().filter_map(|(_, group)| match &group.culprit {
            Culprit::Several { tasks } => Some(tasks),
            _ => None,
        });
        lists.flatten().filter(|t| !told.contains(t)).collect::<BTreeSet<_>>().len()
    }

    /// Whether memory cgroups' statistics are what it was at.
    fn at_memcgs(&self, longest: &Stall) -> bool {
        let stacks = self.groups.iter().map(|(_, group)| &group.stack);
        let mut stacks = std::iter::once(&longest.evidence.stack).chain(stacks);
        let stack = stacks.find(|stack| !stack.is_empty());
        let flushes = stack.is_some_and(|stack| stack.iter().any(|f| f.contains("rstat_flush")));
        let reads = match &longest.culprit {
            Culprit::Task(t) => t.file.as_ref().is_some_and(|file| file.contains("/memory.")),
            _ => false,
        };
        flushes || reads
    }
}

fn causes(stalls: &[&Stall]) -> Vec<CauseCount> {
    let mut by: BTreeMap<Cause, usize> = BTreeMap::new();
    stalls.iter().for_each(|s| *by.entry(s.cause).or_default() += 1);
    let mut causes: Vec<_> =
        by.into_iter().map(|(cause, stalls)| CauseCount { cause, stalls }).collect();
    causes.sort_by_key(|c| (Reverse(c.stalls), c.cause));
    causes
}

/// The stalls of a CPU by their first measure, most frequent first. Those in which only ksoftirqd
/// waited count only where there are no others.
#[must_use]
pub fn kinds(own: &[&Stall]) -> Vec<KindCount> {
    let harmed = own.iter().any(|s| !s.served_meanwhile());
    let counted = own.iter().filter(|s| !harmed || !s.served_meanwhile());
    let mut by: BTreeMap<StallKind, usize> = BTreeMap::new();
    for first in counted.filter_map(|s| s.measures.first()) {
        *by.entry(first.kind).or_default() += 1;
    }
    let mut kinds: Vec<_> =
        by.into_iter().map(|(kind, stalls)| KindCount { kind, stalls }).collect();
    kinds.sort_by_key(|k| (Reverse(k.stalls), k.kind));
    kinds
}

/// In how many stalls of a CPU each softirq waited. Those of a handoff waited only if no interrupt ran
/// them meanwhile.
#[must_use]
pub fn waited(own: &[&Stall]) -> Vec<VectorCount> {
    vectors(own, |m| {
        matches!(m.kind, StallKind::SoftirqDelay | StallKind::Handoff) && !m.served_meanwhile()
    })
}

/// In how many stalls of a CPU each softirq was pending at the end of an interrupt gap.
#[must_use]
pub fn pending(own: &[&Stall]) -> Vec<VectorCount> {
    vectors(own, |m| m.kind == StallKind::InterruptGap)
}

/// In how many stalls each vector is in such a measure: NET_RX first, then what is in most.
fn vectors(own: &[&Stall], such: impl Fn(&Measure) -> bool) -> Vec<VectorCount> {
    let mut by: BTreeMap<Vector, usize> = BTreeMap::new();
    for stall in own {
        let measures = stall.measures.iter().filter(|m| such(m));
        let vectors: BTreeSet<Vector> = measures.flat_map(|m| m.vectors.iter().copied()).collect();
        vectors.into_iter().for_each(|vector| *by.entry(vector).or_default() += 1);
    }
    let mut all: Vec<_> =
        by.into_iter().map(|(vector, stalls)| VectorCount { vector, stalls }).collect();
    all.sort_by_key(|c| (c.vector != Vector::NET_RX, Reverse(c.stalls), c.vector));
    all
}
