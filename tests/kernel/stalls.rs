//! The stalls that a report names, and how they compare with the truth.

use serde_json::Value;

use crate::truth::{TrueStall, Truth};

/// One stall of a report.
#[derive(Debug)]
pub struct Found {
    pub cpu: u64,
    pub start: u64,
    pub duration: u64,
    pub cause: String,
    pub culprit: Value,
    pub measures: Vec<Value>,
}

impl Found {
    pub fn all(findings: &Value) -> Vec<Found> {
        findings["stalls"].as_array().unwrap().iter().map(Found::of).collect()
    }

    fn of(stall: &Value) -> Found {
        let number = |key: &str| stall[key].as_u64().unwrap();
        Found {
            cpu: number("cpu"),
            start: number("start"),
            duration: number("duration"),
            cause: stall["cause"].as_str().unwrap().to_owned(),
            culprit: stall["culprit"].clone(),
            measures: stall["measures"].as_array().unwrap().clone(),
        }
    }

    /// Its lateness of this kind, the longest.
    pub fn measure(&self, kind: &str) -> Option<&Value> {
        self.measures.iter().find(|m| m["kind"] == kind)
    }

    pub fn end(&self) -> u64 {
        self.start + self.duration
    }

    /// Shares at least half of the shorter one's time with this stall that was made.
    pub fn covers(&self, truth: &TrueStall) -> bool {
        let shared = self.end().min(truth.end()).saturating_sub(self.start.max(truth.start));
        2 * shared >= self.duration.min(truth.duration)
    }

    /// Blames this very thread.
    pub fn blames(&self, truth: &Truth) -> bool {
        self.culprit["type"] == "task"
            && self.culprit["tid"].as_u64() == truth.tid
            && self.culprit["tgid"].as_u64() == truth.tgid
    }
}
