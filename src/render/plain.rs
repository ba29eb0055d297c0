//! The words of the reports as plain text, for exports. Names in them are harmless and bounded.

use super::{calls, escape, terms, words};
use crate::model::Recording;
use crate::model::findings::{Culprit, Measure, StallKind};

/// Who, and what it was doing: `cadvisor[10137]  read(2) of /sys/fs/cgroup/memory/memory.stat`.
pub(crate) fn culprit(culprit: &Culprit) -> String {
    words::culprit(culprit).0.into_iter().map(|(_, part)| spaced(&part)).collect()
}

/// The field's term for what was late: `softirq delay`.
pub(crate) fn kind(kind: StallKind) -> &'static str {
    terms::kind(kind)
}

/// A measure with all that is known of it.
pub(crate) fn measure(m: &Measure) -> String {
    spaced(&words::measure(m))
}

/// `read(2)` of a system call's number plus one; empty outside of one.
pub(crate) fn call(r: &Recording, nr_plus_1: u32) -> String {
    calls::name(r, nr_plus_1).map(|name| escape::terminal(&name).into_owned()).unwrap_or_default()
}

fn spaced(text: &str) -> String {
    text.replace('\u{a0}', " ")
}
