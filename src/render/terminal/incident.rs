//! Why the daemon kept a recording; nothing of one that was asked for.

use std::io;

use super::super::escape;
use super::super::ink::Text;
use super::super::layout::Layout;
use super::super::terms::cause_named;
use super::super::text::{count, time, utc};
use crate::model::findings::{Findings, KeptIncident, SnapshotPart};
use crate::units::Nanos;

/// Copied texts named one by one; the daemon copies fewer.
const NAMED: usize = 32;
/// Columns of what the daemon said.
const LONGEST: usize = 300;

pub(super) fn incident(layout: &mut Layout<'_>, f: &Findings) -> io::Result<()> {
    let Some(incident) = &f.incident else { return Ok(()) };
    layout.section("What triggered it")?;
    for words in facts(incident) {
        layout.put(4, &Text::new().plain(&format!("  {words}")))?;
    }
    if incident.snapshot.is_empty() {
        return Ok(());
    }
    let named = |part: &SnapshotPart| escape::terminal(&part.name).replace(' ', "\u{a0}");
    let parts = incident.snapshot.iter().take(NAMED).map(named);
    let mut words = format!("Copied of the host then: {}", parts.collect::<Vec<_>>().join(", "));
    if let more @ 1.. = incident.snapshot.len().saturating_sub(NAMED) {
        words += &format!(" and {}\u{a0}more", count(more as u64));
    }
    layout.put(4, &Text::new().plain(&format!("  {words}.")))?;
    layout.put(4, &Text::new().dim("  `report FILE --snapshot=NAME` prints one"))
}

/// Whether words have an amount among them, as the daemon writes it.
fn tells(words: &str, amount: u64, unit: &str) -> bool {
    let amount = match unit {
        "ns" => Nanos(amount).to_string(),
        _ => amount.to_string(),
    };
    let alone = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '.');
    words.match_indices(&amount).any(|(at, _)| {
        let (before, after) = (&words[..at], &words[at + amount.len()..]);
        alone(before.chars().next_back()) && alone(after.chars().next())
    })
}

/// What, when, and for whom it was kept.
pub(in crate::render) fn facts(incident: &KeptIncident) -> Vec<String> {
    let said = |words: &str| escape::bounded(words, LONGEST).into_owned();
    let mut facts = vec![said(&incident.trigger)];
    if let Some(past) = &incident.past {
        let amount = |n: u64| match past.unit.as_str() {
            "ns" => time(Nanos(n)),
            unit => format!("{} {}", count(n), said(unit)),
        };
        // What triggered it has both already, unless it was cut.
        if ![past.value, past.limit].into_iter().all(|n| tells(&incident.trigger, n, &past.unit)) {
            facts.push(format!("{}; the limit is {}", amount(past.value), amount(past.limit)));
        }
    }
    let kept = match (incident.cause.as_str(), incident.culprit.as_str()) {
        ("", _) => String::new(),
        (cause, "") => format!(", kept for {}", said(&cause_named(cause))),
        (cause, culprit) => {
            format!(", kept for {} by {}", said(&cause_named(cause)), said(culprit))
        }
    };
    let when = utc(incident.time).map(|time| format!(" of {time}")).unwrap_or_default();
    facts.push(format!("Incident {}{when}{kept}", said(&incident.id)));
    facts
}
