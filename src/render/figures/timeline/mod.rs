//! What was late on each CPU, in order of time: a lane for each CPU that something happened on.

mod marks;
mod ran;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::axis::{self, Scale};
use super::{Figure, WIDTH};
use crate::model::findings::Stall;
use crate::render::case::Case;
use crate::render::text::{count, cpus, plural, time};
use crate::render::{markup, spans};
use crate::units::{Cpu, Ktime, Nanos};
pub(in crate::render) use marks::Row;
pub(super) use marks::call as call_words;
use marks::{Mark, ROWS};

/// CPUs that get a lane, the worst first; the others are named.
const LANES: usize = 12;
/// Marks drawn, the longest first: they are what a page grows by.
const MARKS: usize = 3_000;
/// Pixels of the labels on the left.
const GUTTER: f64 = 146.0;
/// Pixels of a row and of the one that tells who ran.
const ROW: f64 = 13.0;
const RAN: f64 = 16.0;
/// A shorter mark is drawn as wide as this.
const LEAST: f64 = 1.0;

/// The timeline, and what has to be said about it.
pub(in crate::render) struct Timeline {
    pub(in crate::render) figure: Figure,
    /// Kinds of marks that there are.
    pub(in crate::render) rows: Vec<Row>,
    /// What is not drawn.
    pub(in crate::render) left_out: Vec<String>,
}

/// Marks by CPU.
type Lanes = BTreeMap<Cpu, Vec<Mark>>;

pub(super) fn figures(case: &Case<'_>) -> Vec<Figure> {
    draw(case).into_iter().map(|t| t.figure).collect()
}

/// Draws it; none where nothing was late.
pub(in crate::render) fn draw(case: &Case<'_>) -> Option<Timeline> {
    let window = case.f.window;
    let scale =
        Scale { from: window.start, to: window.end, left: GUTTER, width: WIDTH - GUTTER - 10.0 };
    let (lanes, left_out) = lanes(case)?;
    let bottom = |lanes: &Lanes| -> f64 {
        lanes.values().map(|marks| height(marks) + 14.0).sum::<f64>() + 6.0
    };
    let bottom = bottom(&lanes);
    let mut body = axis::time(scale, window.start, 4.0, bottom);
    body += &format!(
        "<clipPath id=\"timeline-clip\"><rect x=\"{GUTTER}\" y=\"0\" width=\"{:.0}\" \
         height=\"{bottom:.0}\" data-d=\"{}\"/></clipPath>\n",
        scale.width,
        window.end.since(window.start).0
    );
    let mut labels = String::new();
    body += "<g clip-path=\"url(#timeline-clip)\">\n";
    let mut y = 6.0;
    let mut rows: Vec<Row> = Vec::new();
    for (&cpu, marks) in &lanes {
        lane(case, scale, cpu, marks, y, &mut body, &mut labels);
        rows.extend(marks.iter().map(|m| m.row));
        y += height(marks) + 14.0;
    }
    body += "</g>\n";
    rows.sort_unstable();
    rows.dedup();
    let shown: Vec<Cpu> = lanes.keys().copied().collect();
    let length = window.end.since(window.start);
    let desc = format!(
        "{} in {}; the table of stalls holds the same as text.",
        plural(case.f.stalls.len(), "stall"),
        time(length)
    );
    let figure = Figure {
        name: "timeline".to_owned(),
        title: format!("What was late on {} in {}", cpus(&shown), time(length)),
        desc,
        height: bottom + 22.0,
        body: body + &labels,
    };
    Some(Timeline { figure, rows, left_out })
}

/// The marks of each CPU that has a lane, and words for what is left out.
fn lanes(case: &Case<'_>) -> Option<(Lanes, Vec<String>)> {
    let mut lanes = marks::all(case);
    let mut left_out = Vec::new();
    let weight = |marks: &[Mark]| marks.iter().map(|m| m.duration).max().unwrap_or_default();
    let mut ranked: Vec<(Nanos, Cpu)> = lanes.iter().map(|(c, m)| (weight(m), *c)).collect();
    ranked.sort_by_key(|&(weight, cpu)| (std::cmp::Reverse(weight), cpu));
    let late: BTreeSet<Cpu> = lanes.keys().copied().collect();
    let more: Vec<Cpu> = ranked.drain(ranked.len().min(LANES)..).map(|(_, cpu)| cpu).collect();
    if !more.is_empty() {
        left_out.push(format!("{}: less bad, not drawn", cpus(&more)));
    }
    more.iter().for_each(|cpu| drop(lanes.remove(cpu)));
    let quiet: Vec<Cpu> = case.f.cpus.iter().map(|c| c.cpu).filter(|c| !late.contains(c)).collect();
    if !quiet.is_empty() {
        left_out.push(format!("{}: nothing was late there", cpus(&quiet)));
    }
    if lanes.is_empty() {
        return None;
    }
    let mut lengths: Vec<Nanos> = lanes.values().flatten().map(|m| m.duration).collect();
    if lengths.len() > MARKS {
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        let least = lengths[MARKS - 1];
        let mut room = MARKS - lengths.iter().filter(|&&l| l > least).count();
        for marks in lanes.values_mut() {
            marks.retain(|m| {
                let equal = m.duration == least && room > 0;
                room -= usize::from(equal);
                m.duration > least || equal
            });
        }
        let words = count((lengths.len() - MARKS) as u64);
        left_out.push(format!("{words} marks of {} or shorter are not drawn", time(least)));
    }
    Some((lanes, left_out))
}

/// Rows of a lane, from above.
fn rows(marks: &[Mark]) -> Vec<Row> {
    ROWS.iter().copied().filter(|row| marks.iter().any(|m| m.row == *row)).collect()
}

fn height(marks: &[Mark]) -> f64 {
    rows(marks).len() as f64 * (ROW + 2.0) + RAN
}

fn lane(
    case: &Case<'_>,
    scale: Scale,
    cpu: Cpu,
    marks: &[Mark],
    top: f64,
    body: &mut String,
    labels: &mut String,
) {
    let _ = writeln!(
        labels,
        "<text class=\"head\" x=\"2\" y=\"{:.1}\">CPU {cpu}</text>",
        top + ROW - 3.0
    );
    for stall in case.f.stalls.iter().filter(|s| s.cpu == cpu).take(MARKS) {
        band(body, scale, stall, top - 3.0, height(marks) + 6.0);
    }
    let mut y = top;
    for row in rows(marks) {
        let _ = writeln!(
            labels,
            "<text class=\"end\" x=\"{:.0}\" y=\"{:.1}\">{}</text>",
            GUTTER - 8.0,
            y + ROW - 3.0,
            row.short()
        );
        let of_row = || marks.iter().filter(|m| m.row == row);
        for mark in of_row() {
            mark.draw(body, scale, y, ROW);
        }
        y += ROW + 2.0;
    }
    let _ = writeln!(
        labels,
        "<text class=\"end\" x=\"{:.0}\" y=\"{:.1}\">who ran</text>",
        GUTTER - 8.0,
        y + RAN - 4.0
    );
    ran::draw(case, scale, cpu, y, RAN, body);
}

/// A stall as the ground behind its marks, and the way to its row of the table.
fn band(body: &mut String, scale: Scale, stall: &Stall, y: f64, height: f64) {
    let (start, end) = (spans::start(stall), spans::end(stall));
    let x = scale.x(start);
    let width = scale.length(start, end).max(LEAST);
    let title = format!("stall {}: {}", stall.id, time(stall.duration));
    let _ = writeln!(
        body,
        "<a href=\"#stall-{}\" tabindex=\"-1\"><rect class=\"band\" {} x=\"{x:.2}\" y=\"{y:.0}\" \
         width=\"{width:.2}\" height=\"{height:.0}\"><title>{}</title></rect></a>",
        stall.id,
        data(scale, start, end),
        markup::text(&title)
    );
}

/// What the page's script moves a mark by when it zooms: nanoseconds since the start, and length.
fn data(scale: Scale, start: Ktime, end: Ktime) -> String {
    let start = start.max(scale.from);
    format!("data-t=\"{}\" data-d=\"{}\"", start.since(scale.from).0, end.since(start).0)
}
