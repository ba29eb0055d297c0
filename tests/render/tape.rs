//! A recording put together by names.

use stallprof::model::*;
use stallprof::units::{Cpu, Ktime, Nanos, Tgid, Tid};

pub const START: Ktime = Ktime(5_000_000_000_000);
pub const PERIOD: Nanos = Nanos::from_millis(1);

/// A moment so many milliseconds after the recording's start.
pub fn at(ms: f64) -> Ktime {
    Ktime(START.0 + (ms * 1e6) as u64)
}

pub struct Tape(pub Recording);

impl Tape {
    pub fn new() -> Tape {
        let mut r = Recording::default();
        r.strings.push(String::new());
        r.tasks.push(Task::default());
        r.frames.push(Frame::default());
        r.stacks.push(Stack::default());
        Tape(r)
    }

    pub fn str(&mut self, s: &str) -> StrId {
        let strings = &mut self.0.strings;
        let found = strings.iter().position(|known| known == s);
        StrId(found.unwrap_or_else(|| {
            strings.push(s.to_owned());
            strings.len() - 1
        }) as u32)
    }

    pub fn task(&mut self, comm: &str, tgid: u32, tid: u32) -> TaskId {
        let comm = self.str(comm);
        let start = Ktime(u64::from(tid) * 1_000_000);
        let task = Task { tid: Tid(tid), tgid: Tgid(tgid), start, comm, ..Task::default() };
        let found = self.0.tasks.iter().skip(1).position(|known| *known == task);
        TaskId(found.map_or_else(
            || {
                self.0.tasks.push(task);
                self.0.tasks.len() as u32 - 1
            },
            |at| at as u32 + 1,
        ))
    }

    /// A stack, innermost first.
    pub fn stack(&mut self, functions: &[&str], kernel: bool) -> StackId {
        let mut frames = Vec::new();
        for name in functions {
            let frame = Frame { function: self.str(name), kernel, ..Frame::default() };
            self.0.frames.push(frame);
            frames.push(FrameId(self.0.frames.len() as u32 - 1));
        }
        self.0.stacks.push(Stack(frames));
        StackId(self.0.stacks.len() as u32 - 1)
    }

    pub fn sample(&mut self, ms: f64, cpu: u32, like: Sample) {
        self.0.samples.push(Sample { time: at(ms), cpu: Cpu(cpu), ..like });
    }
}
