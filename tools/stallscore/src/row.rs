//! One line of the kernel matrix: how well a kind of stall was found on a kernel.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::made::Comparison;
use crate::precision::Precision;

/// How a scenario went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every stall found, every culprit right, nobody else blamed.
    Right,
    /// Measured, but not so.
    Wrong,
    /// A probe that it takes does not run here, and the report says so.
    NotMeasured,
    /// Such stalls cannot be made on this kernel, or harm nobody.
    NotPossible,
    /// Something did not work that has to.
    Failed,
}

/// A scenario on a kernel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The kernel's release.
    pub kernel: String,
    /// The kind of stall.
    pub scenario: String,
    /// The probes that were forced to a method, as the command line said; "default" for none.
    pub method: String,
    /// How it went.
    pub outcome: Outcome,
    /// Stalls that were made.
    pub made: usize,
    /// Those in which the hypervisor took the CPU away for long: they do not count.
    pub disturbed: usize,
    /// The others that made somebody wait.
    pub waited: usize,
    /// Those of them that were found.
    pub found: usize,
    /// Those with the right culprit.
    pub right: usize,
    /// Those with nobody named.
    pub unnamed: usize,
    /// Stalls of the report that blame a bystander.
    pub bystanders: usize,
    /// Measured length less the true one: the median, and the one furthest from nought.
    pub error_ns: Option<(i64, i64)>,
    /// The methods in use, by probe.
    pub methods: Vec<(String, Option<String>)>,
    /// What there is to say about it.
    pub note: String,
}

impl Row {
    /// A row without a measurement.
    pub fn empty(scenario: &str, method: &str, outcome: Outcome, note: &str) -> Self {
        Self {
            kernel: String::new(),
            scenario: scenario.to_owned(),
            method: method.to_owned(),
            outcome,
            made: 0,
            disturbed: 0,
            waited: 0,
            found: 0,
            right: 0,
            unnamed: 0,
            bystanders: 0,
            error_ns: None,
            methods: Vec::new(),
            note: note.to_owned(),
        }
    }

    /// The row of a comparison. `findings` tells which probes ran.
    pub fn of(comparison: &Comparison<'_>, method: &str, findings: &Value) -> Self {
        let methods = methods(findings);
        let missing: Vec<_> = comparison
            .expected
            .probes
            .iter()
            .filter(|probe| {
                !methods.iter().any(|(name, method)| name == *probe && method.is_some())
            })
            .copied()
            .collect();
        let faults = comparison.faults();
        let found = comparison.pairs().count();
        let unnamed =
            faults.iter().filter(|(f, _)| f.culprit.is_null() || f.cause == "unexplained");
        let row = Self {
            kernel: findings["host"]["kernel"].as_str().unwrap_or_default().to_owned(),
            made: comparison.truth.stalls.len(),
            disturbed: comparison.disturbed,
            waited: comparison.made.len(),
            found,
            right: found - faults.len(),
            unnamed: unnamed.count(),
            bystanders: comparison.bystanders.len(),
            error_ns: errors(&comparison.lengths()),
            methods,
            ..Self::empty(comparison.expected.kind, method, Outcome::Right, "")
        };
        let fault = faults.first().map(|(_, fault)| fault.as_str());
        let (outcome, note) = row.judged(&missing, fault, comparison.precision);
        Self { outcome, note, ..row }
    }

    fn judged(
        &self,
        missing: &[&str],
        fault: Option<&str>,
        precision: Precision,
    ) -> (Outcome, String) {
        if self.waited == 0 && self.disturbed > 0 {
            return (Outcome::Failed, "the host is too busy: every stall was disturbed".into());
        }
        if self.waited == 0 {
            return (Outcome::NotPossible, "no stall made anybody wait for long".into());
        }
        let mut notes = Vec::new();
        if !precision.enough(self.found, self.waited) {
            notes.push(format!("{} not found", self.waited - self.found));
        }
        if let Some(fault) = fault {
            notes.push(format!("wrong in {}: {fault}", self.found - self.right));
        }
        if self.bystanders > 0 {
            notes.push(format!("{} blame a bystander", self.bystanders));
        }
        let blamed = self.right + self.unnamed < self.found || self.bystanders > 0;
        if !missing.is_empty() && !notes.is_empty() && !blamed {
            return (Outcome::NotMeasured, format!("without probe {}", missing.join(", ")));
        }
        let outcome = if notes.is_empty() { Outcome::Right } else { Outcome::Wrong };
        (outcome, notes.join("; "))
    }
}

fn methods(findings: &Value) -> Vec<(String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let probes = findings["probes"].as_array().map(Vec::as_slice).unwrap_or_default();
    probes.iter().filter_map(|p| Some((text(&p["name"])?, text(&p["method"])))).collect()
}

/// Median and worst of what was measured too much (or too little, if negative).
fn errors(lengths: &[(u64, u64)]) -> Option<(i64, i64)> {
    let mut errors: Vec<_> = lengths.iter().map(|(m, t)| *m as i64 - *t as i64).collect();
    errors.sort_unstable();
    let worst = errors.iter().copied().max_by_key(|e| e.abs())?;
    Some((errors[errors.len() / 2], worst))
}
