//! The health of a node for the terminal: the worst first, what is well in one line.

use std::io::{self, Write};

use super::Style;
use super::ink::{Ink, Text};
use super::layout::Layout;
use super::text::plural;
use crate::health::checks::by_name;
use crate::health::{Finding, Report, Severity, Window};
use crate::units::Nanos;

/// Where the text of a finding begins, behind the longest label.
const COLUMN: usize = 10;
/// The same where the layout is narrow.
const NARROW: usize = 2;
/// A layout of fewer columns has no room for labels beside the text.
const ENOUGH: usize = 60;

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// Also what is well, and why each finding matters.
    pub verbose: bool,
}

/// Writes a report.
///
/// # Errors
/// `out` cannot be written.
pub fn write(out: &mut dyn Write, report: &Report, detail: Detail, style: Style) -> io::Result<()> {
    let layout = &mut Layout::new(out, style);
    headline(layout, report)?;
    let mut before: Option<&Finding> = None;
    for finding in report.findings.iter().filter(|f| f.severity != Severity::Ok) {
        tell(layout, finding, before, detail)?;
        before = Some(finding);
    }
    fine(layout, report, detail)
}

fn headline(layout: &mut Layout<'_>, report: &Report) -> io::Result<()> {
    let told = Severity::ALL.iter().filter(|s| **s != Severity::Ok);
    let counts = told.filter_map(|severity| match (report.count(*severity), severity) {
        (0, _) => None,
        (n, Severity::Warning | Severity::Notice) => Some(plural(n, severity.name())),
        (n, _) => Some(format!("{n}\u{a0}{}", severity.name())),
    });
    let mut counts: Vec<String> = counts.collect();
    if counts.is_empty() {
        counts.push("all well".to_owned());
    }
    let host = if report.host.is_empty() { "this host" } else { &report.host };
    let kernel = match report.kernel.as_str() {
        "" => String::new(),
        release => format!("kernel {release}, "),
    };
    // The second digit of this time is noise.
    let took = Nanos(report.took.0 / 10_000_000 * 10_000_000);
    let head = Text::new().bold(&format!("{host}: {}", counts.join(", ")));
    layout.put(
        2,
        &head.dim(&format!("  ({kernel}read in {})", took.to_string().replace(' ', "\u{a0}"))),
    )
}

fn label(severity: Severity) -> (Ink, &'static str) {
    match severity {
        Severity::Critical => (Ink::Accent, "CRITICAL"),
        Severity::Warning => (Ink::Accent, "WARNING"),
        Severity::Unknown => (Ink::Bold, "unknown"),
        Severity::Notice => (Ink::Bold, "notice"),
        Severity::Ok => (Ink::Dim, "ok"),
    }
}

/// A text of a finding.
type Part = fn(&Finding) -> &str;

/// One finding. What was said of the one before it is not said again.
fn tell(
    layout: &mut Layout<'_>,
    finding: &Finding,
    before: Option<&Finding>,
    detail: Detail,
) -> io::Result<()> {
    let same = before.is_some_and(|b| (&b.check, b.severity) == (&finding.check, finding.severity));
    let column = if layout.width() < ENOUGH { NARROW } else { COLUMN };
    let blanks = " ".repeat(column);
    if !same {
        // What hurts stands apart; what is only worth knowing stands close.
        if finding.severity >= Severity::Warning
            || before.is_none_or(|b| b.severity != finding.severity)
        {
            layout.blank()?;
        }
        let (ink, name) = label(finding.severity);
        let gap = " ".repeat(COLUMN.saturating_sub(name.len()));
        let title = by_name(&finding.check).map_or("", |check| check.title);
        let text = Text::new().ink(ink, name).plain(&gap);
        layout.put(column, &text.bold(&finding.check).plain(": ").plain(title))?;
    }
    // What is well is so now, unless it says otherwise.
    let now = finding.window == Window::Now
        && !matches!(finding.severity, Severity::Unknown | Severity::Ok);
    let text = Text::new().plain(&blanks).plain(&found(finding));
    layout.put(column + 2, &text.plain(if now { ", now" } else { "" }))?;
    let bad = finding.severity >= Severity::Warning;
    if !bad && !detail.verbose {
        return Ok(());
    }
    let said = |of: Part| same && before.is_some_and(|b| of(b) == of(finding));
    let parts: [(&str, Part); 3] =
        [("why    ", |f| &f.why), ("see    ", |f| &f.prove), ("helps  ", |f| &f.help)];
    for (name, of) in parts {
        if of(finding).is_empty() || said(of) {
            continue;
        }
        let text = Text::new().plain(&blanks).dim(name).plain(of(finding));
        layout.put(column + name.len(), &text)?;
    }
    Ok(())
}

/// What was found, about what, and of which time unless that is the moment of reading:
/// `host: 12 dropped, in 0.5 s`.
pub(super) fn found(finding: &Finding) -> String {
    let subject = finding.subject.iter().map(|subject| format!("{subject}: ")).collect::<String>();
    let words = finding.window.words().replace(' ', "\u{a0}");
    let (lead, after) = match (finding.severity, finding.window) {
        // Of what is not known there is no time to tell.
        (Severity::Unknown, _) | (_, Window::Now) => (String::new(), String::new()),
        (_, Window::SinceBoot) => (format!("{words} "), String::new()),
        _ => (String::new(), format!(", {words}")),
    };
    format!("{subject}{lead}{}{after}", finding.value)
}

/// What is well: the names of the checks, or each with its value.
fn fine(layout: &mut Layout<'_>, report: &Report, detail: Detail) -> io::Result<()> {
    let fine: Vec<&Finding> =
        report.findings.iter().filter(|f| f.severity == Severity::Ok).collect();
    if fine.is_empty() {
        return Ok(());
    }
    if detail.verbose {
        let mut before = report.findings.iter().rfind(|f| f.severity != Severity::Ok);
        for finding in fine {
            tell(layout, finding, before, Detail { verbose: false })?;
            before = Some(finding);
        }
        return Ok(());
    }
    // A check that found something else too is told above.
    let told = |f: &Finding| {
        report.findings.iter().any(|o| o.check == f.check && o.severity != Severity::Ok)
    };
    let mut names: Vec<&str> = fine.iter().filter(|f| !told(f)).map(|f| &*f.check).collect();
    names.dedup();
    if names.is_empty() {
        return Ok(());
    }
    layout.blank()?;
    let column = if layout.width() < ENOUGH { NARROW } else { COLUMN };
    let gap = " ".repeat(COLUMN - 2);
    layout.put(column, &Text::new().dim("ok").plain(&gap).dim(&names.join(", ")))
}
