//! A culprit in a word or two: labels of metrics, and what makes two incidents the same.

use super::escape;
use crate::model::findings::Culprit;

/// Characters of a name in a label.
const MOST: usize = 60;

/// Who, without what differs from one run of a program to the next.
pub(crate) fn culprit(culprit: &Culprit) -> String {
    let name = match culprit {
        Culprit::Task(t) => match (&t.work, &t.process) {
            (Some(work), _) => format!("work {work}"),
            (None, Some(process)) => process.clone(),
            (None, None) => t.comm.clone(),
        },
        Culprit::Softirq { vector, .. } => format!("{vector} softirq"),
        Culprit::HardIrq { name: Some(name), .. } => format!("interrupt {name}"),
        Culprit::HardIrq { kind, .. } => format!("{kind} interrupt"),
        Culprit::Hypervisor => "hypervisor".to_owned(),
        Culprit::Several { .. } => "several".to_owned(),
        Culprit::Unknown { .. } => "unknown".to_owned(),
    };
    escape::bounded(&name, MOST).into_owned()
}
