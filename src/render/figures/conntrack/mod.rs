//! Connection tracking over time: what its counters had grown by at each reading, and below them
//! each connection whose first packet was dropped, until its SYN was sent again.

mod flows;
mod steps;

use std::collections::BTreeSet;
use std::fmt::Write;

use super::axis::{self, Scale};
use super::{Figure, WIDTH};
use crate::analysis::conntrack::series::{Reading, readings};
use crate::model::findings::{Conntrack, CtNamespace};
use crate::render::case::Case;
use crate::render::terminal::conntrack::{lost, name};
use crate::render::text::plural;

/// Connections that the page lists; of more, the figure links to none.
pub(in crate::render) const LISTED: usize = 200;
/// Namespaces that get a chart, those that lost most.
const CHARTS: usize = 4;
/// Pixels of the labels on the left and on the right.
const LEFT: f64 = 84.0;
const RIGHT: f64 = 140.0;
/// Where the field of the counters begins, and how high it is.
const TOP: f64 = 26.0;
const FIELD: f64 = 110.0;

/// A chart, and what has to be said about it.
pub(in crate::render) struct Chart {
    pub(in crate::render) figure: Figure,
    /// How often the counters were read, and what that means.
    pub(in crate::render) notes: Vec<String>,
}

pub(super) fn figures(case: &Case<'_>) -> Vec<Figure> {
    charts(case).into_iter().map(|chart| chart.figure).collect()
}

/// A chart for each network namespace that lost something.
pub(in crate::render) fn charts(case: &Case<'_>) -> Vec<Chart> {
    let Some(ct) = &case.f.conntrack else { return Vec::new() };
    let failed: BTreeSet<u64> = ct.failed.iter().map(|f| f.netns).collect();
    let lossy = ct.namespaces.iter().filter(|n| lost(n) || failed.contains(&n.netns));
    let mut places: Vec<(u64, Option<&CtNamespace>)> = lossy.map(|n| (n.netns, Some(n))).collect();
    // Packets may be dropped in namespaces whose counters nobody read.
    let known = |netns: &u64| ct.namespaces.iter().any(|n| n.netns == *netns);
    places.extend(failed.iter().filter(|n| !known(n)).map(|netns| (*netns, None)));
    let all = places.into_iter().take(CHARTS);
    all.filter_map(|(netns, namespace)| chart(case, ct, netns, namespace)).collect()
}

fn chart(
    case: &Case<'_>,
    ct: &Conntrack,
    netns: u64,
    namespace: Option<&CtNamespace>,
) -> Option<Chart> {
    let window = case.f.window;
    let width = WIDTH - LEFT - RIGHT;
    let scale = Scale { from: window.start, to: window.end, left: LEFT, width };
    let readings = readings(case.r, netns);
    let place = namespace.map_or_else(|| format!("net:[{netns}]"), name);
    let (mut body, mut y, mut notes) = (String::new(), TOP, Vec::new());
    if readings.iter().any(|reading| reading.grown.is_some()) {
        steps::draw(&mut body, scale, namespace, &readings);
        y += FIELD + 20.0;
        notes.push(rhythm(&readings));
    } else {
        notes
            .push("Its counters were not read twice, so nothing is known of when they grew".into());
    }
    let below = flows::draw(&mut body, scale, ct, netns, y);
    notes.extend(below.notes);
    if body.is_empty() {
        return None;
    }
    let bottom = below.bottom;
    let body = axis::time(scale, window.start, TOP - 4.0, bottom) + &body;
    let drawn = plural(below.drawn, "connection");
    Some(Chart {
        figure: Figure {
            name: format!("conntrack-{netns}"),
            title: format!("Connection tracking of {place} over time"),
            desc: format!(
                "What counters had grown by at each reading, and {drawn} whose first packet was \
                 dropped. The tables below hold the same as text."
            ),
            height: bottom + 22.0,
            body,
        },
        notes,
    })
}

/// When the counters were read.
fn rhythm(readings: &[Reading<'_>]) -> String {
    format!(
        "The counters were read {}, at the marks on their axis: a step is what they grew by since \
         the reading before, not when they did",
        match readings.len() {
            2 => "twice".to_owned(),
            n => plural(n, "time"),
        }
    )
}

/// A text at a place.
fn words(out: &mut String, class: &str, x: f64, y: f64, words: &str) {
    let words = crate::render::markup::text(words);
    let _ = writeln!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>");
}
