//! Samples to folded lines. Samples are counted by the numbers of what they refer to, and only
//! distinct ones become strings: a million samples hold a few thousand.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::rc::Rc;

use super::super::{calls, escape};
use super::share::{On, Share};
use crate::analysis::{Alike, outside_calls};
use crate::model::{FrameId, Recording, Sample, StackId, StrId, TaskId, Vector};
use crate::units::Cpu;

/// Columns that a frame may have: symbols of templates run to kilobytes.
const FRAME: usize = 200;

/// User frames drawn from each end of a deeper stack: the kernel's part is what a stall is about,
/// and a recursion of a hundred frames would make it a thin line at the foot of an empty page.
const USER_END: usize = 12;

/// Bytes of the lines of a graph; about. Beyond these the rarest stacks are added up by CPU and task.
const LINES: usize = 24 << 20;
/// Bytes of lines that are kept to be known again.
const KNOWN: usize = 32 << 20;

/// What makes two samples the same: names and stacks are the first of those that are drawn alike.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// The frame of its call bears the mark [`APART`].
    apart: bool,
}

/// In the order of time two calls that follow each other are drawn as two: the frame of one of them
/// ends with this. No name holds it: [`escape`] writes it out.
pub(super) const APART: char = '\u{2060}';

/// Names and stacks that are drawn alike, as one.
struct Same<'a> {
    stacks: Alike<'a>,
    /// For each task the first one drawn alike; none where nobody asked yet.
    tasks: Vec<TaskId>,
    drawn: HashMap<(StrId, StrId, bool, bool), TaskId>,
}

impl<'a> Same<'a> {
    fn new(r: &'a Recording) -> Same<'a> {
        let tasks = vec![TaskId::NONE; r.tasks.len()];
        Same { stacks: Alike::new(r), tasks, drawn: HashMap::new() }
    }

    /// A script may start thousands of processes of one name.
    fn task(&mut self, r: &Recording, id: TaskId) -> TaskId {
        match self.tasks.get(id.0 as usize) {
            Some(&known) if known.is_some() => known,
            Some(_) if id.is_some() => {
                let task = r.task(id);
                let drawn = (task.process, task.comm, task.kthread, task.tid.0 == 0);
                let first = *self.drawn.entry(drawn).or_insert(id);
                self.tasks[id.0 as usize] = first;
                first
            }
            _ => id,
        }
    }

    /// None for time that no stack stands for.
    fn key(&mut self, r: &Recording, s: &Sample, on: &On) -> Option<Key> {
        match *on {
            On::Stack { skip } => Some(Key {
                cpu: s.cpu,
                task: self.task(r, s.task),
                call: s.syscall.nr_plus_1,
                file: s.syscall.file,
                kernel: self.stacks.of(s.kernel_stack),
                user: self.stacks.of(s.user_stack),
                skip,
                softirq: None,
                user_mode: s.user_mode,
                apart: false,
            }),
            On::Softirq { vector, depth } => Some(Key {
                cpu: s.cpu,
                task: TaskId::NONE,
                call: 0,
                file: StrId::NONE,
                kernel: self.stacks.of(s.kernel_stack),
                user: StackId::NONE,
                skip: depth,
                softirq: Some(vector),
                user_mode: false,
                apart: false,
            }),
            On::Named(_) => None,
        }
    }
}

/// Samples that make a graph.
#[derive(Default)]
pub(super) struct Counts {
    counts: HashMap<Key, u64>,
    named: Vec<(Cpu, String, u64)>,
}

/// Folds samples; looks at each stack once, for however many graphs.
pub(super) struct Folder<'a> {
    same: Same<'a>,
    names: Names<'a>,
}

impl<'a> Folder<'a> {
    pub(super) fn new(r: &'a Recording) -> Folder<'a> {
        Folder { same: Same::new(r), names: Names::new(r) }
    }

    pub(super) fn add(&mut self, to: &mut Counts, s: &Sample, share: &Share) {
        match (self.same.key(self.names.r, s, &share.on), &share.on) {
            (None, On::Named(name)) => to.named.push((s.cpu, name.clone(), share.weight)),
            (None, _) => {}
            (Some(key), _) => {
                let count = to.counts.entry(key).or_default();
                *count = count.saturating_add(share.weight);
            }
        }
    }

    /// Lines in the order of their text, each once.
    pub(super) fn lines(&mut self, of: &Counts) -> Vec<(String, u64)> {
        let mut lines: BTreeMap<String, u64> = BTreeMap::new();
        let mut stacks: Vec<(&Key, u64)> = of.counts.iter().map(|(key, n)| (key, *n)).collect();
        stacks.sort_unstable_by_key(|&(key, weight)| (Reverse(weight), key));
        let mut room = LINES;
        let stacks = stacks.into_iter().map(|(key, weight)| {
            let line = if room > 0 { self.names.line(key) } else { self.names.other(key) };
            room = room.saturating_sub(line.len());
            (line, weight)
        });
        let named = of.named.iter().map(|(cpu, name, n)| (named(*cpu, name), *n));
        for (line, weight) in stacks.chain(named) {
            let count = lines.entry(line).or_default();
            *count = count.saturating_add(weight);
        }
        lines.into_iter().collect()
    }
}

/// Samples as lines in the order they come, equal neighbours as one.
pub(super) struct InOrder<'a> {
    names: Names<'a>,
    same: Same<'a>,
    known: HashMap<Key, Rc<str>>,
    /// Bytes of these.
    held: usize,
    current: Option<(Rc<str>, u64)>,
}

impl<'a> InOrder<'a> {
    pub(super) fn new(r: &'a Recording) -> InOrder<'a> {
        let (names, same) = (Names::new(r), Same::new(r));
        InOrder { names, same, known: HashMap::new(), held: 0, current: None }
    }

    /// The line of a sample; its call bears the mark [`APART`] or not.
    pub(super) fn line(&mut self, s: &Sample, on: &On, apart: bool) -> Option<Rc<str>> {
        let key = self.same.key(self.names.r, s, on).map(|key| Key { apart, ..key });
        match (key, on) {
            (Some(key), _) => match self.known.get(&key) {
                Some(line) => Some(line.clone()),
                None => {
                    let line: Rc<str> = self.names.line(&key).into();
                    if self.held > KNOWN {
                        (self.known, self.held) = (HashMap::new(), 0);
                    }
                    self.held += line.len();
                    self.known.insert(key, line.clone());
                    Some(line)
                }
            },
            (None, On::Named(name)) => Some(named(s.cpu, name).into()),
            (None, _) => None,
        }
    }

    /// Takes a sample; gives the line before it if that is another one.
    pub(super) fn next(&mut self, s: &Sample, share: Share) -> Option<(Rc<str>, u64)> {
        let line = self.line(s, &share.on, false)?;
        match &mut self.current {
            Some((last, weight)) if *last == line => {
                *weight = weight.saturating_add(share.weight);
                None
            }
            current => current.replace((line, share.weight)),
        }
    }

    /// The line that is left.
    pub(super) fn last(self) -> Option<(Rc<str>, u64)> {
        self.current
    }
}

/// Time of a CPU that no stack stands for.
fn named(cpu: Cpu, name: &str) -> String {
    format!("CPU {cpu};{}", bounded(name))
}

/// Frames as text, each made once.
struct Names<'a> {
    r: &'a Recording,
    frames: HashMap<FrameId, String>,
    tasks: HashMap<TaskId, String>,
}

impl<'a> Names<'a> {
    fn new(r: &'a Recording) -> Names<'a> {
        Names { r, frames: HashMap::new(), tasks: HashMap::new() }
    }

    /// The line of those for whose stacks there is no room.
    fn other(&mut self, key: &Key) -> String {
        let r = self.r;
        let who = match key.softirq {
            Some(vector) => format!("[softirq {vector}]"),
            None => self.tasks.entry(key.task).or_insert_with(|| task(r, key.task)).clone(),
        };
        format!("CPU {};{who};[other stacks]", key.cpu)
    }

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
            line.extend(key.apart.then_some(APART));
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
pub(crate) fn task(r: &Recording, id: TaskId) -> String {
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
