//! How each kind of stall has to be found.

use serde_json::Value;

use crate::found::Found;
use crate::kinds;
use crate::precision::Precision;
use crate::read::Truth;
use crate::truth::{Header, Stall};

/// What a kind of stall looks like in the findings.
#[derive(Debug)]
pub struct Expected {
    /// The name of the kind.
    pub kind: &'static str,
    /// The lateness it shows as.
    pub measure: &'static str,
    /// Its cause.
    pub cause: &'static str,
    /// Another true name of it with PREEMPT_RT: preemption is off at the tracepoints where
    /// stallgen spins, while softirqs run in tasks.
    pub cause_rt: Option<&'static str>,
    /// Fields of the culprit; none where it is the task in the truth.
    pub culprit: &'static [(&'static str, &'static str)],
    /// Probes without which it cannot be found.
    pub probes: &'static [&'static str],
}

/// What ksoftirqd has to wait to be a victim: twice the threshold of a stall.
const HANDOFF_NS: u64 = 10_000_000;
/// A slow read flushed at least one CPU's part for longer than the threshold of a gap.
const SLOW_READ_NS: u64 = 16_000_000;
const SLOW_READ_WAIT_NS: u64 = 14_000_000;

impl Expected {
    /// All kinds.
    pub fn all() -> &'static [Self] {
        kinds::KINDS
    }

    /// What is expected of a kind.
    pub fn of(kind: &str) -> Option<&'static Self> {
        kinds::KINDS.iter().find(|e| e.kind == kind)
    }

    /// Whether somebody else had the CPU for much of a stall: a hypervisor, that is, and then
    /// nothing is known of who kept whom waiting.
    pub fn is_disturbed(&self, stall: &Stall) -> bool {
        // The packets that wake ksoftirqd are handled in the stall's time.
        let allowed = if self.measure == "handoff" { 2 } else { 8 };
        stall.paused_ns > stall.duration_ns / allowed
    }

    /// Whether a stall made somebody wait whose wait this kind shows in.
    pub fn has_victim(&self, header: &Header, stall: &Stall) -> bool {
        match (self.kind, self.measure) {
            ("memcg", _) => {
                stall.duration_ns > SLOW_READ_NS && stall.victim_wait_ns > SLOW_READ_WAIT_NS
            }
            (_, "handoff") => stall
                .ksoftirqd_wait()
                .map(|(woken, switched_in)| switched_in - woken)
                // Now and then the kernel leaves a runnable ksoftirqd waiting for many stalls and
                // the idle time between them: not the stall's doing.
                .is_some_and(|wait| wait >= HANDOFF_NS && wait <= 2 * stall.duration_ns),
            _ => stall.victim_wait_ns > header.length_ns / 2,
        }
    }

    /// The stall of a report that tells of this one, if there is one.
    pub fn find<'a>(&self, stall: &Stall, found: &'a [Found]) -> Option<&'a Found> {
        // A read flushes one CPU's part after the other: several gaps, each a part of it.
        let fits = |f: &&Found| match self.kind {
            "memcg" => f.shares(stall) > 0 && f.cause == self.cause,
            _ => f.covers(stall) && f.measure(self.measure).is_some(),
        };
        found.iter().filter(fits).max_by_key(|f| f.duration)
    }

    /// The measured length and the true one.
    pub fn lengths(&self, stall: &Stall, found: &Found) -> Option<(u64, u64)> {
        let measure = found.measure(self.measure)?;
        match (self.kind, self.measure) {
            // Not known: the truth is the whole read.
            ("memcg", _) => None,
            (_, "handoff") => {
                let (woken, switched_in) = stall.ksoftirqd_wait()?;
                Some((measure["handoff"]["wake_to_in"].as_u64()?, switched_in - woken))
            }
            (_, "softirq_delay") => {
                // From the first raise in the stall on: a packet that came late waited for less,
                // and another softirq may have been raised before it.
                let measured = measure["duration"].as_u64()?;
                let least = stall.victim_wait_ns.min(stall.duration_ns);
                Some((measured, measured.clamp(least, stall.duration_ns)))
            }
            _ => Some((measure["duration"].as_u64()?, stall.duration_ns)),
        }
    }

    /// What is wrong with the culprit that was named; nothing if it is the right one.
    pub fn fault(
        &self,
        header: &Header,
        found: &Found,
        realtime: bool,
        precision: Precision,
    ) -> Option<String> {
        let culprit = &found.culprit;
        // To name nobody is right where nobody can be known, and to name another never is.
        if !precision.calls && found.cause == "unexplained" {
            return None;
        }
        let wrong = |what: &str, is: &str| Some(format!("{what} is {is}"));
        // The kernel flushes in a kworker, too: as true an answer.
        if self.kind == "memcg" && is_memcg_work(culprit) {
            return None;
        }
        let other_name = self.cause_rt.filter(|_| realtime);
        if found.cause != self.cause && Some(found.cause.as_str()) != other_name {
            return wrong("the cause", &found.cause);
        }
        for (key, value) in self.culprit {
            let unknown = *key == "handler" && !precision.handlers && culprit[key].is_null();
            if culprit[key] != *value && !unknown {
                return wrong(key, &culprit[key].to_string());
            }
        }
        if self.culprit.is_empty() {
            if !found.blames(header) {
                return wrong("the culprit", &culprit.to_string());
            }
            if !precision.calls {
                return None;
            }
            if culprit["syscall"].as_str() != header.syscall.as_deref() {
                return wrong("the system call", &culprit["syscall"].to_string());
            }
            if header.file.is_some() && culprit["file"].as_str() != header.file.as_deref() {
                return wrong("the file", &culprit["file"].to_string());
            }
        }
        None
    }

    /// Whether a stall of a report tells of this one that was made. Much happens in a read that is
    /// not the flush: a quarter of it has to be told of.
    fn is_about(&self, found: &Found, stall: &Stall) -> bool {
        match self.kind {
            "memcg" => 4 * found.shares(stall) >= stall.duration_ns,
            _ => found.covers(stall),
        }
    }

    /// Stalls of a report that blame a bystander for one that was made.
    pub fn bystanders<'a>(&self, truth: &Truth, found: &'a [Found]) -> Vec<&'a Found> {
        let not_handoff = |m: &Value| m["kind"] != "handoff";
        let blamed = |f: &&Found| {
            let other = match self.culprit.is_empty() {
                // The same kind of lateness in the same time has one culprit.
                true => f.cause == self.cause && !f.blames(&truth.header),
                // No task is to blame. Who kept ksoftirqd off the CPU is another question, which
                // other load on the machine may answer truly.
                false => f.blames_a_task() && f.measures.first().is_some_and(not_handoff),
            };
            let kworker = self.kind == "memcg" && is_memcg_work(&f.culprit);
            other && !kworker && truth.stalls.iter().any(|t| self.is_about(f, t))
        };
        found.iter().filter(blamed).collect()
    }
}

fn is_memcg_work(culprit: &Value) -> bool {
    culprit["work"].as_str().is_some_and(|work| work.contains("memcg"))
}
