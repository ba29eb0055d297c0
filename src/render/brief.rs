//! A stall in few words, for those who watch live.

use super::{escape, words};
use crate::model::findings::{Culprit, Stall};
use crate::model::live::Brief;

/// Functions of a stack.
const FRAMES: usize = 32;
/// Columns of a function, and of a sentence.
const FUNCTION: usize = 80;
const SENTENCE: usize = 400;

/// A stall in the words of the report; names in them are made harmless and short.
#[must_use]
pub fn of(stall: &Stall) -> Brief {
    let plain = |text: &str| escape::bounded(text, SENTENCE).replace('\u{a0}', " ");
    let who: String = words::culprit(&stall.culprit).0.iter().map(|(_, s)| s.as_str()).collect();
    let workload = match &stall.culprit {
        Culprit::Task(task) => words::workload(task),
        _ => Vec::new(),
    };
    let stack = stall.evidence.stack.iter().take(FRAMES);
    Brief {
        who: plain(&who),
        deed: plain(&words::deed(&stall.culprit, stall.cause, stall.cpu)),
        workload: workload.iter().map(|w| plain(w)).collect(),
        measures: stall.measures.iter().map(|m| plain(&words::measure(m))).collect(),
        evidence: plain(&stall.evidence.words),
        witnesses: plain(&words::witnesses(stall)),
        stack: stack.map(|f| escape::bounded(f, FUNCTION).into_owned()).collect(),
    }
}
