//! Parts of stacks: what of a sample's stack is evidence.

use crate::model::{FrameId, Recording, StackId};

/// Frames of a stack that follow one another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Part {
    stack: StackId,
    /// The innermost of them,
    from: usize,
    /// and the first one beyond them.
    to: usize,
}

impl Part {
    /// All but so many of the innermost frames.
    pub fn outer(r: &Recording, stack: StackId, skip: usize) -> Part {
        let to = r.stack(stack).len();
        Part { stack, from: skip.min(to), to }
    }

    /// So many of the innermost frames.
    pub fn inner(r: &Recording, stack: StackId, depth: usize) -> Part {
        Part { stack, from: 0, to: depth.min(r.stack(stack).len()) }
    }

    /// The outer frames that all these parts share: the functions that did not return between the
    /// first and the last of them.
    pub fn common(r: &Recording, parts: impl Iterator<Item = Part>) -> Part {
        let same = |a: &FrameId, b: &FrameId| a == b || r.function(*a) == r.function(*b);
        let shared = parts.reduce(|a, b| {
            let frames = shared(a.frames(r), b.frames(r), same).len();
            Part { from: a.to - frames, ..a }
        });
        shared.unwrap_or_default()
    }

    /// Its frames, innermost first.
    pub fn frames(self, r: &Recording) -> &[FrameId] {
        r.stack(self.stack).get(self.from..self.to).unwrap_or_default()
    }

    /// Its functions, innermost first.
    pub fn functions(self, r: &Recording) -> impl Iterator<Item = &str> {
        self.frames(r).iter().map(|frame| r.function(*frame))
    }

    /// The function that had interrupts off, where so many of the innermost only turned them on.
    pub fn held_by(self, r: &Recording, restores: usize) -> Option<&str> {
        self.functions(r).nth(restores).or(self.functions(r).next())
    }

    /// The innermost function.
    pub fn first(self, r: &Recording) -> Option<String> {
        self.functions(r).next().map(str::to_owned)
    }
}

/// The end of `a` that is the end of `b`, too.
pub fn shared<'a, T>(a: &'a [T], b: &[T], same: impl Fn(&T, &T) -> bool) -> &'a [T] {
    let ends = a.iter().rev().zip(b.iter().rev());
    &a[a.len() - ends.take_while(|(a, b)| same(a, b)).count()..]
}
