//! One entry of the time-ordered view: who ran, in what call, what waited, where.

use std::io;

use super::super::ink::Text;
use super::super::layout::Layout;
use super::super::text::time;
use super::super::{calls, escape, spans, words};
use super::runs::{Clock, Run};
use crate::analysis::outside_calls;
use crate::model::findings::{Culprit, Stall};
use crate::model::{Recording, Sample, SyscallId, Vector};
use crate::units::Nanos;

/// From this width on an entry takes one line, else two or three.
const ONE_LINE: usize = 150;
/// Columns that a name and what it does must have beside the time.
const NAME: usize = 30;
/// Columns of a system call and its file in one line.
const CALL: usize = 42;

/// Writes an entry: one line, or where that is too narrow one each for what waited and the stack.
pub(super) fn write(
    layout: &mut Layout<'_>,
    r: &Recording,
    stall: &Stall,
    clock: &Clock,
    run: &Run<'_>,
) -> io::Result<()> {
    let s = run.last;
    let inside = s.time >= spans::start(stall);
    let columns = clock.columns(run.first.time, s.time, run.times);
    let lead = format!("{columns} {} ", if inside { '|' } else { ' ' });
    let hang = lead.chars().count();
    let task = r.task(s.task);
    let blamed =
        matches!(&stall.culprit, Culprit::Task(t) if t.tid == task.tid && t.start == task.start);
    let name = calls::who(r, s.task);
    let mut text = Text::new().plain(&lead);
    text = if inside && blamed { text.accent(&name) } else { text.plain(&name) };
    let syscall = match outside_calls(r, s.task, s.kernel_stack) {
        true => SyscallId::default(),
        false => s.syscall,
    };
    let call = calls::name(r, syscall.nr_plus_1).unwrap_or_default();
    let what = words::call_of(&call, r.str(syscall.file));
    let state = state(s).join(", ");
    let mut functions: Vec<&str> = r.functions(s.kernel_stack).collect();
    if functions.is_empty() {
        functions.extend(r.functions(s.user_stack));
    }
    let stack = |room: usize| Text::new().dim(&innermost(&functions, room.max(16)));
    if layout.width() >= ONE_LINE {
        let what = escape::middle(&what, CALL);
        let text = gapped(gapped(text, &what), &state);
        let room = layout.width().saturating_sub(text.columns() + 2);
        return layout.line(&if functions.is_empty() {
            text
        } else {
            text.plain("  ").then(stack(room))
        });
    }
    if layout.width() < hang + NAME {
        return below_each_other(layout, &columns, inside, [name, what, state], &functions);
    }
    let rule = format!("{:w$}{}  ", "", if inside { '|' } else { ' ' }, w = hang - 2);
    let below = |text: Text| Text::new().plain(&rule).then(text);
    let room = layout.width().saturating_sub(text.columns() + 2);
    let whole = gapped(gapped(text.clone(), &what), &state);
    if layout.fits(&whole) {
        layout.line(&whole)?;
    } else {
        layout.line(&gapped(text, &escape::middle(&what, room.max(16))))?;
        layout.line(&below(Text::new().plain(&state)))?;
    }
    match functions.is_empty() {
        true => Ok(()),
        false => layout.line(&below(stack(layout.width().saturating_sub(rule.len())))),
    }
}

/// Where it is narrow: the time, and below it a line for each thing that is known.
fn below_each_other(
    layout: &mut Layout<'_>,
    columns: &str,
    inside: bool,
    parts: [String; 3],
    functions: &[&str],
) -> io::Result<()> {
    layout.line(&Text::new().plain(columns))?;
    let rule = if inside { "  | " } else { "    " };
    let stack = match functions {
        [] => String::new(),
        functions => innermost(functions, layout.width().saturating_sub(rule.len())),
    };
    for part in parts.iter().chain([&stack]).filter(|part| !part.is_empty()) {
        layout.put(6, &Text::new().plain(rule).plain(part))?;
    }
    Ok(())
}

/// A text and one more part, if there is one.
fn gapped(text: Text, part: &str) -> Text {
    if part.is_empty() { text } else { text.plain("  ").plain(part) }
}

/// What waited at a sample, and what is odd about it.
fn state(s: &Sample) -> Vec<String> {
    let mut words = Vec::new();
    if s.pending != 0 {
        let names: Vec<_> = Vector::of_mask(s.pending).map(Vector::name).collect();
        words.push(lasting(&format!("{} pending", names.join("+")), s.pending_for));
    }
    if s.ksoftirqd_waits.0 > 0 {
        words.push(lasting("ksoftirqd waits", s.ksoftirqd_waits));
    }
    if s.gap.0 > 0 {
        let off = if s.irqs_were_off { " (interrupts were off)" } else { "" };
        words.push(format!("no tick for {}{off}", time(s.gap)));
    }
    match s.policy {
        1 => words.push("FIFO".to_owned()),
        2 => words.push("RR".to_owned()),
        _ => {}
    }
    if s.user_mode {
        words.push("user mode".to_owned());
    }
    words
}

fn lasting(what: &str, d: Nanos) -> String {
    if d.0 == 0 { what.to_owned() } else { format!("{what} {}", time(d)) }
}

/// As many functions as fit, innermost first, and how many more there are.
fn innermost(functions: &[&str], room: usize) -> String {
    let all = words::stack(functions.iter().copied(), usize::MAX);
    if escape::columns(&all) <= room {
        return all;
    }
    let fitting = (1..functions.len())
        .rev()
        .map(|n| words::stack(functions.iter().copied(), n))
        .find(|shown| escape::columns(shown) <= room);
    fitting.unwrap_or_else(|| words::stack(functions.iter().copied(), 1))
}
