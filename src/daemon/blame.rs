//! Causes and culprits in a word or two: labels of metrics, and what makes two incidents the same.

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
