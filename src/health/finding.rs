//! What all checks conclude.

use serde::Serialize;

pub use crate::model::health::{Finding, Severity, Window};
use crate::units::Nanos;

/// All conclusions about a host.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Name of the host; empty if it is not known.
    pub host: String,
    /// Release of its kernel; empty if it is not known.
    pub kernel: String,
    /// How long reading took.
    #[serde(rename = "took_ns")]
    pub took: Nanos,
    /// The worst severity of all findings.
    pub worst: Severity,
    /// What was not looked at, because there was too much of it.
    pub left_out: Vec<String>,
    /// The findings, the worst first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// How many findings have a severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|f| f.severity == severity).count()
    }
}
