//! `/proc/PID/stat`, as far as it is needed here.
//!
//! Not with the `procfs` crate: its reader panics on a file without blanks around the name.

use super::root::HostRoot;
use super::sys;
use crate::units::{Ktime, Tid};

/// Flags of include/linux/sched.h; no process can set the second on itself.
const PF_EXITING: u64 = 0x0000_0004;
/// A kernel thread.
pub const PF_KTHREAD: u32 = 0x0020_0000;

/// What a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskStat {
    /// Its id.
    pub tid: Tid,
    /// Its name: chosen by the process, not to be trusted.
    pub comm: String,
    /// Its parent.
    pub parent: Tid,
    /// A kernel thread.
    pub kthread: bool,
    /// It is on its way out, or gone and not yet waited for.
    pub exiting: bool,
    /// `SCHED_*` of sched(7): 0 other, 1 FIFO, 2 RR.
    pub policy: u8,
    /// When it started, CLOCK_BOOTTIME, in units of 1/USER_HZ s (10 ms), rounded down.
    pub start_ticks: u64,
}

impl TaskStat {
    /// Reads a stat file such as `proc/7/stat` or `proc/7/task/8/stat`; none if the task is gone.
    #[must_use]
    pub fn read(root: &HostRoot, rel: &str) -> Option<TaskStat> {
        TaskStat::parse(&root.read_to_string(rel).ok()?)
    }

    /// Reads the line. The name may hold blanks and brackets: it ends at the last `)`.
    #[must_use]
    pub fn parse(text: &str) -> Option<TaskStat> {
        let (tid, rest) = text.split_once(" (")?;
        let (comm, rest) = rest.rsplit_once(") ")?;
        // The state is field 3, the parent 4, the flags 9, the start time 22,
        // the policy 41.
        let mut fields = rest.split_ascii_whitespace();
        let parent = fields.nth(1)?.parse().ok()?;
        let flags: u64 = fields.nth(4)?.parse().ok()?;
        let start_ticks = fields.nth(12)?.parse().ok()?;
        let policy = fields.nth(18).and_then(|field| field.parse().ok()).unwrap_or(0);
        Some(TaskStat {
            tid: Tid(tid.parse().ok()?),
            comm: comm.to_owned(),
            parent: Tid(parent),
            kthread: flags & u64::from(PF_KTHREAD) != 0,
            exiting: flags & PF_EXITING != 0,
            policy,
            start_ticks,
        })
    }

    /// When it started, CLOCK_BOOTTIME: up to 10 ms too early.
    #[must_use]
    pub fn start(&self) -> Ktime {
        Ktime(self.start_ticks.saturating_mul(1_000_000_000 / sys::user_hz()))
    }

    /// Whether it started at that moment (`task->start_boottime`, exact), as far as the file
    /// tells: if not, the id is a later task's.
    #[must_use]
    pub fn started_at(&self, start: Ktime) -> bool {
        in_ticks(start) == self.start_ticks
    }
}

/// A moment as these files tell it: in units of 1/USER_HZ s, rounded down.
#[must_use]
pub fn in_ticks(moment: Ktime) -> u64 {
    moment.0 / (1_000_000_000 / sys::user_hz())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "14 (ksoftirqd/0) S 2 0 0 0 -1 69238848 0 0 0 0 3 21 0 0 20 0 1 0 17 0 0 \
        18446744073709551615 0 0 0 0 0 0 0 2147483647 0 1 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";

    #[test]
    fn a_line_is_read() {
        let stat = TaskStat::parse(LINE).expect("a stat line");
        assert_eq!((stat.tid, stat.comm.as_str(), stat.parent), (Tid(14), "ksoftirqd/0", Tid(2)));
        assert!(stat.kthread && !stat.exiting);
        assert_eq!(stat.policy, 0);
        let fifo = LINE.replace(" 1 0 0 17 0 0 0 0 0", " 1 0 0 17 0 1 1 0 0");
        assert_eq!(TaskStat::parse(&fifo).map(|s| s.policy), Some(1));
        assert_eq!((stat.start_ticks, stat.start()), (17, Ktime(170_000_000)));
        assert!(stat.started_at(Ktime(170_000_000)) && stat.started_at(Ktime(179_999_999)));
        assert!(!stat.started_at(Ktime(180_000_000)));
        let odd = LINE.replace("ksoftirqd/0", "a) S 1 (b\n) (");
        assert_eq!(
            TaskStat::parse(&odd).map(|s| (s.comm, s.kthread)),
            Some(("a) S 1 (b\n) (".to_owned(), true))
        );
    }

    #[test]
    fn a_damaged_line_is_refused() {
        for cut in 0..LINE.len() - 130 {
            assert_eq!(TaskStat::parse(&LINE[..cut]), None, "cut at {cut}");
        }
        let huge = LINE.replace(" 17 0 0 ", " 18446744073709551615 0 0 ");
        assert_eq!(TaskStat::parse(&huge).map(|s| s.start()), Some(Ktime(u64::MAX)));
        for odd in [
            "(",
            ")",
            ") (",
            "1 () ",
            "x (y) S 2",
            &LINE.replace("14 (", "99999999999 ("),
            &" ".repeat(1 << 20),
        ] {
            assert_eq!(TaskStat::parse(odd), None);
        }
    }
}
