//! A stall to scale: what was late from when to when, the calls of its culprit, and the samples.

mod rows;

use std::collections::BTreeMap;
use std::fmt::Write;

use super::axis::{self, Scale};
use super::timeline::Row;
use super::{Figure, WIDTH};
use crate::model::findings::{Culprit, Measure, Stall, StallKind};
use crate::model::{Sample, SyscallSlow, TaskId};
use crate::render::case::{Case, around};
use crate::render::text::{percent, plural, time};
use crate::render::{calls, markup, spans, words};
use crate::units::{Ktime, Nanos};
use rows::{BAR, GUTTER, PITCH, Rows};

/// Bars of measures, and of calls.
const MEASURES: usize = 8;
const CALLS: usize = 4;
/// Ticks drawn, the first ones: they are what the page grows by.
const TICKS: usize = 10_000;

pub(super) fn figures(case: &Case<'_>) -> Vec<Figure> {
    case.worst.iter().map(|s| draw(case, s)).collect()
}

/// Draws one stall.
pub(in crate::render) fn draw(case: &Case<'_>, s: &Stall) -> Figure {
    let (from, to) = around(s, 10);
    let scale = Scale { from, to, left: GUTTER, width: WIDTH - GUTTER - 14.0 };
    let mut rows = Rows { scale, y: 8.0, out: String::new() };
    for m in s.measures.iter().take(MEASURES) {
        measure(&mut rows, m);
    }
    for call in calls_of(case, s).into_iter().take(CALLS) {
        let start = call.time.before(call.duration);
        let name = calls::name(case.r, call.syscall.nr_plus_1).unwrap_or_default();
        let title = super::timeline::call_words(case.r, call);
        rows.label(&name);
        let class = if call.slept { "call slept" } else { "call" };
        rows.bar(class, start, call.time, &title, &time(call.duration).replace('\u{a0}', " "));
        rows.y += PITCH;
    }
    samples(case, &mut rows, s);
    let bottom = rows.y + 2.0;
    let (start, end) = (spans::start(s), spans::end(s));
    let mut body = axis::time(scale, start, 2.0, bottom);
    for edge in [start, end] {
        let x = scale.x(edge);
        let _ = writeln!(body, "<path class=\"edge\" d=\"M{x:.2} 2V{bottom:.0}\"/>");
    }
    body += &rows.out;
    Figure {
        name: format!("anatomy-{}", s.id),
        title: format!("Stall {} on CPU {} to scale: {}", s.id, s.cpu, s.duration),
        desc: sentence(case, s),
        height: bottom + 22.0,
        body,
    }
}

/// The parts of a stall in per cent, as a sentence.
pub(in crate::render) fn sentence(case: &Case<'_>, s: &Stall) -> String {
    let mut parts = Vec::new();
    if let Some(h) = s.measures.iter().find_map(|m| m.handoff) {
        let whole = h.whole().0;
        parts.push(format!(
            "Of the handoff {} went from raise to wake, {} from wake to switched in, {} from there to \
             the first softirq entered.",
            percent(h.raise_to_wake.0, whole),
            percent(h.wake_to_in.0, whole),
            percent(h.in_to_entry.0, whole)
        ));
    }
    let inside = case.samples(s.cpu, spans::start(s), spans::end(s));
    let mut by_task: BTreeMap<TaskId, usize> = BTreeMap::new();
    inside.iter().for_each(|sample| *by_task.entry(sample.task).or_default() += 1);
    let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
    for (task, n) in by_task {
        *by_name.entry(calls::who(case.r, task)).or_default() += n;
    }
    let mut seen: Vec<(String, usize)> = by_name.into_iter().collect();
    seen.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let shares: Vec<String> = seen
        .iter()
        .take(4)
        .map(|(name, n)| format!("{name} in {}", percent(*n as u64, inside.len() as u64)))
        .collect();
    let others = seen.len().saturating_sub(shares.len());
    let more = if others > 0 { format!(", {others} more in the rest") } else { String::new() };
    let current = "the current task was";
    parts.push(match inside.len() {
        0 => "No sample fell into it.".to_owned(),
        1 => format!("One sample fell into it: {current} {}.", seen[0].0),
        n => {
            format!("{} fell into it: {current} {}{more}.", plural(n, "sample"), shares.join(", "))
        }
    });
    if inside.iter().any(|sample| sample.gap.0 > 0) {
        let words = "While no interrupt came no sample was taken; the one that came late is what \
                     tells where the code was when interrupts were on again.";
        parts.push(words.to_owned());
    }
    parts.join(" ")
}

/// The system calls that the culprit had in progress meanwhile, the longest first.
fn calls_of<'a>(case: &Case<'a>, s: &Stall) -> Vec<&'a SyscallSlow> {
    let Culprit::Task(culprit) = &s.culprit else { return Vec::new() };
    let (start, end) = (spans::start(s), spans::end(s));
    let mine = |c: &&SyscallSlow| {
        let task = case.r.task(c.task);
        let overlaps = c.time > start && c.time.before(c.duration) < end;
        overlaps && task.tid == culprit.tid && task.start == culprit.start
    };
    // Ordered by when they returned: none that did before the stall began can overlap it.
    let first = case.r.syscalls.partition_point(|c| c.time <= start);
    let mut calls: Vec<&SyscallSlow> = case.r.syscalls[first..].iter().filter(mine).collect();
    calls.sort_by_key(|c| (std::cmp::Reverse(c.duration), c.time));
    calls
}

fn measure(rows: &mut Rows, m: &Measure) {
    let end = m.start.after(m.duration);
    let row = Row::of(m.kind);
    let title = words::measure(m);
    rows.label(&words::short(m));
    let length = time(m.duration).replace('\u{a0}', " ");
    let Some(parts) = m.handoff.filter(|_| m.kind == StallKind::Handoff) else {
        rows.bar(row.class(), m.start, end, &title, &length);
        rows.y += PITCH;
        return;
    };
    rows.bar(row.class(), m.start, end, &title, &length);
    rows.y += PITCH;
    // Its three parts, each on a row of its own: two of them are often too short to be seen.
    let mut from = m.start;
    for (name, part) in [
        ("raise \u{2192} wake", parts.raise_to_wake),
        ("wake \u{2192} switched in", parts.wake_to_in),
        ("switched in \u{2192} entry", parts.in_to_entry),
    ] {
        let to = from.after(part);
        rows.label(name);
        rows.bar("handoff slept", from, to, name, &part.to_string());
        rows.y += PITCH;
        from = to;
    }
    if parts.served_after.0 > 0 {
        let at = m.start.after(parts.raise_to_wake + parts.served_after);
        let x = rows.scale.x(at);
        let _ = writeln!(
            rows.out,
            "<path class=\"edge\" d=\"M{x:.2} {:.0}V{:.0}\"><title>served by an interrupt's exit</title></path>",
            rows.y - 4.0 * PITCH,
            rows.y - PITCH + BAR
        );
    }
}

/// One tick a sample, coloured by task; ticks of one colour at one pixel are one.
fn samples(case: &Case<'_>, rows: &mut Rows, s: &Stall) {
    let (scale, y) = (rows.scale, rows.y);
    let (mut ticks, mut drawn, mut label) = (String::new(), 0, "samples, by task");
    let mut last: Option<(i64, &str)> = None;
    for sample in case.samples(s.cpu, scale.from, scale.to) {
        let (x, class) = (scale.x(sample.time), case.color(sample.task));
        let place = ((x * 2.0) as i64, class);
        if last == Some(place) && sample.gap.0 == 0 {
            continue;
        }
        if drawn == TICKS {
            label = "first samples, by task";
            break;
        }
        drawn += 1;
        last = Some(place);
        let title = markup::name(&tick(case, sample, spans::start(s)));
        let _ = writeln!(
            ticks,
            "<rect class=\"{class}\" x=\"{:.2}\" y=\"{y:.1}\" width=\"2\" height=\"{:.0}\">\
             <title>{title}</title></rect>",
            x - 1.0,
            BAR + 4.0
        );
        if sample.gap.0 > 0 {
            let _ = writeln!(
                ticks,
                "<path class=\"accent\" d=\"M{:.1} {:.1}l4 7h-8z\"><title>{title}</title></path>",
                x,
                y + BAR + 5.0
            );
        }
    }
    rows.label(label);
    let _ = writeln!(
        rows.out,
        "<rect class=\"row\" x=\"{GUTTER}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.0}\"/>",
        scale.width,
        BAR + 4.0
    );
    rows.out += &ticks;
    rows.y += PITCH + 6.0;
}

/// What one sample saw.
fn tick(case: &Case<'_>, s: &Sample, zero: Ktime) -> String {
    let at = (i128::from(s.time.0) - i128::from(zero.0)) as f64 / 1e6;
    let functions: Vec<&str> = case.r.functions(s.kernel_stack).collect();
    let place = match functions.as_slice() {
        [] if s.user_mode => "user mode".to_owned(),
        [] => "no kernel stack".to_owned(),
        functions => words::stack(functions.iter().copied(), 3),
    };
    let late = match s.gap {
        Nanos(0) => String::new(),
        gap => format!(", {} late", time(gap)),
    };
    format!("{} at {at:+.3} ms{late}: {place}", calls::who(case.r, s.task))
}
