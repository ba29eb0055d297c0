//! Rows of an anatomy: a label on the left, a bar to scale, its length.

use std::fmt::Write;

use super::Scale;
use crate::render::{escape, markup};
use crate::units::Ktime;

/// Pixels of the labels on the left.
pub(super) const GUTTER: f64 = 168.0;
/// Pixels of a bar, and from one to the next.
pub(super) const BAR: f64 = 16.0;
pub(super) const PITCH: f64 = 22.0;
/// Pixels that a label takes beside or inside a bar.
const LABEL: f64 = 64.0;

/// Where the next row goes.
pub(super) struct Rows {
    pub(super) scale: Scale,
    pub(super) y: f64,
    pub(super) out: String,
}

impl Rows {
    /// Names the row.
    pub(super) fn label(&mut self, words: &str) {
        let _ = writeln!(
            self.out,
            "<text class=\"end\" x=\"{:.0}\" y=\"{:.1}\">{}</text>",
            GUTTER - 10.0,
            self.y + BAR - 4.0,
            markup::text(&escape::end(words, 26))
        );
    }

    /// A bar with its length in it, or beside it where it is too narrow.
    pub(super) fn bar(&mut self, class: &str, from: Ktime, to: Ktime, title: &str, label: &str) {
        let x = self.scale.x(from);
        let width = self.scale.length(from, to).max(1.0);
        let y = self.y;
        let title = markup::name(title);
        let _ = writeln!(
            self.out,
            "<rect class=\"{class}\" x=\"{x:.2}\" y=\"{y:.1}\" width=\"{width:.2}\" \
             height=\"{BAR}\"><title>{title}</title></rect>"
        );
        let base = y + BAR - 4.0;
        let label = markup::text(label);
        let _ = match () {
            () if width >= LABEL && !class.contains("slept") => {
                writeln!(
                    self.out,
                    "<text class=\"in\" x=\"{:.1}\" y=\"{base:.1}\">{label}</text>",
                    x + 6.0
                )
            }
            () if x + width + LABEL < self.scale.right() => writeln!(
                self.out,
                "<text class=\"ink\" x=\"{:.1}\" y=\"{base:.1}\">{label}</text>",
                x + width + 5.0
            ),
            () => writeln!(
                self.out,
                "<text class=\"ink end\" x=\"{:.1}\" y=\"{base:.1}\">{label}</text>",
                (x - 5.0).max(GUTTER + LABEL)
            ),
        };
    }
}
