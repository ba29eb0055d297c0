//! Samples to folded lines. Samples are counted by the numbers of what they refer to, and only
//! distinct ones become strings: a million samples hold a few thousand.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use super::super::{calls, escape};
use crate::analysis::outside_calls;
use crate::analysis::stacks::StackFacts;
use crate::model::{FrameId, Recording, Sample, StackId, StrId, TaskId, Vector};
use crate::units::Cpu;

/// Columns that a frame may have: symbols of templates run to kilobytes.
const FRAME: usize = 200;

/// User frames drawn from each end of a deeper stack: the kernel's part is what a stall is about,
/// and a recursion of a hundred frames would make it a thin line at the foot of an empty page.
const USER_END: usize = 12;

/// What makes two samples the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    cpu: Cpu,
    task: TaskId,
    call: u32,
    file: StrId,
    kernel: StackId,
    user: StackId,
    /// Innermost kernel frames left out.
    skip: usize,
    /// Draw only the softirq handler, not whom it interrupted.
    softirq: Option<Vector>,
    user_mode: bool,
}

pub(super) struct Folder<'a> {
    r: &'a Recording,
    counts: HashMap<Key, u64>,
    named: Vec<(Cpu, String, u64)>,
}

impl<'a> Folder<'a> {
    pub(super) fn new(r: &'a Recording) -> Folder<'a> {
        Folder { r, counts: HashMap::new(), named: Vec::new() }
    }

    pub(super) fn add(&mut self, s: &Sample, weight: u64, skip: usize) {
        let key = Key {
            cpu: s.cpu,
            task: s.task,
            call: s.syscall.nr_plus_1,
            file: s.syscall.file,
            kernel: s.kernel_stack,
            user: s.user_stack,
            skip,
            softirq: None,
            user_mode: s.user_mode,
        };
        self.count(key, weight);
    }

    /// A sample in a softirq handler that held the CPU: whom it interrupted is left out.
    pub(super) fn add_softirq(&mut self, s: &Sample, weight: u64) {
        let facts = StackFacts::of(self.r.functions(s.kernel_stack));
        let Some((vector, depth)) = facts.softirq else { return self.add(s, weight, 0) };
        let key = Key {
            cpu: s.cpu,
            task: TaskId::NONE,
            call: 0,
            file: StrId::NONE,
            kernel: s.kernel_stack,
            user: StackId::NONE,
            skip: depth,
            softirq: Some(vector),
            user_mode: false,
        };
        self.count(key, weight);
    }

    fn count(&mut self, key: Key, weight: u64) {
        let count = self.counts.entry(key).or_default();
        *count = count.saturating_add(weight);
    }

    /// Time of a CPU that no stack stands for.
    pub(super) fn add_named(&mut self, cpu: Cpu, name: String, weight: u64) {
        self.named.push((cpu, name, weight));
    }

    /// Lines in the order of their text, each once.
    pub(super) fn lines(self) -> Vec<(String, u64)> {
        let mut names = Names { r: self.r, frames: HashMap::new(), tasks: HashMap::new() };
        let mut lines: BTreeMap<String, u64> = BTreeMap::new();
        let stacks = self.counts.iter().map(|(key, weight)| (names.line(key), *weight));
        let named =
            self.named.iter().map(|(cpu, name, n)| (format!("CPU {cpu};{}", bounded(name)), *n));
        for (line, weight) in stacks.chain(named) {
            let count = lines.entry(line).or_default();
            *count = count.saturating_add(weight);
        }
        lines.into_iter().collect()
    }
}

/// Frames as text, each made once.
struct Names<'a> {
    r: &'a Recording,
    frames: HashMap<FrameId, String>,
    tasks: HashMap<TaskId, String>,
}

impl Names<'_> {
    fn line(&mut self, key: &Key) -> String {
        let r = self.r;
        let mut line = format!("CPU {};", key.cpu);
        if let Some(vector) = key.softirq {
            line += &format!("[softirq {vector}]");
            for &frame in r.stack(key.kernel).iter().take(key.skip).rev() {
                self.push(&mut line, frame);
            }
            return line;
        }
        line += self.tasks.entry(key.task).or_insert_with(|| task(r, key.task));
        // Of who came into the kernel by no call, the user's side is that of its creator.
        let outside = outside_calls(r, key.task, key.kernel);
        let user = if outside { &[] } else { r.stack(key.user) };
        let left_out = USER_END..user.len().saturating_sub(USER_END).max(USER_END);
        for (n, &frame) in user.iter().rev().enumerate() {
            if !left_out.contains(&n) {
                self.push(&mut line, frame);
            } else if n == left_out.start {
                line += &format!(";[{} more frames]", left_out.len());
            }
        }
        if let Some(call) = calls::name(r, key.call).filter(|_| !outside) {
            line.push(';');
            line += &escape::frame(&call);
            match r.str(key.file) {
                "" => {}
                // Writing to a String cannot fail.
                file => drop(write!(line, " {}", bounded(file))),
            }
        }
        let kernel = r.stack(key.kernel);
        for &frame in kernel[..].iter().rev().take(kernel.len().saturating_sub(key.skip)) {
            self.push(&mut line, frame);
        }
        // The last frame has to be a place: a line that ends with a name says nothing, and one
        // that ends with a number would be misread.
        if key.user_mode && r.stack(key.user).is_empty() {
            line += ";[user mode]";
        } else if !key.user_mode && kernel.is_empty() {
            line += ";[no kernel stack]";
        }
        line
    }

    fn push(&mut self, line: &mut String, id: FrameId) {
        let r = self.r;
        line.push(';');
        *line += self.frames.entry(id).or_insert_with(|| function(r, id));
    }
}

fn bounded(name: &str) -> String {
    escape::frame(&escape::bounded(name, FRAME)).into_owned()
}

/// A function's name; kernel functions are marked, and only they.
fn function(r: &Recording, id: FrameId) -> String {
    let frame = r.frame(id);
    let name = match (r.str(frame.function), r.str(frame.module)) {
        ("", "") => "[unknown]".to_owned(),
        ("", module) => format!("[{}]", bounded(module.rsplit('/').next().unwrap_or(module))),
        (name, _) => bounded(name),
    };
    match frame.kernel {
        true => name + "_[k]",
        false => name.replace("_[k]", "_(k)"),
    }
}

/// A task by name, not by number: the threads of a pool and short-lived children add up.
pub(in crate::render) fn task(r: &Recording, id: TaskId) -> String {
    let task = r.task(id);
    if !id.is_some() {
        return "unknown task".to_owned();
    }
    if task.tid.0 == 0 {
        return "idle".to_owned();
    }
    match (r.str(task.process), r.str(task.comm)) {
        ("", "") => "unknown task".to_owned(),
        ("", comm) => bounded(comm),
        (process, comm) if comm == process || comm.is_empty() => bounded(process),
        (process, comm) => format!("{} ({})", bounded(process), bounded(comm)),
    }
}
