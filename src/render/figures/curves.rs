//! Percentiles of every latency of a CPU: how long in the worst of ten, of a hundred, of a thousand.

use std::collections::BTreeMap;
use std::fmt::Write;

use plotters::coord::combinators::BindKeyPoints;
use plotters::prelude::*;

use super::{Figure, WIDTH, axis, plot};
use crate::analysis::Histogram;
use crate::model::Vector;
use crate::model::nodes::MergedLatency;
use crate::render::case::Case;
use crate::render::markup;
use crate::render::text::{count, plural};
use crate::units::{Cpu, Nanos};

/// Curves of a CPU, those with the longest latencies.
pub(super) const CURVES: usize = 7;
/// CPUs that get a chart, those with the longest latencies.
const CPUS: usize = 3;
const HEIGHT: u32 = 300;
/// Pixels that a label at the end of a curve takes.
const LABEL: f64 = 14.0;

pub(in crate::render) fn figures(case: &Case<'_>) -> Vec<Figure> {
    let mut longest: BTreeMap<Cpu, Nanos> = BTreeMap::new();
    for h in &case.histograms {
        let most = longest.entry(h.cpu).or_default();
        *most = h.at(1.0).max(*most);
    }
    let mut cpus: Vec<(Nanos, Cpu)> = longest.into_iter().map(|(cpu, most)| (most, cpu)).collect();
    cpus.sort_by_key(|&(max, cpu)| (std::cmp::Reverse(max), cpu));
    cpus.into_iter().take(CPUS).filter_map(|(_, cpu)| draw(case, cpu)).collect()
}

/// A latency as it is drawn.
pub(super) struct Curve<'a> {
    what: &'static str,
    vector: Option<Vector>,
    count: u64,
    longest: Nanos,
    buckets: &'a [(Nanos, u64)],
}

impl<'a> From<&'a Histogram> for Curve<'a> {
    fn from(h: &'a Histogram) -> Curve<'a> {
        let Histogram { what, vector, count, .. } = *h;
        Curve { what, vector, count, longest: h.at(1.0), buckets: &h.buckets }
    }
}

impl<'a> From<&'a MergedLatency> for Curve<'a> {
    fn from(l: &'a MergedLatency) -> Curve<'a> {
        let MergedLatency { what, vector, count, max: longest, .. } = *l;
        Curve { what, vector, count, longest, buckets: &l.buckets }
    }
}

impl Curve<'_> {
    /// `NET_RX softirq delay`, `ksoftirqd wait`.
    fn name(&self) -> String {
        let what = self.what.replace('_', " ");
        self.vector.map_or(what.clone(), |v| format!("{v} {what}"))
    }
}

/// Of how many one is longer: on a logarithmic axis of these each nine has the same room.
fn one_in(seen: u64, count: u64) -> f64 {
    count as f64 / count.saturating_sub(seen).max(1) as f64
}

/// The steps of a histogram: each bucket from the share before it to the share with it.
fn steps(h: &Curve<'_>, least: f64) -> Vec<(f64, f64)> {
    let (mut seen, mut x) = (0u64, 1.0);
    let mut points = Vec::with_capacity(h.buckets.len() * 2);
    for &(upper, n) in h.buckets {
        let y = (upper.0 as f64).max(least);
        points.push((x, y));
        seen = seen.saturating_add(n);
        x = one_in(seen, h.count);
        points.push((x, y));
    }
    points
}

fn draw(case: &Case<'_>, cpu: Cpu) -> Option<Figure> {
    let of_cpu = case.histograms.iter().filter(|h| h.cpu == cpu).map(Curve::from).collect();
    let names = [format!("latency-cpu-{cpu}"), format!("Latencies of CPU {cpu} by percentile")];
    chart(of_cpu, Some(case.f.options.stall_threshold), names)
}

/// A chart of latencies with its name and title; none of nothing.
pub(super) fn chart(
    mut of_cpu: Vec<Curve<'_>>,
    threshold: Option<Nanos>,
    [name, title]: [String; 2],
) -> Option<Figure> {
    of_cpu.retain(|h| h.count > 1);
    of_cpu.sort_by_key(|h| (std::cmp::Reverse(h.longest), h.what, h.vector));
    let left_out = of_cpu.len().saturating_sub(CURVES);
    of_cpu.truncate(CURVES);
    let longest = of_cpu.first()?.longest;
    let high = longest.max(threshold.unwrap_or_default()).0.max(10) as f64 * 1.6;
    let shortest = of_cpu.iter().filter_map(|h| h.buckets.first()).map(|b| b.0.0).min()?;
    let least = 10f64.powf((shortest.max(10) as f64).log10().floor());
    let right = of_cpu.iter().map(|h| one_in(h.count, h.count)).fold(10.0, f64::max) * 1.4;

    let mut svg = String::new();
    let ends = {
        let root = SVGBackend::with_string(&mut svg, (WIDTH as u32, HEIGHT)).into_drawing_area();
        let shares = (0..=right.log10() as i32).map(|n| 10f64.powi(n));
        let decades = (least.log10().round() as i32..=high.log10() as i32).map(|n| 10f64.powi(n));
        let mut chart = ChartBuilder::on(&root)
            .margin_top(10)
            .margin_right(256)
            .x_label_area_size(38)
            .y_label_area_size(74)
            .build_cartesian_2d(
                (1.0..right).log_scale().with_key_points(shares.collect::<Vec<f64>>()),
                (least..high).log_scale().with_key_points(decades.collect::<Vec<f64>>()),
            )
            .ok()?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(plot::GRID)
            .axis_style(plot::AXIS)
            .label_style(("sans-serif", 11, &plot::INK))
            .x_label_formatter(&share)
            .y_label_formatter(&|v| axis::round(Nanos(v.round() as u64)))
            .x_desc("share of all events that took no longer (each step: ten times rarer)")
            .y_desc("length (logarithmic)")
            .draw()
            .ok()?;
        let limit = threshold.map_or(0.0, |threshold| threshold.0 as f64);
        if limit >= least {
            let line = [(1.0, limit), (right, limit)];
            chart.draw_series(LineSeries::new(line, plot::LIMIT)).ok()?;
        }
        let mut ends = Vec::new();
        for (n, h) in of_cpu.iter().enumerate() {
            let points = steps(h, least);
            if let Some(last) = points.last() {
                ends.push(chart.backend_coord(last));
            }
            chart.draw_series(LineSeries::new(points, plot::curve(n))).ok()?;
        }
        let edge = chart.backend_coord(&(right, limit.max(least)));
        root.present().ok()?;
        (ends, edge)
    };
    let mut body = plot::classes(&svg);
    body += &labels(&of_cpu, &ends.0, ends.1.0);
    if let Some(threshold) = threshold {
        let _ = writeln!(
            body,
            "<text class=\"accent\" x=\"84\" y=\"{}\">what counts as a stall: {threshold}</text>",
            ends.1.1 - 5
        );
    }
    let more = match left_out {
        0 => String::new(),
        n => format!(" {} with shorter latencies not drawn.", plural(n, "curve")),
    };
    Some(Figure {
        name,
        title,
        desc: format!("The table below holds the same as text.{more}"),
        height: f64::from(HEIGHT),
        body,
    })
}

/// `0 %`, `90 %`, `99.9 %` of a place on the axis.
fn share(one_in: &f64) -> String {
    let digits = (one_in.log10().round() as usize).saturating_sub(2);
    format!("{:.digits$} %", 100.0 - 100.0 / one_in)
}

/// The name of each curve on the right, led to its end.
fn labels(curves: &[Curve<'_>], ends: &[(i32, i32)], edge: i32) -> String {
    let mut order: Vec<usize> = (0..ends.len().min(curves.len())).collect();
    order.sort_by_key(|&n| (ends[n].1, n));
    let mut svg = String::new();
    let mut y = 4.0;
    for n in order {
        y = (f64::from(ends[n].1) + 4.0).max(y + LABEL);
        let (x, end) = (f64::from(edge) + 18.0, ends[n]);
        let words =
            format!("{}  {} of {}", curves[n].name(), curves[n].longest, count(curves[n].count));
        let _ = writeln!(
            svg,
            "<path class=\"axis\" fill=\"none\" d=\"M{} {}L{edge} {:.0}H{:.0}\"/>\
             <text class=\"t{n}\" x=\"{x:.0}\" y=\"{y:.0}\">{}</text>",
            end.0 + 2,
            end.1,
            y - 4.0,
            f64::from(edge) + 14.0,
            markup::text(&words)
        );
    }
    svg
}
