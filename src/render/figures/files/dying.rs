//! Dying memory cgroups below the dots, as they were counted.

use std::fmt::Write;

use super::text;
use crate::render::figures::axis::{self, Scale};
use crate::render::text::count;
use crate::units::Ktime;

/// Counts marked one by one.
const MARKS: usize = 3_000;
/// Pixels of the field.
const STRIP: f64 = 56.0;

/// How many dying memory cgroups were counted when; returns where it ends.
pub(super) fn draw(out: &mut String, scale: Scale, counts: &[(Ktime, u64)], y: f64) -> f64 {
    text(out, "head", 2.0, y + 12.0, "dying memory cgroups, as counted");
    let bottom = y + 38.0 + STRIP;
    let most = counts.iter().map(|c| c.1).max().unwrap_or_default().max(1);
    let step = axis::step(most, 2);
    let high = most.div_ceil(step).saturating_mul(step);
    let at = |n: u64| bottom - STRIP * (n as f64 / high as f64);
    for n in 0..=(high / step) {
        let n = n.saturating_mul(step);
        let (left, right, y) = (scale.left, scale.right(), at(n));
        let _ = writeln!(out, "<path class=\"grid\" d=\"M{left:.1} {y:.2}H{right:.1}\"/>");
        text(out, "end", left - 8.0, y + 4.0, &count(n));
    }
    let mut path = String::new();
    for (n, &(moment, dying)) in counts.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = match n {
            0 => write!(path, "M{:.2} {:.2}", scale.x(moment), at(dying)),
            _ => write!(path, "H{:.2}V{:.2}", scale.x(moment), at(dying)),
        };
    }
    let _ = writeln!(out, "<path class=\"count\" d=\"{path}\"/>");
    for &(moment, dying) in counts.iter().take(MARKS) {
        let title = format!("{} at +{:.3} s", count(dying), moment.since(scale.from).secs());
        let _ = writeln!(
            out,
            "<circle class=\"irq\" cx=\"{:.2}\" cy=\"{:.2}\" r=\"2.5\"><title>{title}</title></circle>",
            scale.x(moment),
            at(dying)
        );
    }
    // The first and the last count in figures, unless they would meet.
    let (Some(first), Some(last)) = (counts.first(), counts.last()) else { return bottom + 2.0 };
    text(out, "ink", scale.x(first.0) + 4.0, at(first.1) - 6.0, &count(first.1));
    if scale.length(first.0, last.0) > 160.0 {
        text(out, "ink end", scale.x(last.0) - 4.0, at(last.1) - 6.0, &count(last.1));
    }
    bottom + 2.0
}
