//! What was about to hurt on the node: each finding with the reason, the proof and what helps.

use super::super::check::found;
use super::super::escape;
use super::super::text::{plural, time};
use super::{Case, SECTIONS, empty, markup};
use crate::health::checks::by_name;
use crate::model::findings::{Health, HealthFinding};
use crate::model::health::Severity;

/// Findings shown, the worst first; a check tells 12 at most.
const MOST: usize = 300;
/// Columns of each text.
const LONGEST: usize = 600;

pub(super) fn body(case: &Case<'_>) -> String {
    let Some(health) = &case.f.health else {
        return empty(
            "Node health was not recorded. On the node, stallprof check tells how it is now.",
        );
    };
    let mut html = format!("<p>{}</p>\n", markup::text(&summary(case, health)));
    let told: Vec<&HealthFinding> =
        health.findings.iter().filter(|f| f.finding.severity != Severity::Ok).collect();
    if !told.is_empty() {
        html += "<ul class=\"health\">\n";
        let shown = &told[..told.len().min(MOST)];
        let alike = |a: &&HealthFinding, b: &&HealthFinding| {
            (&a.finding.check, a.finding.severity) == (&b.finding.check, b.finding.severity)
        };
        html.extend(shown.chunk_by(alike).map(group));
        html += "</ul>\n";
    }
    if let Some(n) = told.len().checked_sub(MOST + 1) {
        html +=
            &format!("<p class=\"fine\">{}: --format json.</p>\n", plural(n + 1, "more finding"));
    }
    html + &fine(health, &told)
}

/// When it was read, and how much was found: `1 critical, 2 warnings`.
fn summary(case: &Case<'_>, health: &Health) -> String {
    let counts = Severity::ALL.iter().filter_map(|severity| {
        let n = health.count(*severity);
        let words = match severity {
            Severity::Ok => return None,
            Severity::Warning | Severity::Notice => plural(n, severity.name()),
            _ => format!("{n}\u{a0}{}", severity.name()),
        };
        (n > 0).then_some(words)
    });
    let counts: Vec<String> = counts.collect();
    let after = time(health.time.since(case.f.window.end));
    let what = match counts.is_empty() {
        true => "all well".to_owned(),
        false => counts.join(", "),
    };
    format!(
        "What stallprof check finds, read within {after} after the recording ended, when nothing \
         was measured any more: {what}."
    )
}

/// Findings of one check that are equally bad. What they have in common is said once.
fn group(all: &[&HealthFinding]) -> String {
    let Some(first) = all.first() else { return String::new() };
    let severity = first.finding.severity;
    let class = if severity >= Severity::Warning { " class=\"bad\"" } else { "" };
    let title = by_name(&first.finding.check).map_or("", |check| check.title);
    let mut html = format!(
        "<li{class}><p class=\"who\"><span class=\"share\">{}</span>{}{}</p>\n",
        word(severity),
        markup::name(&first.finding.check),
        if title.is_empty() { String::new() } else { format!(": {title}") }
    );
    for f in all {
        html += &format!("<p>{}</p>\n", text(&found(&f.finding)));
    }
    let mut facts = String::new();
    facts += &fact("why it matters", "", all.iter().map(|f| text(&f.finding.why)));
    facts += &fact("shown by", " class=\"stack\"", all.iter().map(|f| text(&f.finding.prove)));
    facts += &fact("what helps", "", all.iter().map(|f| help(f)));
    if !facts.is_empty() {
        html += &format!("<dl>\n{facts}</dl>\n");
    }
    html + "</li>\n"
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Critical",
        Severity::Warning => "Warning",
        Severity::Unknown => "Unknown",
        Severity::Notice => "Notice",
        Severity::Ok => "Ok",
    }
}

fn text(words: &str) -> String {
    markup::text(&escape::bounded(words, LONGEST)).into_owned()
}

/// What helps, or where that is said already.
fn help(f: &HealthFinding) -> String {
    let id = match f.told_in {
        // Against what is not known nothing helps.
        None if f.finding.severity == Severity::Unknown => return String::new(),
        None => return text(&f.finding.help),
        Some("slow_files") => "files",
        Some(id) => id,
    };
    let section = SECTIONS.iter().find(|section| section.id == id);
    section.map_or(String::new(), |s| format!("see <a href=\"#{id}\">{}</a>", s.title))
}

/// A line with a label: the different texts among these, one below the other.
fn fact(label: &str, class: &str, texts: impl Iterator<Item = String>) -> String {
    let mut different: Vec<String> = Vec::new();
    for text in texts.filter(|text| !text.is_empty()) {
        if !different.contains(&text) {
            different.push(text);
        }
    }
    if different.is_empty() {
        return String::new();
    }
    format!("<div><dt>{label}</dt><dd{class}>{}</dd></div>\n", different.join("<br/>"))
}

/// The checks that found nothing else than that all is well.
fn fine(health: &Health, told: &[&HealthFinding]) -> String {
    let is_told = |f: &&HealthFinding| told.iter().any(|t| t.finding.check == f.finding.check);
    let fine = health.findings.iter().filter(|f| f.finding.severity == Severity::Ok);
    let mut names: Vec<String> =
        fine.filter(|f| !is_told(f)).map(|f| markup::name(&f.finding.check)).collect();
    names.dedup();
    names.truncate(MOST);
    match names.is_empty() {
        true => String::new(),
        false => format!(
            "<p class=\"fine\">As it should be, or not in use here: {}.</p>\n",
            names.join(", ")
        ),
    }
}
