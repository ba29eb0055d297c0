//! Who is to blame for the stalls of one CPU, as a reader counts: the threads of one process, the
//! children of one script, the files of one name and all lists of several tasks are one culprit,
//! however many groups the analysis made of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::super::ink::Text;
use super::super::text::{count, plural, time};
use super::super::words;
use crate::analysis::median;
use crate::model::findings::*;
use crate::units::{Cpu, Nanos, Tid};

/// Culprits of one CPU that are told one by one.
pub(in crate::render) const CULPRITS: usize = 5;

/// The stalls of a culprit on one CPU; those in which only ksoftirqd waited apart.
pub(in crate::render) struct Blame<'a> {
    /// The longest first; never empty.
    pub(in crate::render) stalls: Vec<&'a Stall>,
    pub(in crate::render) median: Nanos,
    total: Nanos,
    /// In all of them only ksoftirqd waited.
    pub(in crate::render) harmless: bool,
    /// Causes with their numbers, the most frequent first.
    pub(in crate::render) causes: Vec<(Cause, usize)>,
    groups: Vec<&'a CulpritGroup>,
}

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

/// The culprits of a CPU, the one that held it longest first.
pub(in crate::render) fn of<'a>(
    f: &'a Findings,
    by_id: &HashMap<usize, &'a Stall>,
    cpu: Cpu,
) -> Vec<Blame<'a>> {
    let mut index: HashMap<(bool, Key<'a>), usize> = HashMap::new();
    let mut all: Vec<Blame<'a>> = Vec::new();
    for group in &f.culprits {
        let stalls = group.stalls.iter().filter_map(|id| by_id.get(id).copied());
        let stalls: Vec<&Stall> = stalls.filter(|s| s.cpu == cpu).collect();
        if stalls.is_empty() {
            continue;
        }
        let key = (group.served_meanwhile, key(&group.culprit));
        let at = *index.entry(key).or_insert(all.len());
        match all.get_mut(at) {
            Some(blame) => {
                blame.stalls.extend(stalls);
                blame.groups.push(group);
            }
            None => all.push(Blame {
                stalls,
                median: group.median,
                total: Nanos(0),
                harmless: group.served_meanwhile,
                causes: Vec::new(),
                groups: vec![group],
            }),
        }
    }
    for blame in &mut all {
        blame.finish();
    }
    // As in the findings: those last for whom only ksoftirqd waited.
    all.sort_by_key(|b| (b.harmless, std::cmp::Reverse(b.total), b.stalls.first().map(|s| s.id)));
    // Whoever made the longest stall is told, however short the others.
    let longest = |b: &Blame<'_>| b.stalls.first().map(|s| (s.rank(), std::cmp::Reverse(s.id)));
    let worst = (0..all.len()).max_by_key(|&n| longest(&all[n]));
    if let Some(worst) = worst.filter(|&n| n >= CULPRITS) {
        all[CULPRITS - 1..=worst].rotate_right(1);
    }
    all
}

/// Some stalls of a CPU, of all that harmed somebody or of all others.
pub(in crate::render) struct Share {
    pub(in crate::render) part: usize,
    of: usize,
    /// Others on this CPU did harm.
    marked: bool,
}

impl Share {
    fn new(part: usize, cpu: &CpuSummary, harmless: bool) -> Share {
        let harmed = cpu.stalls.saturating_sub(cpu.served_meanwhile);
        let of = if harmless { cpu.served_meanwhile } else { harmed };
        Share { part, of, marked: harmless && harmed > 0 }
    }

    /// With the part right-aligned to some digits.
    pub(in crate::render) fn words(&self, digits: usize) -> String {
        let mark = if self.marked { " harmless" } else { "" };
        format!("{:>digits$} of {}{mark}", count(self.part as u64), count(self.of as u64))
    }
}

/// What is left once the first culprits were told, and by whom it is.
pub(in crate::render) fn rest(blames: &[Blame<'_>], cpu: &CpuSummary) -> Vec<(Share, String)> {
    let mut rest = Vec::new();
    for harmless in [false, true] {
        let (told, others) = blames.split_at(blames.len().min(CULPRITS));
        let told = told.iter().filter(|b| b.harmless == harmless).map(|b| b.stalls.len()).sum();
        let all = Share::new(0, cpu, harmless).of;
        let share = Share::new(all.saturating_sub(told), cpu, harmless);
        let by = match others.iter().filter(|b| b.harmless == harmless).count() {
            0 => "by nobody the analysis names".to_owned(),
            n => format!("by {}", plural(n, "other culprit")),
        };
        if share.part > 0 {
            rest.push((share, by));
        }
    }
    rest
}

impl Blame<'_> {
    fn finish(&mut self) {
        self.stalls.sort_by_key(|s| (std::cmp::Reverse(s.duration), s.id));
        self.total = self.stalls.iter().map(|s| s.duration).sum();
        // A group that is whole here has its median from the analysis: one number everywhere.
        if self.groups.len() > 1 || self.groups[0].stalls.len() != self.stalls.len() {
            self.median = median(self.stalls.iter().map(|s| s.duration).collect());
        }
        let mut causes: BTreeMap<Cause, usize> = BTreeMap::new();
        for stall in &self.stalls {
            *causes.entry(stall.cause).or_default() += 1;
        }
        self.causes = causes.into_iter().collect();
        self.causes.sort_by_key(|&(cause, n)| (std::cmp::Reverse(n), cause));
    }

    /// The culprit of the longest stall, which stands for all. A softirq's function is the one that
    /// all have in common.
    pub(in crate::render) fn culprit(&self) -> &Culprit {
        let group = &self.groups[0].culprit;
        match self.stalls.as_slice() {
            [_, _, ..] if matches!(group, Culprit::Softirq { .. }) => group,
            stalls => stalls.first().map_or(group, |s| &s.culprit),
        }
    }

    /// The stack of the longest stall, with its evidence; else what the group has in common.
    pub(in crate::render) fn stack(&self) -> &[Arc<str>] {
        self.of_longest().unwrap_or_else(|| {
            let mut of_groups = self.groups.iter().map(|g| &*g.stack);
            of_groups.find(|s| !s.is_empty()).unwrap_or_default()
        })
    }

    fn of_longest(&self) -> Option<&[Arc<str>]> {
        self.stalls.first().map(|s| &*s.evidence.stack).filter(|s| !s.is_empty())
    }

    /// `the longest: ` in front of the stack where it is of one among several.
    pub(in crate::render) fn whose_stack(&self) -> &'static str {
        let one_of_several = self.stalls.len() > 1 && self.of_longest().is_some();
        if one_of_several { "the longest: " } else { "" }
    }

    /// What it has of the stalls of its kind: `14 of 202`, `80 of 87 harmless`.
    pub(in crate::render) fn share(&self, cpu: &CpuSummary) -> Share {
        Share::new(self.stalls.len(), cpu, self.harmless)
    }

    /// Name and deed, with how many threads, processes and files it stands for.
    pub(in crate::render) fn words(&self) -> Text {
        let worst = match self.culprit() {
            Culprit::Task(worst) => worst,
            Culprit::Several { tasks } => return self.several(tasks),
            other => return words::culprit(other),
        };
        let tasks = || {
            self.groups.iter().filter_map(|g| match &g.culprit {
                Culprit::Task(t) => Some(t),
                _ => None,
            })
        };
        let pids: BTreeSet<_> = tasks().map(|t| t.tgid).collect();
        let tids: BTreeSet<_> = tasks().map(|t| (t.tid, t.start)).collect();
        let files: BTreeSet<_> = tasks().filter_map(|t| t.file.as_ref()).collect();
        let text = Text::new();
        let text = match (pids.len(), tids.len()) {
            (1, 1) => text.accent(&words::task(worst)),
            (1, n) => text
                .accent(&words::who(&worst.comm, worst.tgid, Tid(worst.tgid.0)))
                .plain(&format!(" ({})", plural(n, "thread"))),
            (n, _) => text
                .accent(&words::task(worst))
                .plain(&format!(" (one of {} processes)", count(n as u64))),
        };
        let doing = words::doing(worst);
        let text = if doing.is_empty() { text } else { text.plain("  ").plain(&doing) };
        match files.len() {
            0 | 1 => text,
            n => text.plain(&format!(" and {}", plural(n - 1, "other file"))),
        }
    }

    /// Those who shared the longest stall, and how many others shared the rest.
    fn several(&self, worst: &[String]) -> Text {
        let all = self.groups.iter().filter_map(|g| match &g.culprit {
            Culprit::Several { tasks } => Some(tasks),
            _ => None,
        });
        let others: BTreeSet<_> = all.flatten().filter(|t| !worst.contains(t)).collect();
        let text = words::culprit(self.culprit());
        match others.len() {
            0 => text,
            n => text.plain(&format!(" and {}", plural(n, "other"))),
        }
    }

    /// What it did to the CPU: `held CPU 11 with interrupts off, median 140 ms`.
    pub(in crate::render) fn deed(&self, f: &Findings, cpu: Cpu) -> String {
        let cause = self.causes.first().map_or(Cause::Unexplained, |&(cause, _)| cause);
        let several = self.causes.len() > 1;
        let deed =
            words::deed(self.culprit(), if several { Cause::Unexplained } else { cause }, cpu);
        let length = match self.stalls.as_slice() {
            [one] if deed.is_empty() => format!(", {}", time(one.duration)),
            [one] => format!(" for {}", time(one.duration)),
            _ => format!(", median\u{a0}{}", time(self.median)),
        };
        let mut words = if deed.is_empty() { length } else { format!("  {deed}{length}") };
        if several {
            let each = |(cause, n): &(Cause, usize)| {
                format!("{} {}", count(*n as u64), cause.how())
            };
            words += ": ";
            words += &self.causes.iter().map(each).collect::<Vec<_>>().join(", ");
        }
        if f.host.no_steal_time && self.causes.iter().any(|&(cause, _)| cause == Cause::IrqsOff) {
            words += ", or the hypervisor, which reports no steal time";
        }
        words
    }

    /// What the verdict on the longest stall rests on, unless the culprit's name says it.
    pub(in crate::render) fn evidence(&self) -> Option<&str> {
        let words = self.stalls.first().map(|s| s.evidence.words.as_str())?;
        let said =
            matches!(self.culprit(), Culprit::Unknown { why } if words.contains(why.as_str()));
        (!words.is_empty() && !said).then_some(words)
    }

    /// Whether memory cgroups' statistics are what it was at.
    pub(in crate::render) fn at_memcgs(&self) -> bool {
        let in_stack = self.stack().iter().any(|s| s.contains("rstat_flush"));
        let in_file = match self.culprit() {
            Culprit::Task(t) => t.file.as_ref().is_some_and(|f| f.contains("/memory.")),
            _ => false,
        };
        in_stack || in_file
    }
}
