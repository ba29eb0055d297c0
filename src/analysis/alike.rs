//! Stacks that differ in nothing but the addresses within their functions, as one: each process has
//! addresses of its own, so that a script of many short ones makes a new stack with every tick.

use std::collections::HashMap;

use crate::model::{FrameId, Recording, StackId, StrId};

/// Finds for each stack the first one with the same functions, as they are asked for.
pub(crate) struct Alike<'r> {
    r: &'r Recording,
    /// For each frame the number of its function, and for each stack that of the first like it;
    /// 0 where nobody asked yet.
    frames: Vec<u32>,
    stacks: Vec<u32>,
    functions: HashMap<(StrId, StrId, bool), u32>,
    first: HashMap<Box<[u32]>, u32>,
    /// The stack that is being looked at.
    scratch: Vec<u32>,
}

impl<'r> Alike<'r> {
    /// None asked for yet.
    pub(crate) fn new(r: &'r Recording) -> Alike<'r> {
        Alike {
            r,
            frames: vec![0; r.frames.len()],
            stacks: vec![0; r.stacks.len()],
            functions: HashMap::new(),
            first: HashMap::new(),
            scratch: Vec::new(),
        }
    }

    /// The stack that stands for this one: as many frames of the same functions.
    pub(crate) fn of(&mut self, id: StackId) -> StackId {
        let known = self.stacks.get(id.0 as usize).copied();
        let frames = self.r.stack(id);
        match known {
            None => return StackId::NONE,
            Some(_) if frames.is_empty() => return StackId::NONE,
            Some(0) => {}
            Some(first) => return StackId(first),
        }
        self.scratch.clear();
        for &frame in frames {
            let number = self.function(frame);
            self.scratch.push(number);
        }
        let first = match self.first.get(&self.scratch[..]) {
            Some(&first) => first,
            None => {
                self.first.insert(self.scratch[..].into(), id.0);
                id.0
            }
        };
        self.stacks[id.0 as usize] = first;
        StackId(first)
    }

    fn function(&mut self, id: FrameId) -> u32 {
        if let Some(&known) = self.frames.get(id.0 as usize).filter(|&&known| known > 0) {
            return known;
        }
        let frame = self.r.frame(id);
        // Where there is no function, the file that it is in is what is shown.
        let file = if frame.function.is_some() { StrId::NONE } else { frame.module };
        let next = self.functions.len() as u32 + 1;
        let number = *self.functions.entry((frame.function, file, frame.kernel)).or_insert(next);
        if let Some(place) = self.frames.get_mut(id.0 as usize) {
            *place = number;
        }
        number
    }
}
