//! Figures as tables for people, and as JSON.

use std::io::{self, Write};

use serde::Serialize;

use crate::cli::Common;
use crate::facts::Facts;
use crate::stats::{median, range};

/// Everything a run found.
#[derive(Debug, Serialize)]
pub struct Report {
    machine: Facts,
    rounds: u32,
    seconds: u64,
    batch: u32,
    tables: Vec<Table>,
}

/// Rows in one unit.
#[derive(Debug, Serialize)]
pub struct Table {
    /// What was measured, in which unit.
    pub title: String,
    /// What the column of comparisons holds.
    pub comparison: Comparison,
    /// Decimals of its figures.
    #[serde(skip)]
    pub decimals: usize,
    /// One for each tool, or each program of one.
    pub rows: Vec<Row>,
    /// What a reader must know of these rows.
    pub notes: Vec<String>,
}

/// How a row stands against its baseline.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// Divided by it, in the same round.
    Ratio,
    /// Less it, in the same round.
    Difference,
}

/// One figure, taken in every round.
#[derive(Debug, Serialize)]
pub struct Row {
    name: String,
    values: Vec<f64>,
    median: f64,
    min: f64,
    max: f64,
    /// Median of the comparisons of all rounds.
    against_baseline: Option<f64>,
    budget: Option<Budget>,
    within: Option<bool>,
}

/// What DESIGN section 8 allows.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// The comparison must not be below it.
    AtLeast(f64),
    /// The comparison must not be above it.
    AtMost(f64),
    /// The median itself must not be above it.
    Value(f64),
}

impl Comparison {
    fn of(self, value: f64, baseline: f64) -> f64 {
        match self {
            Self::Ratio => value / baseline,
            Self::Difference => value - baseline,
        }
    }

    fn text(self, value: f64) -> String {
        match self {
            Self::Ratio => format!("x {value:.3}"),
            Self::Difference => format!("{value:+.2}"),
        }
    }
}

impl Table {
    /// A table without rows.
    pub fn new(title: impl Into<String>, comparison: Comparison, decimals: usize) -> Self {
        Self { title: title.into(), comparison, decimals, rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a row; `baseline` has the values of the same rounds.
    pub fn row(
        &mut self,
        name: impl Into<String>,
        values: Vec<f64>,
        baseline: Option<&[f64]>,
        budget: Option<Budget>,
    ) {
        let against_baseline = baseline.map(|baseline| {
            let pairs = values.iter().zip(baseline);
            median(&pairs.map(|(&v, &b)| self.comparison.of(v, b)).collect::<Vec<_>>())
        });
        let (middle, (min, max)) = (median(&values), range(&values));
        let within = budget.and_then(|budget| match budget {
            Budget::AtLeast(limit) => against_baseline.map(|a| a >= limit),
            Budget::AtMost(limit) => against_baseline.map(|a| a <= limit),
            Budget::Value(limit) => Some(middle <= limit),
        });
        let name = name.into();
        self.rows.push(Row {
            name,
            values,
            median: middle,
            min,
            max,
            against_baseline,
            budget,
            within,
        });
    }

    fn cells(&self, row: &Row) -> [String; 5] {
        let d = self.decimals;
        let against = row.against_baseline.map(|a| self.comparison.text(a));
        let budget = row.budget.map(|budget| {
            let limit = match budget {
                Budget::AtLeast(limit) => format!(">= {}", self.comparison.text(limit)),
                Budget::AtMost(limit) => format!("<= {}", self.comparison.text(limit)),
                Budget::Value(limit) => format!("<= {limit}"),
            };
            format!("{limit}  {}", if row.within == Some(true) { "within" } else { "over" })
        });
        [
            row.name.clone(),
            number(row.median, d),
            format!("{}..{}", number(row.min, d), number(row.max, d)),
            against.unwrap_or_default(),
            budget.unwrap_or_default(),
        ]
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let compared = match self.comparison {
            Comparison::Ratio => "ratio",
            Comparison::Difference => "more",
        };
        let header = [&self.title, "median", "min..max", compared, "budget"].map(str::to_owned);
        let mut lines = vec![header];
        lines.extend(self.rows.iter().map(|row| self.cells(row)));
        let width = |n: usize| lines.iter().map(|l| l[n].chars().count()).max().unwrap_or(0);
        let [name, middle, span, against, _] = [0, 1, 2, 3, 4].map(width);
        for [a, b, c, d, e] in &lines {
            let line = format!("{a:name$}  {b:>middle$}  {c:>span$}  {d:>against$}  {e}");
            writeln!(out, "{}", line.trim_end())?;
        }
        for note in &self.notes {
            writeln!(out, "  {note}")?;
        }
        Ok(())
    }
}

impl Report {
    /// Tables, and how they were made.
    pub fn new(machine: Facts, common: &Common, tables: Vec<Table>) -> Self {
        let Common { rounds, seconds, batch, .. } = *common;
        Self { machine, rounds, seconds, batch, tables }
    }

    /// Prints it for people.
    pub fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let m = &self.machine;
        writeln!(
            out,
            "{} CPUs, {}, Linux {}, load before {}\n{}; {}\n{} rounds of {} s",
            m.cpus, m.cpu, m.kernel, m.load_before, m.perf, m.softirqs, self.rounds, self.seconds
        )?;
        for table in &self.tables {
            writeln!(out)?;
            table.print(out)?;
        }
        Ok(())
    }
}

/// With a comma between thousands.
fn number(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    let text = format!("{value:.decimals$}");
    let whole = text.find('.').unwrap_or(text.len());
    let first = usize::from(text.starts_with('-'));
    let mut out = String::new();
    for (i, c) in text.char_indices() {
        if i > first && i < whole && (whole - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(number(710_000.4, 0), "710,000");
        assert_eq!(number(-1234.56, 1), "-1,234.6");
        assert_eq!(number(999.0, 0), "999");
        assert_eq!(number(f64::NAN, 0), "-");
    }

    #[test]
    fn comparisons_are_made_round_by_round() {
        let mut table = Table::new("t", Comparison::Ratio, 0);
        table.row(
            "a",
            vec![90.0, 180.0, 50.0],
            Some(&[100.0, 200.0, 100.0]),
            Some(Budget::AtLeast(0.9)),
        );
        assert_eq!(table.rows[0].against_baseline, Some(0.9));
        assert_eq!(table.rows[0].within, Some(true));
        let mut table = Table::new("t", Comparison::Difference, 0);
        table.row("a", vec![13.0, 14.0], Some(&[10.0, 10.0]), Some(Budget::AtMost(3.0)));
        assert_eq!(table.rows[0].within, Some(false));
    }
}
