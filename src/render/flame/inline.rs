//! Frames alone, to stand inside a figure: what inferno draws around them has ids and a script that
//! would clash where several graphs share a page.

use inferno::flamegraph::{self, Options, TextTruncateDirection};

use super::colors;
use super::fold::APART;
use super::svg::stack;

/// Frames narrower than this share of the graph (in per cent) are left out: a pixel.
const MIN_WIDTH: f64 = 0.1;
/// Pixels that inferno leaves above and below the frames for titles and its script.
const ABOVE: f64 = 33.0;
const BELOW: f64 = 32.0;
/// Size of letters; a frame is as much higher as they need.
const FONT: usize = 11;

/// How lines become frames.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::render) enum Form {
    /// Sorted, equal ones joined; the weight is a number of samples.
    Graph,
    /// The same with two weights, coloured by how a function's own ones differ.
    Difference,
    /// In order of time, the newest line first; the weight is in microseconds.
    Chart,
}

/// Frames as SVG and their height in pixels; none where there is no line with a weight.
pub(in crate::render) fn frames(
    lines: &[(String, [u64; 2])],
    form: Form,
    width: f64,
) -> Option<(String, f64)> {
    let counted = lines.iter().filter(|(_, n)| n.iter().any(|&n| n > 0));
    let stacks: Vec<(String, [u64; 2])> =
        counted.filter_map(|(text, n)| Some((stack(text)?, *n))).collect();
    // Each copy of the lines is let go of as soon as the next is there.
    let mut palette = {
        let plain: Vec<(String, u64)> = stacks.iter().map(|(s, n)| (s.clone(), n[0])).collect();
        colors::of(&plain)
    };
    let lines: Vec<String> = stacks
        .into_iter()
        .map(|(stack, [one, two])| match form {
            Form::Difference => format!("{stack} {one} {two}"),
            _ => format!("{stack} {one}"),
        })
        .collect();
    let mut options = Options::default();
    options.count_name = if form == Form::Chart { "us" } else { "samples" }.to_owned();
    options.image_width = Some(width as usize);
    options.min_width = MIN_WIDTH;
    options.font_size = FONT;
    options.text_truncate_direction = TextTruncateDirection::Right;
    options.flame_chart = form == Form::Chart;
    options.no_javascript = true;
    if form != Form::Difference {
        options.palette_map = Some(&mut palette);
    }
    let mut drawn = Vec::with_capacity(1 << 18);
    flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), &mut drawn).ok()?;
    let svg = String::from_utf8(drawn).ok()?;
    let whole: f64 = attribute(&svg, "height")?.parse().ok()?;
    let class = if form == Form::Difference { "frames compared" } else { "frames" };
    let frames = &svg[svg.find("<svg id=\"frames\"")?..svg.rfind("</svg>")?];
    // Names are escaped, so a quote stands in a tag and nowhere else.
    let frames = frames
        .replacen("<svg id=\"frames\"", &format!("<svg class=\"{class}\" height=\"{whole:.0}\""), 1)
        .replacen(" total_samples=\"", " data-all=\"", 1)
        .replace(" fg:x=\"", " data-x=\"")
        .replace(" fg:w=\"", " data-w=\"")
        .replace(APART, "");
    let svg = format!("<g transform=\"translate(0 -{ABOVE:.0})\">\n{frames}</g>\n");
    Some((svg, whole - ABOVE - BELOW))
}

/// The first value of an attribute.
fn attribute<'a>(svg: &'a str, name: &str) -> Option<&'a str> {
    let at = svg.find(&format!(" {name}=\""))? + name.len() + 3;
    let rest = &svg[at..];
    Some(&rest[..rest.find('"')?])
}
