//! Who spins for a lock holds up its CPU, but the time is the lock's holder's, whom nothing tells.

use crate::analysis::index::Index;
use crate::model::{Sample, SyscallSlow};
use crate::units::Nanos;

/// What must follow the evidence of samples that found somebody spinning for a lock: empty where
/// fewer than half of them did.
pub fn spinning(index: &Index<'_>, ticks: &[&Sample]) -> String {
    let spins = |s: &&&Sample| !s.user_mode && index.facts(s.kernel_stack).spins;
    let spinning = ticks.iter().filter(spins).count();
    if spinning == 0 || 2 * spinning < ticks.len() {
        return String::new();
    }
    format!("; {spinning} of them found it spinning for a lock: who held that is not known")
}

/// The same of a time with interrupts off, into which no sample falls: only of the locks of the
/// cgroup statistics is it told how long a read waited for them.
pub fn waited(index: &Index<'_>, tick: &Sample, gap: Nanos) -> String {
    let waited = |call: &SyscallSlow| index.file_call(call).map(|more| more.rstat_waited);
    let call = index.call_at(tick.task, tick.time);
    match call.and_then(waited).filter(|waited| super::is_half(*waited, gap)) {
        Some(waited) => format!(
            "; this call waited {waited} for the locks of the cgroup statistics: who held them is \
             not known"
        ),
        None => String::new(),
    }
}
