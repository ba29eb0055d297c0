//! What was about to hurt on the node.

use serde::Serialize;

use crate::model::health::{Finding, Severity};
use crate::units::Ktime;

/// Health of the node, as `stallprof check` tells it.
#[derive(Clone, Debug, Serialize)]
pub struct Health {
    /// When reading it ended: `record` does that once the probes are gone.
    pub time: Ktime,
    /// The worst severity of all findings.
    pub worst: Severity,
    /// The findings, the worst first.
    pub findings: Vec<HealthFinding>,
}

/// One of them.
#[derive(Clone, Debug, Serialize)]
pub struct HealthFinding {
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
    /// Which part of the findings says what helps, and rests on what was recorded: `slow_files` or
    /// `conntrack`; none if only this one says it.
    pub told_in: Option<&'static str>,
}

impl Health {
    /// How many findings have a severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|f| f.finding.severity == severity).count()
    }
}
