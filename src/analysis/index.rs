//! A recording by CPU and time, with each stack looked at once: no question to it goes through all
//! events, so that neither a long recording nor a hostile one keeps the analysis busy for minutes.

use std::collections::{BTreeMap, HashMap};

use super::alike::Alike;
use super::paths;
use super::stacks::StackFacts;
use crate::model::*;
use crate::units::{Cpu, Ktime, Tgid, Tid};

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
    fn new(events: impl IntoIterator<Item = &'r T>) -> ByCpu<'r, T> {
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
    /// Those that end an interrupt gap.
    pub gaps: ByCpu<'r, Sample>,
    /// Those that tell what was stolen.
    pub told: ByCpu<'r, Sample>,
    pub delays: ByCpu<'r, SoftirqDelay>,
    pub runs: ByCpu<'r, SoftirqRun>,
    pub handoffs: ByCpu<'r, Handoff>,
    pub runners: ByCpu<'r, Runner>,
    pub hardirqs: ByCpu<'r, HardIrq>,
    pub steal: ByCpu<'r, Steal>,
    calls: BTreeMap<TaskId, Vec<&'r SyscallSlow>>,
    file_calls: BTreeMap<(Ktime, Cpu), &'r FileCall>,
    threads: Vec<TaskId>,
    /// For each stack the number of its facts; 0 for those that are empty, and for stacks of users.
    numbers: Vec<u32>,
    facts: Vec<StackFacts>,
}

impl<'r> Index<'r> {
    pub fn new(r: &'r Recording) -> Index<'r> {
        let (numbers, facts) = facts(r);
        let gaps = ByCpu::new(r.samples.iter().filter(|s| s.gap.0 > 0));
        let told = ByCpu::new(r.samples.iter().filter(|s| s.stolen_over.0 > 0));
        let samples = ByCpu::new(&r.samples);
        Index { samples, gaps, told, numbers, facts, ..Index::without_samples(r) }
    }

    /// For who asks nothing about samples and stacks, of which there may be a million.
    pub fn without_samples(r: &'r Recording) -> Index<'r> {
        let threads = threads(&r.tasks);
        let mut calls: BTreeMap<TaskId, Vec<&SyscallSlow>> = BTreeMap::new();
        for call in &r.syscalls {
            calls.entry(first_of(&threads, call.task)).or_default().push(call);
        }
        Index {
            recording: r,
            samples: ByCpu::new(&[]),
            gaps: ByCpu::new(&[]),
            told: ByCpu::new(&[]),
            delays: ByCpu::new(&r.delays),
            runs: ByCpu::new(&r.runs),
            handoffs: ByCpu::new(&r.handoffs),
            runners: ByCpu::new(&r.runners),
            hardirqs: ByCpu::new(&r.hardirqs),
            steal: ByCpu::new(&r.steal),
            calls,
            file_calls: r.file_calls.iter().map(|f| ((f.time, f.cpu), f)).collect(),
            threads,
            numbers: Vec::new(),
            facts: vec![StackFacts::default()],
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

    /// The number that stands for a thread: tasks are numbered by name too, and a thread that
    /// renames itself (`prctl`, `execve`) has several.
    pub fn thread(&self, task: TaskId) -> TaskId {
        first_of(&self.threads, task)
    }

    /// What a kernel stack tells.
    pub fn facts(&self, stack: StackId) -> &StackFacts {
        let number = self.numbers.get(stack.0 as usize).copied().unwrap_or_default();
        &self.facts[number as usize]
    }

    /// The softirq in whose handler a tick fell, and how many innermost frames are the handler's. Both
    /// tasklet vectors have one function: which of them was entered last tells.
    pub fn softirq(&self, tick: &Sample) -> Option<(Vector, usize)> {
        let (vector, depth) = self.facts(tick.kernel_stack).softirq?;
        let high = tick.softirq_vector == Vector::HI && tick.since_softirq_entry.0 > 0;
        Some((if vector == Vector::TASKLET && high { Vector::HI } else { vector }, depth))
    }

    /// The slow call that a task was in at a moment: the first one to return after it.
    pub fn call_at(&self, task: TaskId, at: Ktime) -> Option<&'r SyscallSlow> {
        let calls = self.calls.get(&self.thread(task))?;
        let call = calls.get(calls.partition_point(|c| c.time < at))?;
        (call.time.before(call.duration) <= at).then_some(call)
    }

    /// Whether a slow call of a task began or returned between two moments.
    pub fn call_ends_between(&self, task: TaskId, from: Ktime, to: Ktime) -> bool {
        let calls = self.calls.get(&self.thread(task)).map_or(&[][..], Vec::as_slice);
        let Some(call) = calls.get(calls.partition_point(|c| c.time < from)) else { return false };
        let began = call.time.before(call.duration);
        call.time < to || (from < began && began <= to)
    }

    /// What more is known of a slow call of a file on cgroupfs or procfs.
    pub fn file_call(&self, call: &SyscallSlow) -> Option<&'r FileCall> {
        self.file_calls.get(&(call.time, call.cpu)).copied()
    }

    /// Where the file of a slow call is, of those file systems that are looked at more closely.
    pub fn filesystem(&self, call: &SyscallSlow) -> Filesystem {
        match self.recording.str(call.syscall.file) {
            // It has no name, or reads of it wait for news, which tells nothing of the kernel.
            "" | "/proc/kmsg" => Filesystem::Other,
            file => self.file_call(call).map_or_else(|| paths::filesystem(file), |f| f.filesystem),
        }
    }
}

/// For each task the first one that is the same thread. Idle tasks, one a CPU, are all number 0,
/// and so are tasks of which nothing is known: these are nobody but themselves.
fn threads(tasks: &[Task]) -> Vec<TaskId> {
    let mut first: HashMap<(Tid, Tgid, Ktime), TaskId> = HashMap::new();
    let one = |(n, task): (usize, &Task)| {
        let id = TaskId(n as u32);
        match task.tid {
            Tid(0) => id,
            _ => *first.entry((task.tid, task.tgid, task.start)).or_insert(id),
        }
    };
    tasks.iter().enumerate().map(one).collect()
}

/// The facts of kernel stacks, and for each stack the number of its own.
fn facts(r: &Recording) -> (Vec<u32>, Vec<StackFacts>) {
    let (mut numbers, mut facts) = (vec![0; r.stacks.len()], vec![StackFacts::default()]);
    let mut alike = Alike::new(r);
    let kernel = r.samples.iter().map(|s| s.kernel_stack);
    for stack in kernel.chain(r.delays.iter().map(|d| d.entry_stack)) {
        let first = alike.of(stack);
        let known = numbers.get(first.0 as usize).copied().unwrap_or_default();
        let number = match known {
            0 if first.is_some() => {
                facts.push(StackFacts::of(r.functions(first)));
                facts.len() as u32 - 1
            }
            known => known,
        };
        for id in [first, stack] {
            if let Some(place) = numbers.get_mut(id.0 as usize) {
                *place = number;
            }
        }
    }
    (numbers, facts)
}

fn first_of(threads: &[TaskId], task: TaskId) -> TaskId {
    threads.get(task.0 as usize).copied().unwrap_or(task)
}
