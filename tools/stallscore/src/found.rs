//! The stalls that a report names.

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::truth::{Header, Stall};

/// One stall of a report.
#[derive(Debug, Deserialize)]
pub struct Found {
    /// The CPU.
    pub cpu: u64,
    /// When its longest lateness began.
    pub start: u64,
    /// How long that was.
    pub duration: u64,
    /// The cause, by its name in the findings.
    pub cause: String,
    /// Who did it.
    pub culprit: Value,
    /// All its latenesses, the longest first.
    pub measures: Vec<Value>,
}

impl Found {
    /// The stalls of `stallprof report --format json`.
    pub fn all(findings: &Value) -> Result<Vec<Self>> {
        let stalls = findings["stalls"].as_array().context("findings without stalls")?;
        let read = |stall| Self::deserialize(stall).with_context(|| format!("no stall: {stall}"));
        stalls.iter().map(read).collect()
    }

    /// Its lateness of this kind, the longest.
    pub fn measure(&self, kind: &str) -> Option<&Value> {
        self.measures.iter().find(|m| m["kind"] == kind)
    }

    /// The first moment after it.
    pub fn end(&self) -> u64 {
        self.start + self.duration
    }

    /// Shares at least half of the shorter one's time with this stall that was made.
    pub fn covers(&self, truth: &Stall) -> bool {
        2 * self.shares(truth) >= self.duration.min(truth.duration_ns)
    }

    /// The time it shares with this stall that was made.
    pub fn shares(&self, truth: &Stall) -> u64 {
        self.end().min(truth.end_ns()).saturating_sub(self.start.max(truth.start_ns))
    }

    /// Whether it blames some task.
    pub fn blames_a_task(&self) -> bool {
        self.culprit["type"] == "task"
    }

    /// Whether it blames the very thread that made the stalls.
    pub fn blames(&self, header: &Header) -> bool {
        let is = |key: &str, id: Option<u32>| self.culprit[key].as_u64() == id.map(u64::from);
        self.blames_a_task() && is("tid", header.tid) && is("tgid", header.tgid)
    }
}
