//! Time folded upon itself: each column is a second, its rows are the parts of that second. What
//! comes every so often makes a pattern.

use std::collections::BTreeMap;
use std::fmt::Write;

use plotters::prelude::*;

use super::{Figure, WIDTH, axis, plot};
use crate::render::case::Case;
use crate::render::markup;
use crate::render::text::{count, time};
use crate::units::{Cpu, Ktime, Nanos};

/// Rows of a column.
const ROWS: u64 = 50;
/// Columns at most; of a longer recording each holds several seconds, one after the other.
const COLUMNS: u64 = 200;
/// A recording shorter than this many seconds has columns of a tenth of a second.
const SHORT: u64 = 20;
const HEIGHT: u32 = 250;
/// Cells that are links with a tooltip; of more, all are drawn without.
const LINKS: usize = 1_500;

/// What the columns and rows of a recording are.
#[derive(Clone, Copy)]
pub(in crate::render) struct Grid {
    /// Time that a column stands for: the fold.
    pub(in crate::render) fold: Nanos,
    /// Folds laid over each other in one column.
    pub(in crate::render) per_column: u64,
    columns: u64,
    start: Ktime,
}

impl Grid {
    pub(in crate::render) fn of(case: &Case<'_>) -> Grid {
        let start = case.f.window.start;
        let length = case.f.window.end.since(start).0.max(1);
        let short = length < SHORT * 1_000_000_000;
        let fold = Nanos(if short { 100_000_000 } else { 1_000_000_000 });
        let folds = length.div_ceil(fold.0);
        let per_column = folds.div_ceil(COLUMNS).max(1);
        Grid { fold, per_column, columns: folds.div_ceil(per_column), start }
    }

    fn slot(&self) -> u64 {
        self.fold.0 / ROWS
    }

    /// Length of a cell.
    pub(in crate::render) fn cell(&self) -> Nanos {
        Nanos(self.slot())
    }

    /// Where the cell of a moment ends, and 0; or, of a time that begins with a fold, the last
    /// whole fold of it in the same column, and how many there are. A damaged file may tell of
    /// centuries.
    fn next(&self, at: Ktime, end: Ktime) -> (Ktime, u64) {
        let since = at.since(self.start).0;
        let in_column = self.per_column - since / self.fold.0 % self.per_column;
        let folds = match since % self.fold.0 {
            0 => in_column.min(end.since(at).0 / self.fold.0),
            _ => 0,
        };
        let length =
            if folds > 0 { folds * self.fold.0 } else { self.slot() - since % self.slot() };
        (at.after(Nanos(length)), folds)
    }

    /// Column and row of a moment.
    fn at(&self, t: Ktime) -> (u64, u64) {
        let since = t.since(self.start).0;
        let column = since / self.fold.0 / self.per_column;
        (column.min(self.columns - 1), since % self.fold.0 / self.slot())
    }
}

/// What a cell holds: how much, and the longest stall of it.
type Cells = BTreeMap<(u64, u64), (u64, usize)>;

pub(super) fn figures(case: &Case<'_>) -> Vec<Figure> {
    [stalls(case), samples(case)].into_iter().flatten().collect()
}

/// Stalled time; none without stalls.
pub(in crate::render) fn stalls(case: &Case<'_>) -> Option<Figure> {
    let grid = Grid::of(case);
    let mut cells = Cells::new();
    // Stalls of one CPU may overlap: its time is counted once.
    let mut until: BTreeMap<Cpu, Ktime> = BTreeMap::new();
    for s in &case.f.stalls {
        let until = until.entry(s.cpu).or_insert(grid.start);
        let mut at = s.start.max(*until);
        let end = s.start.after(s.duration).min(case.f.window.end);
        *until = end.max(*until);
        while at < end {
            let (column, row) = grid.at(at);
            let (next, folds) = grid.next(at, end);
            let (rows, length) = match folds {
                0 => (1, next.min(end).since(at).0),
                _ => (ROWS, folds * grid.slot()),
            };
            for row in row..row + rows {
                let cell = cells.entry((column, row)).or_insert((0, s.id));
                cell.0 = cell.0.saturating_add(length);
            }
            at = next;
        }
    }
    let desc = |most: u64| format!("The fullest cell holds {} of stalls.", Nanos(most));
    let value = |v: u64| time(Nanos(v)).replace('\u{a0}', " ");
    draw(case, grid, &cells, ["heat-stalls", "When CPUs were stalled", "h"], desc, value)
}

/// Samples; none without them.
pub(in crate::render) fn samples(case: &Case<'_>) -> Option<Figure> {
    let grid = Grid::of(case);
    let mut counts = vec![0u64; (grid.columns * ROWS) as usize];
    for s in &case.r.samples {
        let (column, row) = grid.at(s.time);
        if let Some(n) = counts.get_mut((column * ROWS + row.min(ROWS - 1)) as usize) {
            *n += s.count();
        }
    }
    let filled = counts.iter().enumerate().filter(|(_, n)| **n > 0);
    let cells: Cells =
        filled.map(|(at, &n)| ((at as u64 / ROWS, at as u64 % ROWS), (n, 0))).collect();
    let desc = |most: u64| format!("The fullest cell holds {} samples.", count(most));
    draw(case, grid, &cells, ["heat-samples", "When CPUs were busy (samples)", "s"], desc, count)
}

fn draw(
    case: &Case<'_>,
    grid: Grid,
    cells: &Cells,
    [name, title, class]: [&str; 3],
    desc: impl Fn(u64) -> String,
    value: impl Fn(u64) -> String,
) -> Option<Figure> {
    let most = cells.values().map(|c| c.0).max()?;
    let (axes, left, top, width, height) = axes(grid)?;
    let mut body = axes;
    let (w, h) = (width / grid.columns as f64, height / ROWS as f64);
    let links = class == "h" && cells.len() <= LINKS;
    let mut paths: [String; 4] = Default::default();
    for (&(column, row), &(n, stall)) in cells {
        let level = ((n.saturating_mul(4)).div_ceil(most.max(1)).clamp(1, 4) - 1) as usize;
        let (x, y) = (left + column as f64 * w, top + height - (row + 1) as f64 * h);
        if links {
            let at = column * grid.per_column * grid.fold.0 + row * grid.slot();
            let title = format!("+{:.3} s: {}, stall {stall}", Nanos(at).secs(), value(n));
            let _ = writeln!(
                body,
                "<a href=\"#stall-{stall}\" tabindex=\"-1\"><rect class=\"h{}\" x=\"{x:.1}\" \
                 y=\"{y:.1}\" width=\"{:.1}\" height=\"{h:.1}\"><title>{}</title></rect></a>",
                level + 1,
                (w - 0.5).max(0.6),
                markup::text(&title)
            );
        } else {
            let w = (w - 0.5).max(0.6);
            let _ = write!(paths[level], "M{x:.1} {y:.1}h{w:.1}v{h:.1}h-{w:.1}z");
        }
    }
    for (level, path) in paths.iter().enumerate().filter(|(_, p)| !p.is_empty()) {
        let _ = writeln!(body, "<path class=\"{class}{}\" d=\"{path}\"/>", level + 1);
    }
    body += &key(class, most, value);
    let length = case.f.window.end.since(case.f.window.start);
    Some(Figure {
        name: name.to_owned(),
        title: format!("{title}, in {length}"),
        desc: desc(most),
        height: f64::from(HEIGHT),
        body,
    })
}

/// The four colours and up to what they go.
fn key(class: &str, most: u64, value: impl Fn(u64) -> String) -> String {
    let mut svg = String::new();
    for level in 1..=4u64 {
        let up_to = |level: u64| u128::from(most) * u128::from(level) / 4;
        let up_to = |level: u64| u64::try_from(up_to(level)).unwrap_or(u64::MAX);
        // Of few events some levels have no whole number, so that no cell has their colour.
        if up_to(level) == up_to(level - 1) {
            continue;
        }
        let y = 200.0 - level as f64 * 18.0;
        let words = markup::text(&value(up_to(level))).into_owned();
        let _ = writeln!(
            svg,
            "<rect class=\"{class}{level}\" x=\"{:.0}\" y=\"{y:.0}\" width=\"12\" height=\"12\"/>\
             <text x=\"{:.0}\" y=\"{:.0}\">\u{2264} {words}</text>",
            WIDTH - 96.0,
            WIDTH - 80.0,
            y + 10.0
        );
    }
    svg
}

/// The axes, and where their field is: left, top, width, height.
fn axes(grid: Grid) -> Option<(String, f64, f64, f64, f64)> {
    let mut svg = String::new();
    let field = {
        let root = SVGBackend::with_string(&mut svg, (WIDTH as u32, HEIGHT)).into_drawing_area();
        let seconds = |folds: f64| folds * grid.fold.secs();
        let right = seconds((grid.columns * grid.per_column) as f64);
        let digits = usize::from(right < 10.0);
        let high = grid.fold.0 as f64 / 1e6;
        let mut chart = ChartBuilder::on(&root)
            .margin_top(8)
            .margin_right(120)
            .x_label_area_size(38)
            .y_label_area_size(74)
            .build_cartesian_2d(0.0..right, 0.0..high)
            .ok()?;
        let each = match grid.per_column {
            1 => axis::round(grid.fold),
            n => format!("{n} times {}, one over the other", axis::round(grid.fold)),
        };
        chart
            .configure_mesh()
            .disable_mesh()
            .axis_style(plot::AXIS)
            .label_style(("sans-serif", 11, &plot::INK))
            .x_labels(12)
            .y_labels(5)
            .x_label_formatter(&|v| format!("{v:.digits$} s"))
            .y_label_formatter(&|v| format!("{v:.0} ms"))
            .x_desc(format!("since the start; a column is {each}"))
            .y_desc(format!("within the {}", axis::round(grid.fold)))
            .draw()
            .ok()?;
        let (x, y) = chart.plotting_area().get_pixel_range();
        root.present().ok()?;
        (x, y)
    };
    let (x, y) = field;
    let size = |range: &std::ops::Range<i32>| f64::from(range.end - range.start);
    let svg = plot::classes(&svg);
    Some((svg, f64::from(x.start), f64::from(y.start), size(&x), size(&y)))
}
