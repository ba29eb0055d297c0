//! A tick of the sampling timer.

use super::calls::SyscallId;
use super::names::{StackId, TaskId};
use super::vector::Vector;
use crate::units::{Cpu, Ktime, Nanos};

/// What a CPU was doing when the sampling timer fired, and how late the timer was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// When the timer's program ran.
    pub time: Ktime,
    /// The CPU sampled.
    pub cpu: Cpu,
    /// The task that the timer interrupted.
    pub task: TaskId,
    /// Scheduling policy of that task (`SCHED_*` of `sched(7)`: 0 other, 1 FIFO, 2 RR). With a
    /// real-time priority that was lent to it by a mutex with priority inheritance: FIFO.
    pub policy: u8,
    /// The CPU was in user mode.
    pub user_mode: bool,
    /// The system call the task was in.
    pub syscall: SyscallId,
    /// Kernel stack, innermost first; none in user mode.
    pub kernel_stack: StackId,
    /// User stack, innermost first.
    pub user_stack: StackId,
    /// Softirqs pending on this CPU, one bit a vector.
    pub pending: u16,
    /// For how long the oldest of them has been pending; 0 with none pending.
    pub pending_for: Nanos,
    /// For how long ksoftirqd of this CPU has been runnable without running; 0 if it is not.
    pub ksoftirqd_waits: Nanos,
    /// Since when a softirq of vector `softirq_vector` may be running here: time since the last
    /// `softirq_entry` on this CPU; in a burst, since its raise. A softirq is running only if the kernel stack says so.
    pub since_softirq_entry: Nanos,
    /// Vector of that last `softirq_entry`.
    pub softirq_vector: Vector,
    /// Interrupt gap: lateness of this tick beyond its period. 0 where below the threshold.
    pub gap: Nanos,
    /// For how long this very hard interrupt had been running before the tick's program was
    /// called (another handler came first). 0 where unknown.
    pub in_hardirq: Nanos,
    /// Time in hard interrupts since the tick before. 0 where they are not timed.
    pub hardirqs: Nanos,
    /// Steal time of this CPU in the `stolen_over` before this tick, as the kernel counts it. Told
    /// with the first tick after an interrupt gap by which it was counted.
    pub stolen: Nanos,
    /// See there; 0 where it is not told.
    pub stolen_over: Nanos,
    /// The bytes of kernel text before the interrupted instruction show that it had just set the
    /// interrupt flag: proof that the code had interrupts off. Only looked at for gaps.
    pub irqs_were_off: bool,
    /// The same of callers: bit n, from 1 on, of frame n of the kernel stack. It means something
    /// only of a frame that an interrupt interrupted.
    pub irqs_were_off_in: u16,
    /// How many others on this CPU, outside of stalls, it stands for besides itself: of a large
    /// recording not all are read. In no file.
    pub others: u32,
}

impl Sample {
    /// How many samples it stands for.
    #[must_use]
    pub fn count(&self) -> u64 {
        u64::from(self.others) + 1
    }
}
