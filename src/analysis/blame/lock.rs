//! Who spins for a lock, or for another CPU, holds up its own; but the time is the lock's holder's or
//! the other CPU's, and nothing tells of these.

use crate::analysis::index::Index;
use crate::analysis::stacks::StackFacts;
use crate::model::{Sample, SyscallSlow};
use crate::units::Nanos;

/// What must follow the evidence of samples that found somebody spinning: empty where fewer than half
/// of them did.
pub fn spinning(index: &Index<'_>, ticks: &[&Sample]) -> String {
    let of = |is: fn(&StackFacts) -> bool| {
        let spinning = ticks.iter().filter(|s| !s.user_mode && is(index.facts(s.kernel_stack)));
        Some(spinning.count()).filter(|&n| n > 0 && 2 * n >= ticks.len())
    };
    let mut words = String::new();
    if let Some(n) = of(|facts| facts.spins) {
        words += &format!("; {n} of them found it spinning for a lock: who held that is not known");
    }
    if let Some(n) = of(|facts| facts.waits_for_cpus) {
        words += &format!(
            "; {n} of them found it waiting for other CPUs to run a function: what kept these is not \
             known here"
        );
    }
    words
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
