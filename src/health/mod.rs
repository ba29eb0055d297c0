//! The health of a node, as `stallprof check` tells it: what is about to hurt, without BPF.
//!
//! [`gather()`] reads the host twice within a second; [`examine`] concludes from those facts
//! alone, and does no I/O. A new check is a function in [`checks`] and a line in its table.

mod aside;
pub mod checks;
mod facts;
mod finding;
mod gather;
mod names;
mod words;

pub use aside::examine_aside;
pub use facts::{CgroupFacts, Facts, Known, NamespaceFacts, NeighFacts, NsFacts, Throttled, Twice};
pub use finding::{Finding, Report, Severity, Window};
pub use gather::{Options, gather};

use std::borrow::Cow;

use checks::{CHECKS, Check};

/// Findings of one check that are told at most, the worst of them.
const TOLD: usize = 12;

/// Concludes from what was read: the findings of every check, the worst first.
#[must_use]
pub fn examine(facts: &Facts) -> Report {
    examine_by(facts, CHECKS.iter())
}

/// As [`examine`], by these checks alone.
#[must_use]
pub fn examine_by<'a>(facts: &Facts, checks: impl Iterator<Item = &'a Check>) -> Report {
    let mut findings = Vec::new();
    for check in checks {
        let mut found = (check.run)(facts);
        found.sort_by_key(|f| std::cmp::Reverse(f.severity));
        let more = found.len().saturating_sub(TOLD);
        found.truncate(TOLD);
        if let Some(last) = found.last_mut().filter(|_| more > 0) {
            last.value += &format!(" (and {more} more, none of them worse)");
        }
        findings.extend(found.into_iter().map(|f| told_by(check, f)));
    }
    // Stable: checks of one severity stay in the order of the table.
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    Report {
        host: facts.host.clone(),
        kernel: facts.kernel.clone(),
        took: facts.took,
        worst: findings.iter().map(|f| f.severity).max().unwrap_or(Severity::Unknown),
        left_out: facts.left_out(),
        findings,
    }
}

/// Fills in what a check says of all its findings.
fn told_by(check: &Check, mut finding: Finding) -> Finding {
    finding.check = Cow::Borrowed(check.name);
    for (own, general) in [
        (&mut finding.why, check.why),
        (&mut finding.prove, check.prove),
        (&mut finding.help, check.help),
    ] {
        if own.is_empty() {
            general.clone_into(own);
        }
    }
    finding
}
