//! Tables for people.

use std::io::{self, Write};

use crate::table::{Budget, Comparison, Report, Row, Table};

impl Report {
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

impl Comparison {
    fn text(self, value: f64) -> String {
        match self {
            Self::Ratio => format!("x {value:.3}"),
            Self::Difference => format!("{value:+.2}"),
        }
    }
}

impl Table {
    fn cells(&self, row: &Row) -> [String; 5] {
        let d = self.decimals;
        let against = row.against_baseline.map(|a| self.comparison.text(a));
        let budget = row.budget.map(|budget| {
            let limit = match budget {
                Budget::AtLeast(limit) => format!(">= {}", self.comparison.text(limit)),
                Budget::AtMost(limit) => format!("<= {}", self.comparison.text(limit)),
                Budget::Value(limit) => {
                    let text = format!("{limit:.3}");
                    format!("<= {}", text.trim_end_matches('0').trim_end_matches('.'))
                }
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
    use super::number;

    #[test]
    fn numbers() {
        assert_eq!(number(710_000.4, 0), "710,000");
        assert_eq!(number(-1234.56, 1), "-1,234.6");
        assert_eq!(number(999.0, 0), "999");
        assert_eq!(number(f64::NAN, 0), "-");
    }
}
