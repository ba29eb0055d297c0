//! What was about to hurt on the node; nothing unless it hurts more than is worth a notice.

use std::io;

use super::super::check::found;
use super::super::escape;
use super::super::ink::Text;
use super::super::layout::Layout;
use super::super::text::plural;
use crate::model::findings::{Findings, Health, HealthFinding};
use crate::model::health::Severity;

/// Findings told one by one.
const TOLD: usize = 3;
/// Columns of what was found, and of what helps.
const LONGEST: usize = 400;
/// Where the text of a finding begins.
const COLUMN: usize = 12;

pub(super) fn health(layout: &mut Layout<'_>, f: &Findings) -> io::Result<()> {
    let Some(health) = f.health.as_ref().filter(|h| h.worst >= Severity::Warning) else {
        return Ok(());
    };
    layout.section("Node health, read after the recording")?;
    let mut before: Option<&HealthFinding> = None;
    let bad = health.findings.iter().filter(|f| f.finding.severity >= Severity::Warning);
    for found in bad.take(TOLD) {
        tell(layout, found, before)?;
        before = Some(found);
    }
    match besides(health) {
        Some(words) => layout.put(4, &Text::new().dim(&format!("  {words}: --format json"))),
        None => Ok(()),
    }
}

/// One finding. What was said of the one before it is not said again.
fn tell(
    layout: &mut Layout<'_>,
    f: &HealthFinding,
    before: Option<&HealthFinding>,
) -> io::Result<()> {
    let name = f.finding.severity.name();
    let gap = " ".repeat(COLUMN.saturating_sub(name.len() + 2));
    let words = format!("{}: {}", f.finding.check, found(&f.finding));
    let words = escape::bounded(&words, LONGEST);
    let text = Text::new().plain("  ").bold(name).plain(&gap).plain(&words);
    let elsewhere = if f.told_in.is_some() { " · what helps is told above" } else { "" };
    layout.put(COLUMN, &text.dim(elsewhere))?;
    let said = before.is_some_and(|b| b.finding.help == f.finding.help);
    if said || f.told_in.is_some() || f.finding.help.is_empty() {
        return Ok(());
    }
    let blanks = " ".repeat(layout.hang(COLUMN));
    let help = escape::bounded(&f.finding.help, LONGEST);
    layout.put(COLUMN + 2, &Text::new().plain(&blanks).plain("What helps: ").plain(&help))
}

/// What was found and not told here; none if that is nothing.
fn besides(health: &Health) -> Option<String> {
    let (critical, warnings) = (health.count(Severity::Critical), health.count(Severity::Warning));
    let more_critical = critical.saturating_sub(TOLD);
    let more_warnings = warnings.saturating_sub(TOLD.saturating_sub(critical));
    let mut counts = Vec::new();
    for (n, what) in [
        (more_critical, "critical finding"),
        (more_warnings, "warning"),
        (health.count(Severity::Notice), "notice"),
    ] {
        counts.extend((n > 0).then(|| plural(n, what)));
    }
    let unknown = health.count(Severity::Unknown);
    counts.extend((unknown > 0).then(|| format!("{unknown}\u{a0}unknown")));
    (!counts.is_empty()).then(|| format!("Besides: {}", counts.join(", ")))
}
