//! Stacks of samples. Each name, frame and stack is written once, with the first sample that has
//! it, and by its number from then on.

use std::collections::{BTreeMap, HashSet};

use super::super::proto::perfetto::*;
use crate::analysis::outside_calls;
use crate::model::{FrameId, Recording, Sample, StackId};
use crate::render::escape;

/// Columns of a function's name.
const NAME: usize = 1024;

/// The number of the frame that stands for a stack that was not taken.
const NO_STACK: u64 = u64::MAX;

pub struct Interner<'r> {
    r: &'r Recording,
    frames: HashSet<FrameId>,
    stacks: BTreeMap<(StackId, StackId), u64>,
    mappings: BTreeMap<&'r str, u64>,
    no_stack: bool,
}

impl<'r> Interner<'r> {
    pub fn new(r: &'r Recording) -> Interner<'r> {
        Interner {
            r,
            frames: HashSet::new(),
            stacks: BTreeMap::new(),
            mappings: BTreeMap::new(),
            no_stack: false,
        }
    }

    /// The number of a sample's stack, and what is new of it.
    pub fn callstack(&mut self, s: &Sample) -> (u64, Option<InternedData>) {
        // Of who came into the kernel by no call, the user's side is that of its creator.
        let outside = outside_calls(self.r, s.task, s.kernel_stack);
        let user = if outside { StackId::NONE } else { s.user_stack };
        let key = (s.kernel_stack, user);
        if let Some(&known) = self.stacks.get(&key) {
            return (known, None);
        }
        let iid = self.stacks.len() as u64 + 1;
        self.stacks.insert(key, iid);
        let mut new = InternedData::default();
        let (kernel, user) = (self.r.stack(s.kernel_stack), self.r.stack(user));
        // Perfetto's stacks begin with the outermost function.
        let outermost_first = user.iter().rev().chain(kernel.iter().rev());
        let mut frame_ids: Vec<u64> =
            outermost_first.map(|&frame| self.frame(frame, &mut new)).collect();
        if frame_ids.is_empty() {
            frame_ids.push(self.no_stack(&mut new));
        }
        new.callstacks.push(Callstack { iid, frame_ids });
        (iid, Some(new))
    }

    fn frame(&mut self, id: FrameId, new: &mut InternedData) -> u64 {
        let iid = u64::from(id.0) + 1;
        if !self.frames.insert(id) {
            return iid;
        }
        let r = self.r;
        let frame = r.frame(id);
        let module = match r.str(frame.module) {
            "" if frame.kernel => "[kernel]",
            "" => "[unknown]",
            module => module,
        };
        let mapping_id = self.mapping(module, new);
        let name = match r.str(frame.function) {
            "" if frame.offset == 0 => "[unknown]",
            name => name,
        };
        if !name.is_empty() {
            let str = escape::bounded(name, NAME).into_owned().into_bytes();
            new.function_names.push(InternedString { iid, str });
        }
        let function_name_id = if name.is_empty() { 0 } else { iid };
        new.frames.push(Frame { iid, function_name_id, mapping_id, rel_pc: frame.offset });
        iid
    }

    fn no_stack(&mut self, new: &mut InternedData) -> u64 {
        if !self.no_stack {
            self.no_stack = true;
            let mapping_id = self.mapping("[unknown]", new);
            let str = b"[no stack]".to_vec();
            new.function_names.push(InternedString { iid: NO_STACK, str });
            let frame = Frame { iid: NO_STACK, function_name_id: NO_STACK, mapping_id, rel_pc: 0 };
            new.frames.push(frame);
        }
        NO_STACK
    }

    fn mapping(&mut self, name: &'r str, new: &mut InternedData) -> u64 {
        if let Some(&known) = self.mappings.get(name) {
            return known;
        }
        let iid = self.mappings.len() as u64 + 1;
        self.mappings.insert(name, iid);
        let str = escape::bounded(name, NAME).into_owned().into_bytes();
        new.mapping_paths.push(InternedString { iid, str });
        new.mappings.push(Mapping { iid, path_string_ids: vec![iid] });
        iid
    }
}
