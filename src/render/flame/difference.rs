//! A differential flame graph: functions that did more themselves are red, that did less blue.

use std::collections::BTreeMap;
use std::io::{self, Write};

use inferno::flamegraph::{self, Options, TextTruncateDirection};

use super::super::escape;
use super::svg::{empty, stack, without_doctype};
use super::{Caption, held};
use crate::model::Recording;
use crate::model::findings::Findings;
use crate::render::text::time;

/// Draws what held the CPUs during stalls, before and after. The counts before are scaled to the
/// time and the sampling period after. Widths are those of the side that has more, so that neither
/// what is gone nor what is new is lost.
///
/// # Errors
/// The writer's.
pub fn difference(
    out: &mut dyn Write,
    before: (&Recording, &Findings),
    after: (&Recording, &Findings),
) -> io::Result<()> {
    let mut both: BTreeMap<String, [u64; 2]> = BTreeMap::new();
    let scale = scale(before.0, after.0);
    for (n, (r, f)) in [before, after].into_iter().enumerate() {
        for (line, weight) in held(r, f) {
            let weight = if n == 0 { (weight as f64 * scale).round() as u64 } else { weight };
            if let Some(stack) = stack(&line) {
                let counts = both.entry(stack).or_default();
                counts[n] = counts[n].saturating_add(weight);
            }
        }
    }
    let total = |n: usize| both.values().fold(0u64, |sum, c| sum.saturating_add(c[n]));
    let wide = usize::from(total(1) >= total(0));
    let side = ["before", "after"][wide];
    let caption = Caption {
        title: "What held CPUs during stalls, before and after".to_owned(),
        subtitle: format!(
            "colour: what a function did itself, red: more after, blue: less; widths: {side}. \
             Before: {}, scaled to {} after",
            time(before.0.duration()).replace('\u{a0}', " "),
            time(after.0.duration()).replace('\u{a0}', " ")
        ),
        empty: "No sample fell into a stall on either side.".to_owned(),
    };
    if total(wide) == 0 {
        return empty(out, &caption);
    }
    // The last count is the width.
    let lines: Vec<String> =
        both.iter().map(|(stack, c)| format!("{stack} {} {}", c[1 - wide], c[wide])).collect();
    let mut options = Options::default();
    options.title = caption.title;
    options.subtitle = Some(escape::visible(&caption.subtitle).into_owned());
    options.count_name = "samples".to_owned();
    options.name_type = String::new();
    options.text_truncate_direction = TextTruncateDirection::Right;
    options.negate_differentials = wide == 0;
    // What did not change is white: it must not sink into the page.
    let grey = flamegraph::color::Color { r: 236, g: 238, b: 241 };
    options.bgcolors = Some(flamegraph::color::BackgroundColor::Flat(grey));
    let mut drawn = Vec::with_capacity(1 << 20);
    flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), &mut drawn)?;
    out.write_all(without_doctype(&drawn))
}

/// What a sample before is worth after: the sides differ in length and sampling period.
fn scale(before: &Recording, after: &Recording) -> f64 {
    let ticks = |r: &Recording| r.duration().0 as f64 / r.meta.sample_period.0 as f64;
    let scale = ticks(after) / ticks(before);
    if scale.is_finite() { scale } else { 1.0 }
}
