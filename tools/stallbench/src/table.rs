//! Figures as tables for people, and as JSON.

use serde::Serialize;

use crate::cli::Common;
use crate::facts::Facts;
use crate::stats::{median, range};

/// Everything a run found.
#[derive(Debug, Serialize)]
pub struct Report {
    pub(crate) machine: Facts,
    pub(crate) rounds: u32,
    pub(crate) seconds: u64,
    batch: u32,
    pub(crate) tables: Vec<Table>,
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
    pub(crate) name: String,
    pub(crate) values: Vec<f64>,
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// Median of the comparisons of all rounds.
    pub(crate) against_baseline: Option<f64>,
    pub(crate) budget: Option<Budget>,
    pub(crate) within: Option<bool>,
}

/// What the project's budget allows.
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
}

impl Table {
    /// A table without rows.
    pub fn new(title: impl Into<String>, comparison: Comparison, decimals: usize) -> Self {
        Self { title: title.into(), comparison, decimals, rows: Vec::new(), notes: Vec::new() }
    }

    /// Whether anything was measured for it.
    pub fn has_values(&self) -> bool {
        self.rows.iter().any(|row| !row.values.is_empty())
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
}

impl Report {
    /// Tables, and how they were made.
    pub fn new(machine: Facts, common: &Common, tables: Vec<Table>) -> Self {
        let Common { rounds, seconds, batch, .. } = *common;
        Self { machine, rounds, seconds, batch, tables }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
