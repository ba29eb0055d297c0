//! How much the findings hold of stalls. Equal stacks and functions are held once; of more than
//! there is room for, those of the longest stalls.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use super::episode::Episode;
use super::parts::Part;
use crate::model::findings::{Cause, Culprit, Evidence, Functions, Stall, TaskCulprit};
use crate::model::{Recording, StrId};
use crate::units::Cpu;

/// Stalls that are told: more than a report of a large recording reads events for.
const STALLS: usize = 1 << 16;
/// Bytes for stacks. As many stalls take a third of it on a real kernel, were no two of their stacks
/// the same.
const STACKS: usize = 48 << 20;
/// Bytes for names and sentences, likewise.
const TEXTS: usize = 64 << 20;
/// Bytes that a stack or a name takes to be known again; about.
const KNOWN: usize = 64;

/// What is taken of it so far.
#[derive(Default)]
pub struct Room {
    names: HashMap<StrId, Arc<str>>,
    stacks: HashMap<Part, Functions>,
    /// Bytes of both, and of texts.
    of_stacks: usize,
    of_texts: usize,
    /// Stalls that are not told, without their stack, and without who did it.
    not_told: usize,
    no_stack: usize,
    no_culprit: usize,
}

impl Room {
    /// Leaves the worst stalls, in this order: first asked for, they have their texts.
    pub fn worst(&mut self, stalls: &mut Vec<(Cpu, Episode)>) {
        stalls.sort_by_key(|(_, episode)| Reverse(episode.primary().rank()));
        self.not_told = stalls.len().saturating_sub(STALLS);
        stalls.truncate(STALLS);
    }

    /// The functions of a stack; none where there is no room.
    pub fn stack(&mut self, r: &Recording, part: Part) -> Functions {
        if let Some(known) = self.stacks.get(&part) {
            return known.clone();
        }
        let frames = part.frames(r);
        self.of_stacks += frames.len() * size_of::<Arc<str>>() + KNOWN;
        let mut names = Vec::with_capacity(frames.len());
        for frame in frames {
            if self.of_stacks > STACKS {
                self.no_stack += 1;
                return Functions::default();
            }
            let name = self.names.entry(r.frame(*frame).function).or_insert_with(|| {
                let name = r.function(*frame);
                self.of_stacks += name.len() + KNOWN;
                name.into()
            });
            names.push(name.clone());
        }
        let functions: Functions = names.into();
        self.stacks.insert(part, functions.clone());
        functions
    }

    /// The same stall, or what there is room for.
    pub fn stall(&mut self, stall: Stall) -> Stall {
        self.of_texts += texts(&stall);
        if self.of_texts <= TEXTS {
            return stall;
        }
        self.no_culprit += 1;
        let samples = stall.evidence.samples;
        Stall {
            cause: Cause::Unexplained,
            culprit: Culprit::Unknown { why: "there was no room to tell".to_owned() },
            evidence: Evidence { samples, ..Evidence::default() },
            ..stall
        }
    }

    /// What a reader must know of it.
    pub fn notes(&self) -> Vec<String> {
        let told = [
            (self.not_told, "are left out, and counted nowhere"),
            (self.no_stack, "have no stack here"),
            (self.no_culprit, "are told without who did them"),
        ];
        let some = told.into_iter().filter(|(stalls, _)| *stalls > 0);
        let note = |(stalls, words)| {
            format!("There is no room for all of so many stalls: {stalls} of the shortest {words}.")
        };
        some.map(note).collect()
    }
}

/// Bytes of the texts of a stall besides its stack.
fn texts(stall: &Stall) -> usize {
    let some = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let culprit = match &stall.culprit {
        Culprit::Task(task) => of_task(task),
        Culprit::Softirq { function, .. } => some(function),
        Culprit::HardIrq { name, handler, .. } => some(name) + 2 * some(handler),
        Culprit::Hypervisor => 0,
        Culprit::Several { tasks } => tasks.iter().map(String::len).sum(),
        Culprit::Unknown { why } => why.len(),
    };
    culprit + stall.evidence.words.len() + some(&stall.evidence.function)
}

fn of_task(t: &TaskCulprit) -> usize {
    let some = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let workload = t
        .workload
        .iter()
        .flat_map(|w| [&w.runtime, &w.container, &w.pod, &w.pod_uid, &w.unit].map(some));
    let own = [&t.process, &t.cgroup, &t.syscall, &t.file, &t.work].map(some);
    t.comm.len() + own.into_iter().chain(workload).sum::<usize>()
}
