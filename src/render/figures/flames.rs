//! Flame graphs: what held the CPUs during stalls, what ran all the time, how they differ; and what
//! ran around the worst stalls in order of time.

use std::collections::BTreeMap;

use super::axis::{self, Scale};
use super::{Figure, WIDTH};
use crate::model::findings::Stall;
use crate::render::case::{Case, around};
use crate::render::flame::{self, Form};
use crate::units::Ktime;

/// Stalls that get a flame chart.
const CHARTS: usize = 2;
/// Samples drawn in one, the last ones.
const SAMPLES: usize = 2_000;
/// How a chart is described, before what it leaves out.
pub(in crate::render) const CHART: &str =
    "Flame chart: time goes from left to right; callees above callers.";
/// Pixels at each side of the frames.
const PAD: f64 = 10.0;

pub(super) fn figures(case: &Case<'_>) -> Vec<Figure> {
    let graphs = [held(case), profile(case), difference(case)];
    graphs.into_iter().flatten().chain(charts(case)).collect()
}

/// What held the CPUs during stalls.
pub(in crate::render) fn held(case: &Case<'_>) -> Option<Figure> {
    let caption = flame::held_caption(case.r, case.f);
    graph("held", caption.title, &single(&case.held), Form::Graph)
}

/// What ran in the whole recording.
pub(in crate::render) fn profile(case: &Case<'_>) -> Option<Figure> {
    let caption = flame::profile_caption(case.r);
    graph("profile", caption.title, &single(&case.profile), Form::Graph)
}

/// What held the CPUs during stalls, coloured by how each function itself, without what it called,
/// differs from the whole recording; none where one of both is empty.
pub(in crate::render) fn difference(case: &Case<'_>) -> Option<Figure> {
    let sum = |lines: &[(String, u64)]| -> u128 { lines.iter().map(|l| u128::from(l.1)).sum() };
    let (all, held) = (sum(&case.profile), sum(&case.held));
    if all == 0 || held == 0 {
        return None;
    }
    let mut lines: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    for (line, n) in &case.profile {
        // As many as there would be during stalls if they were like the rest.
        let expected = (u128::from(*n) * held + all / 2) / all;
        lines.entry(line).or_default()[0] = u64::try_from(expected).unwrap_or(u64::MAX);
    }
    for (line, n) in &case.held {
        lines.entry(line).or_default()[1] = *n;
    }
    let lines: Vec<_> = lines.into_iter().map(|(line, n)| (line.to_owned(), n)).collect();
    let title = "What is more and what is less during stalls than in the whole recording";
    graph("difference", title.to_owned(), &lines, Form::Difference)
}

/// What ran around each of the worst stalls, in order of time.
pub(in crate::render) fn charts(case: &Case<'_>) -> Vec<Figure> {
    case.worst.iter().take(CHARTS).filter_map(|s| chart(case, s)).collect()
}

fn chart(case: &Case<'_>, s: &Stall) -> Option<Figure> {
    let (from, to) = around(s, 25);
    let samples = case.samples(s.cpu, from, to);
    let left_out = samples.len().saturating_sub(SAMPLES);
    let samples = &samples[left_out..];
    let (first, last) = (samples.first()?.time, samples.last()?.time);
    let start = if left_out > 0 { first } else { from };
    let mut lines = flame::ordered(case.r, case.f, start, samples);
    lines.reverse();
    let title = format!("What ran around stall {} on CPU {}, in order of time", s.id, s.cpu);
    let name = format!("chart-{}", s.id);
    let mut figure = graph(&name, title, &single(&lines), Form::Chart)?;
    let scale = Scale { from: start, to: last, left: PAD, width: WIDTH - 2.0 * PAD };
    let mut body = axis::time(scale, crate::render::spans::start(s), 0.0, figure.height + 2.0);
    body += &edges(scale, s, figure.height);
    figure.body = body + &figure.body;
    figure.height += 22.0;
    if left_out > 0 {
        figure.desc += &format!(" {left_out} samples before these are not drawn.");
    }
    Some(figure)
}

/// The stall as the ground behind the frames.
fn edges(scale: Scale, s: &Stall, height: f64) -> String {
    let clamp = |t: Ktime| t.clamp(scale.from, scale.to);
    let start = clamp(crate::render::spans::start(s));
    let end = clamp(crate::render::spans::end(s));
    format!(
        "<rect class=\"band\" x=\"{:.2}\" y=\"0\" width=\"{:.2}\" height=\"{height:.0}\"/>\n",
        scale.x(start),
        scale.length(start, end)
    )
}

fn single(lines: &[(String, u64)]) -> Vec<(String, [u64; 2])> {
    lines.iter().map(|(line, n)| (line.clone(), [*n, 0])).collect()
}

fn graph(name: &str, title: String, lines: &[(String, [u64; 2])], form: Form) -> Option<Figure> {
    let (body, height) = flame::frames(lines, form, WIDTH)?;
    let desc = match form {
        Form::Graph => "Flame graph: the wider a frame, the more samples; callees above callers.",
        Form::Difference => {
            "Flame graph, as wide as during stalls: what a function did itself, not what it called, \
             is red where it is more than in the whole recording, blue where it is less."
        }
        Form::Chart => CHART,
    };
    Some(Figure { name: name.to_owned(), title, desc: desc.to_owned(), height, body })
}
