//! Causes and culprits in a word or two: labels of metrics, and what makes two incidents the same.

use serde::Serialize;

use crate::model::findings::Stall;
use crate::render::label;

/// Name of the cause for programs, as in the findings.
#[must_use]
pub fn cause(stall: &Stall) -> String {
    stall.cause.name().to_owned()
}

/// Who, without what differs from one run of a program to the next.
#[must_use]
pub fn culprit(stall: &Stall) -> String {
    label::culprit(&stall.culprit)
}

/// Name of a variant, as JSON has it.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Names of the kinds of latenesses of a stall, with their lengths.
pub fn kinds(stall: &Stall) -> impl Iterator<Item = (String, crate::units::Nanos)> {
    stall.measures.iter().map(|m| (word(&m.kind), m.duration))
}
