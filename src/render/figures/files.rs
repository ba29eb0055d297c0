//! Slow calls of files on cgroupfs and procfs over time, and below them how many dying memory
//! cgroups there were, which make such reads slow.

use std::collections::HashMap;
use std::fmt::Write;

use super::axis::{self, Scale};
use super::{Figure, WIDTH};
use crate::analysis::dying_counts;
use crate::model::TaskId;
use crate::model::findings::{SlowFileCall, SlowFileGroup, TaskCulprit};
use crate::render::case::{COLORS, Case};
use crate::render::terminal::files::process;
use crate::render::text::{count, percent, plural, time};
use crate::render::{escape, markup, words};
use crate::units::{Ktime, Nanos, Tgid};

/// Dots drawn, the longest calls first; counts marked one by one.
const DOTS: usize = 3_000;
/// Pixels of the labels on the left, and of each field.
const LEFT: f64 = 84.0;
const FIELD: f64 = 200.0;
const STRIP: f64 = 56.0;
/// Pixels of a line of the key, and of a column of its text.
const LINE: f64 = 18.0;
const GLYPH: f64 = 6.3;
/// Classes of the readers' colours; the last one is for all that have none of their own.
const CLASSES: [&str; COLORS + 1] = ["w0", "w1", "w2", "w3", "w4", "w5", "w6", "wo"];

pub(super) fn figures(case: &Case<'_>) -> Vec<Figure> {
    draw(case).into_iter().collect()
}

/// Draws it; none where no call was slow.
pub(in crate::render) fn draw(case: &Case<'_>) -> Option<Figure> {
    let f = case.f;
    let mut calls: Vec<&SlowFileCall> = f.slow_file_calls.iter().collect();
    calls.sort_by_key(|c| (std::cmp::Reverse(c.duration), c.start, c.cpu, c.group));
    let longest = calls.first()?.duration;
    let left_out = calls.len().saturating_sub(DOTS);
    calls.truncate(DOTS);
    calls.sort_by_key(|c| (c.start, c.cpu, c.group));
    let readers = Readers::of(case);
    let width = WIDTH - LEFT - 14.0;
    let scale = Scale { from: f.window.start, to: f.window.end, left: LEFT, width };

    let mut body = String::new();
    let mut y = key(&mut body, &readers);
    text(&mut body, "head", 2.0, y + 12.0, "how long each call took (logarithmic)");
    let top = y + 24.0;
    let shortest = calls.iter().map(|c| c.duration).min().unwrap_or_default();
    let field = Field::new(top, shortest.min(f.options.syscall_min), longest);
    field.grid(&mut body, scale);
    let limit = field.y(f.options.syscall_min);
    let _ = writeln!(
        body,
        "<path class=\"limit\" d=\"M{LEFT} {limit:.2}H{:.1}\"><title>shorter calls were not \
         recorded</title></path>",
        scale.right()
    );
    let words = format!("recorded from {} on", time(f.options.syscall_min));
    text(&mut body, "accent end", scale.right(), limit + 12.0, &words);
    for call in &calls {
        dot(case, &mut body, scale, &field, &readers, call);
    }
    y = top + FIELD + 14.0;
    let counts = dying_counts(case.r);
    if !counts.is_empty() {
        y = strip(&mut body, scale, &counts, y);
    }
    let body = axis::time(scale, f.window.start, top, y) + &body;
    let mut desc = format!(
        "{} of {} or longer, the longest {}; dots, coloured by who called. The table below holds \
         the same by reader and file.",
        plural(f.slow_file_calls.len(), "call"),
        time(f.options.syscall_min),
        time(longest)
    );
    if left_out > 0 {
        desc += &format!(" {} shorter calls are not drawn.", count(left_out as u64));
    }
    let title = match counts.is_empty() {
        true => "Slow calls of cgroup and /proc files",
        false => "Slow calls of cgroup and /proc files, and dying memory cgroups",
    };
    let (name, title) = ("slow-files".to_owned(), title.to_owned());
    Some(Figure { name, title, desc, height: y + 22.0, body })
}

/// Processes that read, and their colours, in the order of their groups.
struct Readers<'a> {
    all: Vec<(&'a TaskCulprit, &'static str)>,
    by: HashMap<(Tgid, &'a str), usize>,
}

impl<'a> Readers<'a> {
    fn id(task: &'a TaskCulprit) -> (Tgid, &'a str) {
        (task.tgid, task.process.as_ref().unwrap_or(&task.comm))
    }

    /// With the colour they have elsewhere on the page, else with one that nobody has.
    fn of(case: &Case<'a>) -> Readers<'a> {
        let tasks: HashMap<_, _> =
            (0..).zip(&case.r.tasks).map(|(n, t)| ((t.tid, t.start), TaskId(n))).collect();
        let mut readers = Readers { all: Vec::new(), by: HashMap::new() };
        let mut free = case.colored.len()..COLORS;
        for SlowFileGroup { task, .. } in &case.f.slow_files {
            if readers.by.contains_key(&Readers::id(task)) {
                continue;
            }
            let known = tasks.get(&(task.tid, task.start)).map(|id| case.color(*id));
            let class = match known.filter(|class| CLASSES[..COLORS].contains(class)) {
                Some(class) => class,
                None => CLASSES[free.next().unwrap_or(COLORS)],
            };
            readers.by.insert(Readers::id(task), readers.all.len());
            readers.all.push((task, class));
        }
        readers
    }

    fn class(&self, task: &'a TaskCulprit) -> &'static str {
        self.by.get(&Readers::id(task)).map_or(CLASSES[COLORS], |n| self.all[*n].1)
    }
}

/// Who has which colour; returns where it ends.
fn key(out: &mut String, readers: &Readers<'_>) -> f64 {
    let own = readers.all.iter().filter(|(_, class)| *class != CLASSES[COLORS]);
    let mut names: Vec<(&str, String)> = own.map(|(task, class)| (*class, process(task))).collect();
    let others = readers.all.len() - names.len();
    if others > 0 {
        names.push((CLASSES[COLORS], plural(others, "other reader")));
    }
    let (mut x, mut y) = (LEFT, 2.0);
    for (class, name) in names {
        let name = escape::bounded(&name, 48);
        let width = 34.0 + escape::columns(&name) as f64 * GLYPH;
        if x + width > WIDTH && x > LEFT {
            (x, y) = (LEFT, y + LINE);
        }
        let _ = writeln!(
            out,
            "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\"/>",
            x + 5.0,
            y + 7.0
        );
        text(out, "", x + 15.0, y + 11.0, &name);
        x += width;
    }
    y + LINE + 4.0
}

/// The field of the dots: a logarithmic axis of lengths.
struct Field {
    top: f64,
    low: f64,
    high: f64,
}

impl Field {
    fn new(top: f64, shortest: Nanos, longest: Nanos) -> Field {
        let low = (shortest.0.max(1) as f64).log10();
        let high = (longest.0.max(shortest.0).max(1) as f64).log10();
        // Some room at both ends, and never a field without height.
        let room = ((high - low) * 0.06).max(0.05);
        Field { top, low: low - room, high: high + room }
    }

    fn y(&self, d: Nanos) -> f64 {
        let part = ((d.0.max(1) as f64).log10() - self.low) / (self.high - self.low);
        self.top + FIELD * (1.0 - part.clamp(0.0, 1.0))
    }

    /// A line at 1, 2 and 5 of each power of ten; over many powers at each of them only.
    fn grid(&self, out: &mut String, scale: Scale) {
        let few = self.high - self.low < 3.0;
        let powers = self.low.floor().max(0.0) as u32..=self.high.ceil() as u32;
        for power in powers {
            for digit in if few { [1, 2, 5].as_slice() } else { &[1] } {
                let Some(at) = 10u64.checked_pow(power).and_then(|ten| ten.checked_mul(*digit))
                else {
                    continue;
                };
                let log = (at as f64).log10();
                if log < self.low || log > self.high {
                    continue;
                }
                let y = self.y(Nanos(at));
                let (left, right) = (scale.left, scale.right());
                let _ = writeln!(out, "<path class=\"grid\" d=\"M{left:.1} {y:.2}H{right:.1}\"/>");
                text(out, "end", left - 8.0, y + 4.0, &axis::round(Nanos(at)));
            }
        }
    }
}

fn dot<'a>(
    case: &Case<'a>,
    out: &mut String,
    scale: Scale,
    field: &Field,
    readers: &Readers<'a>,
    call: &SlowFileCall,
) {
    let group = call.group.checked_sub(1).and_then(|n| case.f.slow_files.get(n));
    let class = group.map_or(CLASSES[COLORS], |g| readers.class(&g.task));
    let name = group.and_then(|g| g.task.syscall.as_deref()).map(words::call).unwrap_or_default();
    let who = group.map_or("unknown task".to_owned(), |g| process(&g.task));
    let mut facts = vec![
        format!("{who} {}", words::call_of(&name, &call.file)),
        format!("{} at +{:.3} s", time(call.duration), call.start.since(scale.from).secs()),
        format!("CPU {}", call.cpu),
        format!("{} on CPU", percent(call.on_cpu.0, call.duration.0)),
    ];
    if let Some(off) = call.irqs_off.filter(|off| off.0 > 0) {
        facts.push(format!("interrupts off for {}", time(off)));
    }
    if let Some(stall) = call.stalls.first() {
        facts.push(format!("made stall {stall}"));
    }
    let slept = if call.slept { " slept" } else { "" };
    let _ = writeln!(
        out,
        "<circle class=\"dot {class}{slept}\" cx=\"{:.2}\" cy=\"{:.2}\" r=\"3.5\"><title>{}</title>\
         </circle>",
        scale.x(call.start),
        field.y(call.duration),
        markup::text(&escape::bounded(&facts.join(", "), 400))
    );
}

/// How many dying memory cgroups were counted when; returns where it ends.
fn strip(out: &mut String, scale: Scale, counts: &[(Ktime, u64)], y: f64) -> f64 {
    text(out, "head", 2.0, y + 12.0, "dying memory cgroups, as counted");
    let bottom = y + 24.0 + STRIP;
    let most = counts.iter().map(|c| c.1).max().unwrap_or_default().max(1);
    let step = axis::step(most, 2);
    let high = most.div_ceil(step).saturating_mul(step);
    let at = |n: u64| bottom - STRIP * (n as f64 / high as f64);
    for n in 0..=(high / step) {
        let n = n.saturating_mul(step);
        let (left, right, y) = (scale.left, scale.right(), at(n));
        let _ = writeln!(out, "<path class=\"grid\" d=\"M{left:.1} {y:.2}H{right:.1}\"/>");
        text(out, "end", left - 8.0, y + 4.0, &count(n));
    }
    let mut path = String::new();
    for (n, &(moment, dying)) in counts.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = match n {
            0 => write!(path, "M{:.2} {:.2}", scale.x(moment), at(dying)),
            _ => write!(path, "H{:.2}V{:.2}", scale.x(moment), at(dying)),
        };
    }
    let _ = writeln!(out, "<path class=\"count\" d=\"{path}\"/>");
    for &(moment, dying) in counts.iter().take(DOTS) {
        let title = format!("{} at +{:.3} s", count(dying), moment.since(scale.from).secs());
        let _ = writeln!(
            out,
            "<circle class=\"irq\" cx=\"{:.2}\" cy=\"{:.2}\" r=\"2.5\"><title>{title}</title></circle>",
            scale.x(moment),
            at(dying)
        );
    }
    // The first and the last count in figures, unless they would meet.
    let (Some(first), Some(last)) = (counts.first(), counts.last()) else { return bottom + 2.0 };
    text(out, "ink", scale.x(first.0) + 4.0, at(first.1) - 6.0, &count(first.1));
    if scale.length(first.0, last.0) > 160.0 {
        text(out, "ink end", scale.x(last.0) - 4.0, at(last.1) - 6.0, &count(last.1));
    }
    bottom + 2.0
}

fn text(out: &mut String, class: &str, x: f64, y: f64, words: &str) {
    let words = markup::text(words);
    let _ = writeln!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>");
}
