//! Folded lines to an SVG that needs nothing from elsewhere.

use std::io::{self, Write};

use inferno::flamegraph::{self, Options, TextTruncateDirection};

use super::super::escape;
use super::{Caption, colors};

/// Frames narrower than this share of the graph (in per cent) are left out: half a pixel.
const MIN_WIDTH: f64 = 0.04;

/// Draws folded lines. No lines give a small picture that says why.
///
/// # Errors
/// The writer's.
pub fn svg(out: &mut dyn Write, folded: &[(String, u64)], caption: &Caption) -> io::Result<()> {
    let counted = folded.iter().filter(|(_, n)| *n > 0);
    let stacks: Vec<(String, u64)> =
        counted.filter_map(|(text, n)| Some((stack(text)?, *n))).collect();
    if stacks.is_empty() {
        return empty(out, caption);
    }
    let mut palette = colors::of(&stacks);
    let lines: Vec<String> = stacks.iter().map(|(stack, n)| format!("{stack} {n}")).collect();
    let mut options = Options::default();
    options.title = escape::visible(&caption.title).into_owned();
    options.subtitle = Some(escape::visible(&caption.subtitle).into_owned());
    options.count_name = "samples".to_owned();
    options.name_type = String::new();
    options.min_width = MIN_WIDTH;
    options.text_truncate_direction = TextTruncateDirection::Right;
    options.bgcolors = Some(flamegraph::color::BackgroundColor::Flat(WHITE));
    options.palette_map = Some(&mut palette);
    let mut drawn = Vec::with_capacity(1 << 20);
    flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), &mut drawn)?;
    out.write_all(without_doctype(&drawn))
}

const WHITE: flamegraph::color::Color = flamegraph::color::Color { r: 255, g: 255, b: 255 };

/// A stack as inferno reads it; none for one without a name. Unbreakable spaces, which are no
/// separators to inferno, keep a number at the end from being taken for a second count, and a
/// hash at the beginning for a comment.
pub(crate) fn stack(text: &str) -> Option<String> {
    let text = text.trim_matches([';', ' ']);
    let text = match text.strip_prefix("# ") {
        Some(rest) => format!("#\u{a0}{rest}"),
        None => text.to_owned(),
    };
    let text = match text.rsplit_once(' ') {
        Some((head, tail)) if tail.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
            format!("{head}\u{a0}{tail}")
        }
        _ => text,
    };
    (!text.is_empty()).then_some(text)
}

/// The document type names a URL that some parsers would fetch; browsers ignore it.
pub(super) fn without_doctype(svg: &[u8]) -> &[u8] {
    match svg.windows(4).position(|w| w == b"<svg") {
        Some(at) => &svg[at..],
        None => svg,
    }
}

pub(super) fn empty(out: &mut dyn Write, caption: &Caption) -> io::Result<()> {
    let text = |y: u32, size: u32, fill: &str, text: &str| {
        let text = xml(text);
        format!(
            "<text x=\"50%\" y=\"{y}\" text-anchor=\"middle\" font-family=\"monospace\" \
             font-size=\"{size}\" fill=\"{fill}\">{text}</text>\n"
        )
    };
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"1200\" height=\"120\" \
         viewBox=\"0 0 1200 120\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{}{}{}</svg>",
        text(28, 17, "#000000", &caption.title),
        text(50, 12, "#606060", &caption.subtitle),
        text(88, 14, "#000000", &caption.empty),
    )
}

fn xml(text: &str) -> String {
    escape::visible(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
