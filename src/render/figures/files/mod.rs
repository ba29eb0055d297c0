//! Slow calls of files on cgroupfs and procfs over time, and below them how many dying memory
//! cgroups there were, which make such reads slow.

mod dying;
mod readers;

use std::fmt::Write;

use super::axis::{self, Scale};
use super::{Figure, WIDTH};
use crate::analysis::dying_counts;
use crate::model::findings::SlowFileCall;
use crate::render::case::Case;
use crate::render::terminal::files::process;
use crate::render::text::{count, percent, plural, time};
use crate::render::{escape, markup, words};
use crate::units::Nanos;
use readers::{OTHERS, Readers};

/// Dots drawn, the longest calls first; counts marked one by one.
const DOTS: usize = 3_000;
/// Pixels of the labels on the left, and of the field of the dots.
const LEFT: f64 = 84.0;
const FIELD: f64 = 200.0;

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
    let mut y = readers.key(&mut body);
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
        y = dying::draw(&mut body, scale, &counts, y);
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
    let class = group.map_or(OTHERS, |g| readers.class(&g.task));
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

fn text(out: &mut String, class: &str, x: f64, y: f64, words: &str) {
    let words = markup::text(words);
    let _ = writeln!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>");
}
