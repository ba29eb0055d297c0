//! What was about to hurt on the node: the findings of its checks, as they were recorded.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use crate::model::Recording;
use crate::model::findings::{Conntrack, Health, HealthFinding};
use crate::model::health::{Finding, HealthRow, Window};
use crate::model::remedies::{LARGER_TABLE, RANDOM_FULLY};

/// Concludes; none if it was not recorded. `files` is what helps against slow files.
pub fn health(r: &Recording, files: &[String], ct: Option<&Conntrack>) -> Option<Health> {
    // Of several readings the last one counts.
    let time = r.health.last()?.time;
    let mut numbers: HashMap<u32, BTreeMap<Cow<'static, str>, u64>> = HashMap::new();
    for n in r.health_numbers.iter().filter(|n| n.time == time) {
        let of = numbers.entry(n.finding).or_default();
        of.insert(Cow::Owned(r.str(n.name).to_owned()), n.value);
    }
    let mut rows: Vec<&HealthRow> = r.health.iter().filter(|row| row.time == time).collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(row.severity), row.finding));
    let findings = rows.into_iter().map(|row| {
        let text = |id| r.str(id).to_owned();
        let finding = Finding {
            check: Cow::Owned(text(row.check)),
            severity: row.severity,
            subject: Some(text(row.subject)).filter(|subject| !subject.is_empty()),
            value: text(row.value),
            window: Window::of(row.window, row.window_ns),
            why: text(row.why),
            prove: text(row.prove),
            help: text(row.help),
            numbers: numbers.remove(&row.finding).unwrap_or_default(),
        };
        let told_in = told_in(&finding.check, files, ct);
        HealthFinding { finding, told_in }
    });
    let findings: Vec<HealthFinding> = findings.collect();
    Some(Health { time, worst: findings.first()?.finding.severity, findings })
}

/// Where what helps is said already, on better grounds: what was seen while recording.
fn told_in(check: &str, files: &[String], ct: Option<&Conntrack>) -> Option<&'static str> {
    let by_conntrack =
        |words: &str| ct.is_some_and(|ct| ct.advice.iter().any(|a| a.contains(words)));
    match check {
        "dying-memcgs" if super::advice::tells_of_dying(files) => Some("slow_files"),
        "snat-random" if by_conntrack(RANDOM_FULLY) => Some("conntrack"),
        "conntrack-fill" if by_conntrack(LARGER_TABLE) => Some("conntrack"),
        // A loss is either of the two, or both.
        "conntrack-loss" if ct.is_some_and(|ct| !ct.advice.is_empty()) => Some("conntrack"),
        _ => None,
    }
}
