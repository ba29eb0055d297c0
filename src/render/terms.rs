//! The words that stand for the kinds and causes of the findings, for people.

use crate::model::findings::{Cause, Context, StallKind};

/// The field's term for what was late.
pub(super) fn kind(kind: StallKind) -> &'static str {
    match kind {
        StallKind::SoftirqDelay => "softirq delay",
        StallKind::Handoff => "ksoftirqd handoff",
        StallKind::SoftirqRun => "softirq run",
        StallKind::InterruptGap => "interrupt gap",
    }
}

/// For people, the name of a cause as metrics and incidents have it. What is no cause of a stall, or
/// of another version, keeps its name.
pub(crate) fn cause_named(name: &str) -> String {
    Cause::named(name).map_or_else(|| name.replace('_', " "), |cause| cause.words().to_owned())
}

/// What somebody did to the CPU, after the name; nothing of who is not known, as that says it.
pub(super) fn how(cause: Cause) -> String {
    match cause {
        Cause::Unexplained => String::new(),
        cause => format!("  {}", cause.how()),
    }
}

/// Where a softirq ran in the end.
pub(super) fn context(c: Context) -> &'static str {
    match c {
        Context::Irq => "at the tail of an interrupt",
        Context::Task => "at the end of a task's section with bottom halves off",
        Context::Ksoftirqd => "in ksoftirqd",
        Context::Napi => "in a NAPI thread",
        Context::Idle => "on the idle CPU",
    }
}
