//! Heat maps whose rows and columns have names: a number in each cell, a colour for its size.

use std::fmt::Write;

use super::{Figure, WIDTH};
use crate::render::{escape, markup};

/// Pixels of a row, of a line of the heads, and between groups of rows.
const PITCH: f64 = 22.0;
const LINE: f64 = 13.0;
const GAP: f64 = 8.0;
/// Pixels of the sums on the right.
const SUM: f64 = 110.0;
/// The widest column.
const WIDEST: f64 = 84.0;
/// Columns of a line of a head.
const HEAD: usize = 12;
/// Pixels that a column of a text takes, and of a bold one.
const GLYPH: f64 = 6.3;
const BOLD: f64 = 7.4;

/// A heat map.
pub(super) struct Grid {
    /// What the columns are.
    pub(super) across: String,
    /// What the sums on the right are.
    pub(super) sums: String,
    /// What the numbers are, for the key.
    pub(super) unit: String,
    /// Pixels of the names on the left.
    pub(super) gutter: f64,
    pub(super) heads: Vec<Head>,
    pub(super) rows: Vec<Row>,
    /// Up to what each of the four colours goes.
    pub(super) steps: [String; 4],
}

/// The head of a column: a line or two.
pub(super) struct Head {
    pub(super) lines: Vec<String>,
    pub(super) title: String,
    /// Something was bad there.
    pub(super) marked: bool,
}

impl Head {
    /// Words as lines of a head, as few as there is room for.
    pub(super) fn lines(words: &str) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in words.split(' ') {
            match lines.last_mut() {
                Some(line) if line.len() + 1 + word.len() <= HEAD => {
                    *line += " ";
                    *line += word;
                }
                _ => lines.push(word.to_owned()),
            }
        }
        lines
    }
}

/// A row.
pub(super) struct Row {
    /// Begins a group: its name.
    pub(super) group: Option<String>,
    /// Its own name.
    pub(super) name: String,
    pub(super) cells: Vec<Option<Cell>>,
    pub(super) sum: String,
}

/// A cell that holds something.
pub(super) struct Cell {
    /// Which colour, 1 to 4.
    pub(super) level: usize,
    pub(super) text: String,
    pub(super) title: String,
}

impl Grid {
    pub(super) fn figure(&self, name: &str, title: String, desc: String) -> Figure {
        let mut body = String::new();
        let bottom = self.draw(&mut body);
        self.key(&mut body, bottom + 12.0);
        let (name, height) = (name.to_owned(), bottom + 32.0);
        Figure { name, title, desc, height, body }
    }

    /// Draws heads and rows; returns where they end.
    fn draw(&self, out: &mut String) -> f64 {
        let columns = self.heads.len().max(1) as f64;
        let width = ((WIDTH - self.gutter - SUM) / columns).min(WIDEST);
        let right = self.gutter + width * columns;
        let lines = self.heads.iter().map(|h| h.lines.len()).max().unwrap_or(1);
        let mut y = 10.0 + LINE * (lines + 1) as f64;
        let mut text = |class: &str, x: f64, y: f64, words: &str| {
            let words = markup::text(words);
            let _ =
                writeln!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>");
        };
        text("head", self.gutter + 2.0, 12.0, &self.across);
        text("end", right + SUM - 12.0, y - 6.0, &self.sums);
        for (n, head) in self.heads.iter().enumerate() {
            let x = self.gutter + width * (n as f64 + 0.5);
            for (line, words) in head.lines.iter().enumerate() {
                let from_below = (head.lines.len() - 1 - line) as f64;
                let class = if head.marked { "mid accent head" } else { "mid" };
                let title = markup::text(&head.title);
                let _ = writeln!(
                    out,
                    "<text class=\"{class}\" x=\"{x:.1}\" y=\"{:.1}\">{}<title>{title}</title></text>",
                    y - 6.0 - LINE * from_below,
                    markup::text(words)
                );
            }
        }
        for (n, row) in self.rows.iter().enumerate() {
            if n > 0 && row.group.is_some() {
                y += GAP;
            }
            self.row(out, row, y, width);
            y += PITCH;
        }
        y
    }

    fn row(&self, out: &mut String, row: &Row, y: f64, width: f64) {
        let base = y + PITCH - 7.5;
        let most = ((self.gutter - 16.0) / GLYPH) as usize;
        let name = escape::end(&row.name, most);
        let _ = writeln!(
            out,
            "<text class=\"end\" x=\"{:.1}\" y=\"{base:.1}\">{}</text>",
            self.gutter - 8.0,
            markup::text(&name)
        );
        if let Some(group) = &row.group {
            let left = self.gutter - 24.0 - escape::columns(&name) as f64 * GLYPH;
            let _ = writeln!(
                out,
                "<text class=\"head\" x=\"2\" y=\"{base:.1}\">{}<title>{}</title></text>",
                markup::text(&escape::middle(group, (left / BOLD).max(1.0) as usize)),
                markup::name(group)
            );
        }
        for (n, cell) in row.cells.iter().enumerate() {
            let x = self.gutter + width * n as f64;
            let place = format!(
                "x=\"{x:.2}\" y=\"{y:.1}\" width=\"{:.2}\" height=\"{:.1}\"",
                width - 1.0,
                PITCH - 1.0
            );
            let Some(cell) = cell else {
                let _ = writeln!(out, "<rect class=\"row\" {place}/>");
                continue;
            };
            let level = cell.level.clamp(1, 4);
            let _ = writeln!(
                out,
                "<g><title>{}</title><rect class=\"s{level}\" {place}/>\
                 <text class=\"mid on{level}\" x=\"{:.2}\" y=\"{base:.1}\">{}</text></g>",
                markup::name(&cell.title),
                x + width / 2.0 - 0.5,
                markup::text(&cell.text)
            );
        }
        let _ = writeln!(
            out,
            "<text class=\"end\" x=\"{:.1}\" y=\"{base:.1}\">{}</text>",
            self.gutter + width * row.cells.len() as f64 + SUM - 12.0,
            markup::text(&row.sum)
        );
    }

    /// What the colours mean, in a line.
    fn key(&self, out: &mut String, y: f64) {
        let mut x = self.gutter;
        for (n, step) in self.steps.iter().enumerate() {
            let _ = writeln!(
                out,
                "<rect class=\"s{}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"12\" height=\"12\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                n + 1,
                x + 17.0,
                y + 10.0,
                markup::text(step)
            );
            x += 40.0 + escape::columns(step) as f64 * GLYPH;
        }
        let unit = markup::text(&self.unit);
        let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{:.1}\">{unit}</text>", y + 10.0);
    }
}
