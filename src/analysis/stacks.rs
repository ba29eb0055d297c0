//! What the names on a kernel stack tell: whether a softirq ran, what an interrupt lay on, where
//! interrupts came back. The names are those of kernel/softirq.c, arch/x86/entry and
//! kernel/locking/spinlock.c; each list names the kernels where a name changed.

use crate::model::Vector;
use crate::model::findings::Context;
use crate::model::functions::{SOFTIRQ_LOOP, is_interrupt_entry, source_name};

/// The handlers of each vector (`open_softirq` callers), by any name since 5.10, and what they jump
/// to as their last act: then that stands above the loop in their place.
const HANDLERS: [(&str, u8); 21] = [
    ("tasklet_hi_action", 0),
    ("run_timer_softirq", 1),
    ("tmigr_handle_remote", 1), // timers of idle CPUs, since 6.9
    ("net_tx_action", 2),
    ("net_rx_action", 3),
    ("blk_done_softirq", 4),
    ("blk_complete_reqs", 4),
    ("irq_poll_softirq", 5),
    ("tasklet_action", 6),
    ("tasklet_action_common", 6), // and of vector 0: Index::softirq()
    ("workqueue_softirq_action", 6),
    ("run_rebalance_domains", 7),
    ("sched_balance_softirq", 7),
    ("rebalance_domains", 7),
    ("sched_balance_domains", 7),
    ("_nohz_idle_balance", 7),
    ("nohz_idle_balance", 7),
    ("hrtimer_run_softirq", 8),
    ("rcu_core_si", 9),
    ("rcu_process_callbacks", 9),
    ("rcu_core", 9),
];

/// The slow paths of locks that are waited for without sleeping: kernel/locking/qspinlock.c and
/// qrwlock.c, by their names on real and on virtual machines.
const SPINS: [&str; 5] = [
    "native_queued_spin_lock_slowpath",
    "__pv_queued_spin_lock_slowpath",
    "queued_spin_lock_slowpath",
    "queued_read_lock_slowpath",
    "queued_write_lock_slowpath",
];

/// Where a CPU waits, without sleeping, until others have run a function for it: kernel/smp.c. Called
/// on the own CPU, the function would lie above.
const WAITS_FOR_CPUS: [&str; 4] =
    ["smp_call_function_many_cond", "smp_call_function_single", "csd_lock_wait", "__csd_lock_wait"];

/// How many frames may lie above: what a virtual CPU does while it waits (`kvm_wait`).
const SPIN_DEPTH: usize = 4;

/// What a kernel stack tells.
#[derive(Clone, Debug, Default)]
pub struct StackFacts {
    /// A softirq handler was running on it: the vector, and how many innermost frames lie above
    /// the loop that called the handler.
    pub softirq: Option<(Vector, usize)>,
    /// How many innermost frames belong to an interrupt (and softirqs at its exit) that lies on
    /// top of what the task itself was doing.
    pub interrupt_frames: usize,
    /// The innermost frames of the task's own part that only turn interrupts back on; 0 if it
    /// does not begin with such a function.
    pub irq_restore_frames: usize,
    /// The innermost frames of the whole stack that only turn interrupts back on.
    pub top_restores: usize,
    /// The loop that runs pending softirqs is on it, in a handler or not.
    pub softirq_loop: bool,
    /// What that loop had called is no handler that is known.
    pub unknown_handler: bool,
    /// A function of it has a name.
    pub named: bool,
    /// Its softirq handler, or else the task, spins for a lock that somebody else holds.
    pub spins: bool,
    /// The same waits for other CPUs to run a function.
    pub waits_for_cpus: bool,
    /// Frames in all.
    pub len: usize,
    /// Where a softirq that was entered on this stack ran; none where the stack does not tell.
    pub context: Option<Context>,
}

impl StackFacts {
    /// Reads a stack of function names, innermost first.
    pub fn of<'a>(names: impl Iterator<Item = &'a str> + Clone) -> StackFacts {
        let names: Vec<&str> = names.map(source_name).collect();
        let interrupt_frames =
            names.iter().rposition(|n| is_interrupt_entry(n)).map_or(0, |i| i + 1);
        let own = names.get(interrupt_frames..).unwrap_or_default();
        let softirq = softirq(&names);
        let doer = softirq.and_then(|(_, depth)| names.get(..depth)).unwrap_or(own);
        StackFacts {
            softirq,
            interrupt_frames,
            irq_restore_frames: own.iter().take_while(|n| restores_irqs(n)).count(),
            top_restores: names.iter().take_while(|n| restores_irqs(n)).count(),
            softirq_loop: names.iter().any(|n| SOFTIRQ_LOOP.contains(n)),
            unknown_handler: softirq.is_none() && called_by_loop(&names).is_some(),
            spins: doer.iter().take(SPIN_DEPTH).any(|n| SPINS.contains(n)),
            waits_for_cpus: doer.first().is_some_and(|n| WAITS_FOR_CPUS.contains(n)),
            named: names.iter().any(|n| *n != "[unknown]"),
            len: names.len(),
            context: context(&names),
        }
    }
}

/// The innermost running handler. It must stand right above the loop: a tick in the loop itself,
/// before or after a handler, is no evidence that one ran.
fn softirq(names: &[&str]) -> Option<(Vector, usize)> {
    let (handler, at) = called_by_loop(names)?;
    let (_, vector) = HANDLERS.iter().find(|(name, _)| *name == handler)?;
    Some((Vector(*vector), at))
}

/// What the innermost loop had called when the stack was taken, and at which depth the loop is; none
/// where an interrupt came upon the loop itself.
fn called_by_loop<'a>(names: &[&'a str]) -> Option<(&'a str, usize)> {
    let at = names.iter().position(|n| SOFTIRQ_LOOP.contains(n))?;
    let called = names.get(at.checked_sub(1)?)?;
    (!is_interrupt_entry(called)).then_some((*called, at))
}

/// Functions whose last act is to turn interrupts back on (include/linux/spinlock_api_smp.h,
/// arch/x86/include/asm/irqflags.h and its paravirt twins).
pub fn restores_irqs(name: &str) -> bool {
    name.contains("_unlock_irq")
        || ["local_irq_enable", "native_irq_enable", "local_irq_restore", "native_irq_restore"]
            .iter()
            .any(|end| name.ends_with(end))
        || name.ends_with("restore_fl")
}

fn context(names: &[&str]) -> Option<Context> {
    let has = |wanted: &[&str]| names.iter().any(|n| wanted.contains(n));
    let at = names.iter().position(|n| SOFTIRQ_LOOP.contains(n))?;
    let caller = names.get(at + 1..)?;
    let first = |wanted: &[&str]| caller.iter().take(4).any(|n| wanted.contains(n));
    if first(&["run_ksoftirqd"]) {
        Some(Context::Ksoftirqd)
    } else if first(&["irq_exit_rcu", "__irq_exit_rcu", "irq_exit"]) {
        Some(Context::Irq)
    } else if has(&["napi_threaded_poll", "napi_threaded_poll_loop"]) {
        Some(Context::Napi)
    } else if first(&["__local_bh_enable_ip", "do_softirq"]) {
        Some(Context::Task)
    } else {
        None
    }
}
