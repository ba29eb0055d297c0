//! Charts of plotters inside our figures: its whole pixels are enough for axes and curves. What it
//! colours becomes classes, so that the page can change its ground.

use plotters::style::RGBColor;

/// Stands for a class in what plotters draws; the page knows no such colours.
const CLASSES: [(RGBColor, &str); 4] =
    [(GRID, "grid"), (AXIS, "axis"), (LIMIT, "limit"), (INK, "ink")];
pub(super) const GRID: RGBColor = RGBColor(1, 0, 0);
pub(super) const AXIS: RGBColor = RGBColor(1, 0, 1);
pub(super) const LIMIT: RGBColor = RGBColor(1, 0, 2);
pub(super) const INK: RGBColor = RGBColor(1, 0, 3);

/// The colour that stands for the curve of a number.
pub(super) fn curve(n: usize) -> RGBColor {
    RGBColor(2, 0, n as u8)
}

/// The elements inside of what plotters drew, its colours made classes.
pub(super) fn classes(svg: &str) -> String {
    let from = svg.find('>').map_or(0, |at| at + 1);
    let to = svg.rfind("</svg>").unwrap_or(svg.len());
    let mut inside = svg.get(from..to).unwrap_or_default().trim_start().to_owned();
    for (color, class) in CLASSES {
        inside = with_class(&inside, color, class);
    }
    for n in 0..super::curves::CURVES {
        inside = with_class(&inside, curve(n), &format!("curve c{n}"));
    }
    inside
}

fn with_class(svg: &str, RGBColor(r, g, b): RGBColor, class: &str) -> String {
    let hex = format!("#{r:02X}{g:02X}{b:02X}\"");
    let class = format!("class=\"{class}\"");
    svg.replace(&format!("stroke=\"{hex}"), &class).replace(&format!("fill=\"{hex}"), &class)
}
