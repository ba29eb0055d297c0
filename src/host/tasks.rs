//! A task at first sight: whose it is. Asked at once, for short-lived ones are gone by the end.

use super::cgroup::{TaskCgroup, most_telling, parse_task_cgroups};
use super::root::HostRoot;
use super::taskstat::TaskStat;
use crate::units::{Ktime, Tgid, Tid};

/// What /proc says about a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFacts {
    /// The thread's name, start and kind.
    pub stat: TaskStat,
    /// Name of the thread group's leader; chosen by the process, not to be trusted.
    pub process: String,
    /// The cgroup that tells most; none if the kernel has no such hierarchy.
    pub cgroup: Option<TaskCgroup>,
}

impl TaskFacts {
    /// Reads `/proc/TGID/comm` and the thread's `cgroup` and `stat`: 12 to 20 us. None when it is
    /// gone; also if `start` (`task->start_boottime`) is given and the id now belongs to a task
    /// that started at another time.
    #[must_use]
    pub fn read(root: &HostRoot, tgid: Tgid, tid: Tid, start: Option<Ktime>) -> Option<TaskFacts> {
        let process = root.value(format!("proc/{tgid}/comm"))?;
        let task = format!("proc/{tgid}/task/{tid}");
        let cgroups = root.read_to_string(format!("{task}/cgroup")).ok();
        // Last: if the start is right now, then all that was read before was this task's.
        let stat = TaskStat::read(root, &format!("{task}/stat"))?;
        if start.is_some_and(|start| !stat.started_at(start)) {
            return None;
        }
        let cgroup = cgroups.and_then(|text| most_telling(parse_task_cgroups(&text)));
        Some(TaskFacts { stat, process, cgroup })
    }
}
