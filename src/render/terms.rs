//! The words that stand for the kinds and causes of the findings, for people.

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error;

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

/// What it did to the CPU: "... held CPU 11 `with interrupts off`".
pub(super) fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::IrqsOff => "with interrupts off",
        Cause::BhOff => "with bottom halves off",
        Cause::NonPreemptible => "in kernel code that could not be preempted",
        Cause::StarvedByRt => "at a real-time priority above ksoftirqd",
        Cause::StarvedByTasks => "while ksoftirqd waited its turn",
        Cause::SoftirqHog => "in a softirq handler",
        Cause::HardIrq => "in a hard interrupt",
        Cause::Stolen => "while the hypervisor had taken it away",
        Cause::Unexplained => "for a reason that was not seen",
    }
}

/// The same as the head of a column, in two lines.
pub(super) fn cause_head(cause: Cause) -> [&'static str; 2] {
    match cause {
        Cause::IrqsOff => ["interrupts", "off"],
        Cause::BhOff => ["bottom", "halves off"],
        Cause::NonPreemptible => ["not", "preemptible"],
        Cause::StarvedByRt => ["real-time", "task"],
        Cause::StarvedByTasks => ["other tasks'", "turns"],
        Cause::SoftirqHog => ["softirq", "handler"],
        Cause::HardIrq => ["hard", "interrupt"],
        Cause::Stolen => ["taken by", "hypervisor"],
        Cause::Unexplained => ["not", "explained"],
    }
}

/// The same on one line, for the name of a cause as metrics and incidents have it. What is no cause of
/// a stall, or of another version, keeps its name.
pub(crate) fn cause_named(name: &str) -> String {
    let de = IntoDeserializer::<Error>::into_deserializer(name);
    match Cause::deserialize(de) {
        Ok(cause) => cause_head(cause).join(" "),
        Err(_) => name.replace('_', " "),
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
