//! What the methods in use cannot know, by their own account (`stallprof doctor`).

use serde_json::Value;

/// What may be expected of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Precision {
    /// System calls, files and who ran while ksoftirqd waited are known.
    pub calls: bool,
    /// The handlers of hard interrupts are known.
    pub handlers: bool,
    /// No event is missed: a kprobe inside of another one's handler does not fire.
    pub every_event: bool,
}

impl Precision {
    /// Of the methods that a report names.
    pub fn of(findings: &Value) -> Precision {
        let probes = findings["probes"].as_array().map(Vec::as_slice).unwrap_or_default();
        let uses = |method: &str| probes.iter().any(|p| p["method"] == method);
        let hardirq = probes.iter().find(|p| p["name"] == "hardirq").map(|p| &p["method"]);
        Precision {
            calls: !uses("perf") && !uses("procfs"),
            handlers: !hardirq.is_some_and(|m| *m == "fentry" || *m == "kprobe"),
            every_event: !uses("kprobe"),
        }
    }

    /// Whether so many found stalls are enough of those that made somebody wait.
    pub fn enough(self, found: usize, waited: usize) -> bool {
        if self.every_event { found >= waited } else { 4 * found >= 3 * waited }
    }
}
