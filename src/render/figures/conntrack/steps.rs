//! The counters as steps at their readings.

use std::fmt::Write;

use super::{FIELD, RIGHT, TOP, words};
use crate::analysis::conntrack::series::Reading;
use crate::model::findings::CtNamespace;
use crate::render::figures::axis::{self, Scale};
use crate::render::markup;
use crate::render::text::{count, time};
use crate::units::Ktime;

/// What is drawn, in the order of its colours.
const COUNTERS: [&str; 3] = ["insert_failed", "drop", "early_drop"];
/// Readings marked one by one; of more, all are where steps can be.
const MARKS: usize = 600;
/// Pixels from one label on the right to the next.
const LABEL: f64 = 14.0;

/// A counter: moments and sums, with breaks where its growth is not known.
struct Line {
    name: &'static str,
    path: String,
    last: u64,
}

pub(super) fn draw(
    out: &mut String,
    scale: Scale,
    namespace: Option<&CtNamespace>,
    readings: &[Reading<'_>],
) {
    let has = |name: &str| namespace.and_then(|n| n.count(name)).is_some();
    let names: Vec<&str> = COUNTERS.into_iter().filter(|name| has(name)).collect();
    let total = |name: &str| {
        let grown = readings.iter().filter_map(|reading| reading.grown.as_ref()?.get(name));
        grown.fold(0u64, |sum, n| sum.saturating_add(*n))
    };
    let most = names.iter().map(|name| total(name)).max().unwrap_or_default();
    let step = axis::step(most.max(1), 4).max(1);
    let high = most.max(1).div_ceil(step).saturating_mul(step);
    let y = |n: u64| TOP + FIELD - FIELD * (n as f64 / high as f64);

    words(out, "head", 2.0, 12.0, "packets, counted since the first reading");
    for n in 0..=(high / step) {
        let at = n.saturating_mul(step);
        let _ = writeln!(
            out,
            "<path class=\"grid\" d=\"M{:.1} {:.1}H{:.1}\"/>",
            scale.left,
            y(at),
            scale.right()
        );
        words(out, "end", scale.left - 8.0, y(at) + 4.0, &count(at));
    }
    unknown(out, scale, readings);
    let lines: Vec<Line> = COUNTERS
        .into_iter()
        .filter(|n| names.contains(n))
        .map(|n| line(scale, readings, n, &y))
        .collect();
    for (n, line) in lines.iter().enumerate() {
        // Where two are equal, both show.
        let class = ["curve c0", "curve c1 sparse", "curve c2 second"][n.min(2)];
        let _ = writeln!(
            out,
            "<path class=\"{class}\" d=\"{}\"><title>{}: {}</title></path>",
            line.path,
            line.name,
            count(line.last)
        );
    }
    let _ = write!(out, "<path class=\"count\" d=\"");
    for reading in readings.iter().take(MARKS) {
        let _ = write!(out, "M{:.2} {:.1}v6", scale.x(reading.time), TOP + FIELD);
    }
    let _ = writeln!(out, "M{:.1} {:.1}H{:.1}\"/>", scale.left, TOP + FIELD, scale.right());
    labels(out, scale, &lines, &y);
}

fn line(
    scale: Scale,
    readings: &[Reading<'_>],
    name: &'static str,
    y: &dyn Fn(u64) -> f64,
) -> Line {
    let (mut path, mut sum) = (String::new(), 0u64);
    let mut before: Option<Ktime> = None;
    for reading in readings {
        let x = scale.x(reading.time);
        let known = reading.grown.as_ref().filter(|_| reading.since.is_some());
        // Writing to a String cannot fail.
        let _ = match (known, reading.since) {
            (Some(grown), Some(since)) => {
                if before != Some(since) {
                    let _ = write!(path, "M{:.2} {:.2}", scale.x(since), y(sum));
                }
                sum = sum.saturating_add(grown.get(name).copied().unwrap_or_default());
                write!(path, "H{x:.2}V{:.2}", y(sum))
            }
            _ => write!(path, "M{x:.2} {:.2}", y(sum)),
        };
        before = Some(reading.time);
    }
    Line { name, path, last: sum }
}

/// The times of which growth is not known.
fn unknown(out: &mut String, scale: Scale, readings: &[Reading<'_>]) {
    for pair in readings.windows(2) {
        let [before, reading] = pair else { continue };
        let until = match (&reading.grown, reading.since) {
            (Some(_), Some(since)) if since <= before.time => continue,
            (Some(_), Some(since)) => since,
            _ => reading.time,
        };
        let title = format!("growth not known for {}", time(until.since(before.time)));
        let _ = writeln!(
            out,
            "<rect class=\"row\" x=\"{:.2}\" y=\"{TOP}\" width=\"{:.2}\" height=\"{FIELD}\">\
             <title>{}</title></rect>",
            scale.x(before.time),
            scale.length(before.time, until),
            markup::text(&title)
        );
        if scale.length(before.time, until) > 60.0 {
            let x = scale.x(before.time) + scale.length(before.time, until) / 2.0;
            words(out, "mid", x, TOP + FIELD / 2.0, "not known");
        }
    }
}

/// The name and the sum of each, at the end of its line.
fn labels(out: &mut String, scale: Scale, lines: &[Line], y: &dyn Fn(u64) -> f64) {
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by_key(|&n| (std::cmp::Reverse(lines[n].last), n));
    // From above; what would go below the axis moves the others up.
    let lowest = TOP + FIELD + 4.0;
    let mut at = TOP - LABEL;
    for (rank, n) in order.iter().enumerate() {
        let left = (order.len() - 1 - rank) as f64;
        at = (y(lines[*n].last) + 4.0).max(at + LABEL).min(lowest - left * LABEL);
        let text = format!("{} {}", lines[*n].name, count(lines[*n].last));
        let text = crate::render::escape::end(&text, (RIGHT / 6.3) as usize).into_owned();
        words(out, &format!("t{n}"), scale.right() + 8.0, at, &text);
    }
}
