//! Folded stacks: a line for each, `outermost;...;innermost count`, as FlameGraph and inferno read
//! them.

use std::io::{self, Write};

use crate::model::Recording;
use crate::model::findings::Findings;
use crate::render::flame;

/// Equal stacks added up, in the order of their text.
pub fn write(
    out: &mut dyn Write,
    r: &Recording,
    f: &Findings,
    stalls_only: bool,
) -> io::Result<()> {
    let lines = if stalls_only { flame::held(r, f) } else { flame::profile(r, f) };
    lines.iter().try_for_each(|(stack, weight)| line(out, stack, *weight))
}

/// In order of time, the newest first.
pub fn in_order(
    out: &mut dyn Write,
    r: &Recording,
    f: &Findings,
    stalls_only: bool,
) -> io::Result<()> {
    flame::in_order(r, f, stalls_only, |stack, weight| line(out, stack, weight))
}

fn line(out: &mut dyn Write, stack: &str, weight: u64) -> io::Result<()> {
    match flame::readable(stack) {
        Some(stack) => writeln!(out, "{stack} {weight}"),
        None => Ok(()),
    }
}
