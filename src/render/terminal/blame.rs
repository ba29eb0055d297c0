//! Who is to blame for the stalls of one CPU, in words.

use std::sync::Arc;

use super::super::ink::Text;
use super::super::text::{count, plural, time};
use super::super::words;
use crate::model::findings::*;
use crate::units::{Cpu, Tid};

/// Culprits of one CPU that are told one by one.
pub(in crate::render) const CULPRITS: usize = 5;

/// A culprit of a CPU, with what it refers to.
pub(in crate::render) struct Blame<'a> {
    pub(in crate::render) told: &'a CpuCulprit,
    /// The longest first; never empty.
    pub(in crate::render) stalls: Vec<&'a Stall>,
    /// Never empty.
    groups: Vec<&'a CulpritGroup>,
}

/// The culprits of a CPU in the order of the findings; but whoever made the longest stall is among
/// those that are told one by one, however short the others.
pub(in crate::render) fn of<'a>(f: &'a Findings, cpu: &'a CpuSummary) -> Vec<Blame<'a>> {
    let group = |number: &usize| f.culprits.get(number.checked_sub(1)?);
    let blame = |told: &'a CpuCulprit| Blame {
        told,
        stalls: told.stalls.iter().filter_map(|id| f.stall(*id)).collect(),
        groups: told.groups.iter().filter_map(group).collect(),
    };
    let whole = |b: &Blame<'_>| !b.stalls.is_empty() && !b.groups.is_empty();
    let mut all: Vec<Blame<'a>> = cpu.culprits.iter().map(blame).filter(whole).collect();
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
        let told = told
            .iter()
            .filter(|b| b.told.served_meanwhile == harmless)
            .map(|b| b.stalls.len())
            .sum();
        let all = Share::new(0, cpu, harmless).of;
        let share = Share::new(all.saturating_sub(told), cpu, harmless);
        let by = match others.iter().filter(|b| b.told.served_meanwhile == harmless).count() {
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
        Share::new(self.stalls.len(), cpu, self.told.served_meanwhile)
    }

    /// Name and deed, with how many threads, processes and files it stands for.
    pub(in crate::render) fn words(&self) -> Text {
        let worst = match self.culprit() {
            Culprit::Task(worst) => worst,
            Culprit::Several { .. } => return self.several(),
            other => return words::culprit(other),
        };
        let text = Text::new();
        let text = match (self.told.processes, self.told.threads) {
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
        match self.told.files {
            0 | 1 => text,
            n => text.plain(&format!(" and {}", plural(n - 1, "other file"))),
        }
    }

    /// Those who shared the longest stall, and how many others shared the rest.
    fn several(&self) -> Text {
        let text = words::culprit(self.culprit());
        match self.told.others {
            0 => text,
            n => text.plain(&format!(" and {}", plural(n, "other"))),
        }
    }

    /// What it did to the CPU: `held CPU 11 with interrupts off, median 140 ms, worst
    /// 187 ms`.
    pub(in crate::render) fn deed(&self, f: &Findings, cpu: Cpu) -> String {
        let causes = &self.told.causes;
        let cause = causes.first().map_or(Cause::Unexplained, |first| first.cause);
        let several = causes.len() > 1;
        let deed =
            words::deed(self.culprit(), if several { Cause::Unexplained } else { cause }, cpu);
        let length = match self.stalls.as_slice() {
            [one] if deed.is_empty() => format!(", {}", time(one.duration)),
            [one] => format!(" for {}", time(one.duration)),
            [worst, ..] => {
                let (median, worst) = (time(self.told.median), time(worst.duration));
                format!(", median\u{a0}{median}, worst\u{a0}{worst}")
            }
            [] => String::new(),
        };
        let mut words = if deed.is_empty() { length } else { format!("  {deed}{length}") };
        if several {
            let each = |c: &CauseCount| format!("{} {}", count(c.stalls as u64), c.cause.how());
            words += ": ";
            words += &causes.iter().map(each).collect::<Vec<_>>().join(", ");
        }
        if f.host.no_steal_time && causes.iter().any(|c| c.cause == Cause::IrqsOff) {
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
}
