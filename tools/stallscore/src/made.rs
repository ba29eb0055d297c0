//! The stalls that were made, each with the one that was found for it.

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::expected::Expected;
use crate::found::Found;
use crate::precision::Precision;
use crate::read::Truth;
use crate::truth::Stall;

/// A stall that made somebody wait.
#[derive(Debug)]
pub struct Made<'a> {
    /// As it was made.
    pub truth: &'a Stall,
    /// As it was found.
    pub found: Option<&'a Found>,
}

/// A run with what a report says of it.
#[derive(Debug)]
pub struct Comparison<'a> {
    /// What its kind has to look like.
    pub expected: &'static Expected,
    /// The run.
    pub truth: &'a Truth,
    /// Whether the kernel has PREEMPT_RT.
    pub realtime: bool,
    /// What the methods in use can know.
    pub precision: Precision,
    /// Stalls in which somebody else had the CPU for long.
    pub disturbed: usize,
    /// The others that made somebody wait.
    pub made: Vec<Made<'a>>,
    /// Stalls of the report that blame a bystander.
    pub bystanders: Vec<&'a Found>,
}

impl<'a> Comparison<'a> {
    /// Compares the stalls of these findings.
    pub fn of(truth: &'a Truth, found: &'a [Found], findings: &Value) -> Result<Self> {
        let kind = &truth.header.kind;
        let expected = Expected::of(kind).with_context(|| format!("there is no kind {kind}"))?;
        let disturbed = truth.stalls.iter().filter(|stall| expected.is_disturbed(stall)).count();
        let made = truth.stalls.iter().filter(|stall| {
            !expected.is_disturbed(stall) && expected.has_victim(&truth.header, stall)
        });
        let made = made.map(|truth| Made { truth, found: expected.find(truth, found) }).collect();
        let realtime = findings["host"]["preemption"] == "rt";
        let bystanders = expected.bystanders(truth, found);
        let precision = Precision::of(findings);
        Ok(Self { expected, truth, realtime, precision, disturbed, made, bystanders })
    }

    /// Those that were found.
    pub fn pairs(&self) -> impl Iterator<Item = (&'a Stall, &'a Found)> {
        self.made.iter().filter_map(|m| Some((m.truth, m.found?)))
    }

    /// The measured length of each and the true one, where both are known.
    pub fn lengths(&self) -> Vec<(u64, u64)> {
        self.pairs().filter_map(|(stall, found)| self.expected.lengths(stall, found)).collect()
    }

    /// What is wrong with the culprits, of each that has a wrong one.
    pub fn faults(&self) -> Vec<(&'a Found, String)> {
        let header = &self.truth.header;
        let fault = |found| {
            Some((found, self.expected.fault(header, found, self.realtime, self.precision)?))
        };
        self.pairs().filter_map(|(_, found)| fault(found)).collect()
    }
}
