//! The tables of docs/kernels.md.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use stallscore::row::{Outcome, Row};

use crate::suite::Results;

const BEGIN: &str = "<!-- written by tools/vm matrix: begin -->\n";
const END: &str = "<!-- written by tools/vm matrix: end -->\n";

/// All tables.
pub fn render(all: &[Results]) -> String {
    [kernels(all), stalls(all), programs(all)].join("\n")
}

/// Replaces what is between the markers.
pub fn put_into(path: &Path, tables: &str) -> Result<()> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let parts =
        text.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    let (head, tail) = parts.with_context(|| format!("{} lacks the markers", path.display()))?;
    fs::write(path, format!("{head}{BEGIN}\n{tables}\n{END}{tail}"))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn kernels(all: &[Results]) -> String {
    let mut out = String::from("| kernel | release | Debian | methods in use | boots |\n");
    out += "|---|---|---|---|---|\n";
    for r in all {
        let methods = r.rows.iter().find(|row| !row.methods.is_empty()).map(methods_of);
        let boots = match r.crashes {
            0 => r.boots.to_string(),
            n => format!("{}, {n} of them crashed", r.boots),
        };
        let methods = methods.unwrap_or_default();
        let Results { kernel, release, .. } = r;
        let _ = writeln!(
            out,
            "| {} | {release} | {} | {methods} | {boots} |",
            kernel.name, kernel.suite
        );
    }
    out
}

fn methods_of(row: &Row) -> String {
    let method = |(probe, method): &(String, Option<String>)| {
        format!("{probe} {}", method.as_deref().unwrap_or("**none**"))
    };
    row.methods.iter().map(method).collect::<Vec<_>>().join(", ")
}

fn stalls(all: &[Results]) -> String {
    let mut out = String::from(
        "| kernel | stall | method | made | disturbed | made somebody wait | found | culprit right | \
         wrong or nobody | bystanders blamed | length: median error | worst error | |\n\
         |---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n",
    );
    for (r, row) in all.iter().flat_map(|r| r.rows.iter().map(move |row| (r, row))) {
        let (median, worst) = match row.error_ns {
            Some((median, worst)) => (ms(median), ms(worst)),
            None => ("".into(), "".into()),
        };
        let _ = write!(out, "| {} | {} | {} ", r.kernel.name, row.scenario, row.method);
        let _ = match row.outcome {
            Outcome::Right | Outcome::Wrong => write!(
                out,
                "| {} | {} | {} | {} | {} | {} | {} | {median} | {worst} ",
                row.made,
                row.disturbed,
                row.waited,
                row.found,
                row.right,
                row.found - row.right,
                row.bystanders
            ),
            _ => write!(out, "{}", "| ".repeat(9)),
        };
        let _ = writeln!(out, "| {} |", remark(row));
    }
    out
}

fn remark(row: &Row) -> String {
    let word = match row.outcome {
        Outcome::Right => return row.note.clone(),
        Outcome::Wrong => "**wrong**",
        Outcome::NotMeasured => "**not measured**",
        Outcome::NotPossible => "not possible here",
        Outcome::Failed => "**failed**",
    };
    let note = row.note.trim_start_matches("not possible on this kernel: ");
    format!("{word}: {}", note.replace('|', "\\|"))
}

fn ms(ns: i64) -> String {
    format!("{:+.1} ms", ns as f64 / 1e6)
}

/// Instructions that the verifier looked at, by program and kernel.
fn programs(all: &[Results]) -> String {
    let mut of: BTreeMap<&str, Vec<Option<u64>>> = BTreeMap::new();
    for (n, results) in all.iter().enumerate() {
        for (name, insns) in &results.programs {
            let row = of.entry(name).or_insert_with(|| vec![None; all.len()]);
            // Some have the same name once the kernel has cut it: the dearest counts.
            row[n] = row[n].max(Some(*insns));
        }
    }
    let mut out = String::from("| BPF program |");
    for results in all {
        let _ = write!(out, " {} |", results.kernel.name);
    }
    let _ = writeln!(out, "\n|---|{}", "--:|".repeat(all.len()));
    for (name, counts) in of {
        let count = |c: &Option<u64>| match c {
            // Linux tells since 5.16.
            Some(0) => "?".to_owned(),
            Some(n) => n.to_string(),
            None => "-".to_owned(),
        };
        let counts: Vec<_> = counts.iter().map(count).collect();
        let _ = writeln!(out, "| `{name}` | {} |", counts.join(" | "));
    }
    out
}
