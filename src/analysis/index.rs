//! A recording by CPU and time, with each stack looked at once: no question to it goes through all
//! events, so that neither a long recording nor a hostile one keeps the analysis busy for minutes.

use std::collections::BTreeMap;

use super::stacks::StackFacts;
use crate::model::*;
use crate::units::{Cpu, Ktime, Nanos};

/// An event of a CPU at a moment.
pub trait Timed {
    fn cpu(&self) -> Cpu;
    fn time(&self) -> Ktime;
}

macro_rules! timed {
    ($($event:ident)*) => { $(
        impl Timed for $event {
            fn cpu(&self) -> Cpu {
                self.cpu
            }

            fn time(&self) -> Ktime {
                self.time
            }
        }
    )* };
}
timed!(Sample SoftirqDelay SoftirqRun Handoff Runner HardIrq Steal);

/// Events of one table by CPU, in order of time.
pub struct ByCpu<'r, T>(BTreeMap<Cpu, Vec<&'r T>>);

impl<'r, T: Timed> ByCpu<'r, T> {
    fn new(events: &'r [T]) -> ByCpu<'r, T> {
        let mut by: BTreeMap<Cpu, Vec<&T>> = BTreeMap::new();
        for event in events {
            by.entry(event.cpu()).or_default().push(event);
        }
        ByCpu(by)
    }

    /// All of a CPU.
    pub fn of(&self, cpu: Cpu) -> &[&'r T] {
        self.0.get(&cpu).map_or(&[], Vec::as_slice)
    }

    /// Those of a CPU after `start` and up to `end`.
    pub fn between(&self, cpu: Cpu, start: Ktime, end: Ktime) -> &[&'r T] {
        let all = self.of(cpu);
        let from = all.partition_point(|e| e.time() <= start);
        let to = all.partition_point(|e| e.time() <= end);
        all.get(from..to).unwrap_or_default()
    }

    /// Those of a CPU at one moment.
    pub fn at(&self, cpu: Cpu, time: Ktime) -> &[&'r T] {
        let all = self.of(cpu);
        let from = all.partition_point(|e| e.time() < time);
        let to = all.partition_point(|e| e.time() <= time);
        all.get(from..to).unwrap_or_default()
    }

    /// The first one of a CPU after a moment.
    pub fn after(&self, cpu: Cpu, time: Ktime) -> Option<&'r T> {
        let all = self.of(cpu);
        all.get(all.partition_point(|e| e.time() <= time)).copied()
    }
}

/// The events that the analysis asks for by CPU and time.
pub struct Index<'r> {
    /// What it indexes.
    pub recording: &'r Recording,
    pub samples: ByCpu<'r, Sample>,
    pub delays: ByCpu<'r, SoftirqDelay>,
    pub runs: ByCpu<'r, SoftirqRun>,
    pub handoffs: ByCpu<'r, Handoff>,
    pub runners: ByCpu<'r, Runner>,
    pub hardirqs: ByCpu<'r, HardIrq>,
    steal: ByCpu<'r, Steal>,
    calls: BTreeMap<TaskId, Vec<&'r SyscallSlow>>,
    stacks: Vec<StackFacts>,
    none: StackFacts,
}

impl<'r> Index<'r> {
    pub fn new(r: &'r Recording) -> Index<'r> {
        let mut calls: BTreeMap<TaskId, Vec<&SyscallSlow>> = BTreeMap::new();
        for call in &r.syscalls {
            calls.entry(call.task).or_default().push(call);
        }
        let facts = |n| StackFacts::of(r.functions(StackId(n as u32)));
        Index {
            recording: r,
            samples: ByCpu::new(&r.samples),
            delays: ByCpu::new(&r.delays),
            runs: ByCpu::new(&r.runs),
            handoffs: ByCpu::new(&r.handoffs),
            runners: ByCpu::new(&r.runners),
            hardirqs: ByCpu::new(&r.hardirqs),
            steal: ByCpu::new(&r.steal),
            calls,
            stacks: (0..r.stacks.len()).map(facts).collect(),
            none: StackFacts::default(),
        }
    }

    /// The CPUs that the recording speaks of, in order: those asked for, and any with an event.
    pub fn cpus(&self) -> Vec<Cpu> {
        let mut cpus: Vec<Cpu> = self.recording.meta.cpus.iter().map(|c| Cpu(*c)).collect();
        cpus.extend(self.samples.0.keys());
        cpus.extend(self.delays.0.keys());
        cpus.extend(self.handoffs.0.keys());
        cpus.extend(self.runs.0.keys());
        cpus.extend(self.hardirqs.0.keys());
        cpus.sort_unstable();
        cpus.dedup();
        cpus
    }

    /// What a kernel stack tells.
    pub fn facts(&self, stack: StackId) -> &StackFacts {
        self.stacks.get(stack.0 as usize).unwrap_or(&self.none)
    }

    /// The slow call that a task was in at a moment: the first one to return after it.
    pub fn call_at(&self, task: TaskId, at: Ktime) -> Option<&'r SyscallSlow> {
        let calls = self.calls.get(&task)?;
        let call = calls.get(calls.partition_point(|c| c.time < at))?;
        (call.time.before(call.duration) <= at).then_some(call)
    }

    /// Steal time counted between the last reading before `start` and the first one after
    /// `end`; none where it was not read around.
    pub fn stolen(&self, cpu: Cpu, start: Ktime, end: Ktime) -> Option<Nanos> {
        let readings = self.steal.of(cpu);
        let before = readings.partition_point(|r| r.time <= start).checked_sub(1)?;
        let after = readings.partition_point(|r| r.time < end);
        let (before, after) = (readings.get(before)?, readings.get(after)?);
        Some(Nanos(after.total.0.saturating_sub(before.total.0)))
    }
}
