//! What limits the verdict: what was lost, what was not measured and why, by which method the rest.

use super::super::terminal::foot;
use super::super::text::time;
use super::{Case, empty, markup, table};
use crate::model::measured;

pub(super) fn body(case: &Case<'_>) -> String {
    let f = case.f;
    let mut html = String::from("<h3>Lost records</h3>\n");
    let lost = foot::lost_words(f);
    html += &match lost.is_empty() {
        true => "<p>None was lost.</p>\n".to_owned(),
        false => list(&lost),
    };
    html += "<h3>Not measured</h3>\n";
    let missing: Vec<String> = measured::missing(&f.probes)
        .iter()
        .map(|(probes, reason)| {
            let names: Vec<&str> = probes.iter().map(|p| foot::measures(p)).collect();
            format!("{}: {reason}", names.join("; "))
        })
        .collect();
    html += &match (missing.is_empty(), f.probes.is_empty()) {
        (_, true) => empty("The recording does not say what was measured."),
        (true, _) => "<p>Every probe of this recording ran.</p>\n".to_owned(),
        (false, _) => list(&missing),
    };
    if f.probes.iter().any(|p| p.method.is_some()) {
        html += "<h3>By which method</h3>\n";
        html += &methods(case);
    }
    html += "<h3>What to know</h3>\n";
    let mut notes = vec![thresholds(case)];
    notes.extend(f.notes.iter().cloned());
    html + &list(&notes)
}

/// Sentences, one below the other.
pub(super) fn list(lines: &[String]) -> String {
    let items: String =
        lines.iter().map(|line| format!("<li>{}</li>\n", markup::text(line))).collect();
    format!("<ul>\n{items}</ul>\n")
}

fn thresholds(case: &Case<'_>) -> String {
    let o = &case.f.options;
    let mut words = format!("What is late by {} or more is a stall", time(o.stall_threshold));
    if o.sample_period.0 > 0 {
        words += &format!(
            "; interrupt gaps count from {} on, with a sample every {}",
            time(o.gap_threshold),
            time(o.sample_period)
        );
    }
    words + &format!(". System calls were recorded from {} on.", time(o.syscall_min))
}

fn methods(case: &Case<'_>) -> String {
    let rows = case.f.probes.iter().filter_map(|p| {
        let method = p.method.as_deref()?;
        let refused: Vec<String> = measured::refused(&p.refused)
            .iter()
            .map(|(methods, reason)| format!("{methods}: {reason}"))
            .collect();
        let cells = [foot::measures(p), method, p.reason.as_deref().unwrap_or_default()];
        let mut cells: Vec<String> = cells.iter().map(|c| markup::name(c)).collect();
        cells.push(markup::text(&refused.join("; ")).into_owned());
        Some((String::new(), cells))
    });
    let heads = ["what", "method", "what it does not see", "refused before it"];
    table("Methods", &heads, rows)
}
