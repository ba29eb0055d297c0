//! Who a thread is, where only its number is known: by /proc, and by what the kernel tells of
//! forks and new names on the recorded CPUs.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::host::HostRoot;
use crate::host::taskstat::{PF_KTHREAD, TaskStat};
use crate::probe::sp_task;

/// A thread is looked at again after this long: it may have another name, or its number another
/// thread.
const FRESH: Duration = Duration::from_millis(250);
/// All are forgotten past this many.
const MOST: usize = 16_384;

const PF_EXITING: u32 = 0x0000_0004;

/// Threads by number.
pub struct Tasks {
    root: HostRoot,
    known: HashMap<u32, Known>,
}

struct Known {
    task: sp_task,
    /// When /proc was last asked; none if it must be.
    asked: Option<Instant>,
}

impl Tasks {
    pub fn new(root: HostRoot) -> Tasks {
        Tasks { root, known: HashMap::new() }
    }

    /// What is known of a thread: number, name, start, policy. One that is gone before it was
    /// looked at has a number, and a name if the kernel told it.
    pub fn get(&mut self, tgid: u32, tid: u32, cpu: u32) -> sp_task {
        if tid == 0 {
            let name = comm(format!("swapper/{cpu}").as_bytes());
            return sp_task { flags: PF_KTHREAD, comm: name, ..sp_task::default() };
        }
        if self.known.len() > MOST {
            self.known.clear();
        }
        let known = self.known.entry(tid).or_insert_with(|| unknown(tgid, tid));
        if known.task.tgid != tgid {
            *known = unknown(tgid, tid);
        }
        if known.asked.is_none_or(|at| at.elapsed() >= FRESH) {
            known.asked = Some(Instant::now());
            if let Some(stat) = TaskStat::read(&self.root, &format!("proc/{tgid}/task/{tid}/stat"))
            {
                known.task = sp_task {
                    start: stat.start().0,
                    flags: if stat.kthread { PF_KTHREAD } else { 0 }
                        | if stat.exiting { PF_EXITING } else { 0 },
                    policy: u32::from(stat.policy),
                    comm: comm(stat.comm.as_bytes()),
                    ..known.task
                };
            }
        }
        known.task
    }

    /// A thread was made: it has the name of the one that made it.
    pub fn forked(&mut self, tgid: u32, tid: u32, parent: u32) {
        let name = self.known.get(&parent).map(|k| k.task.comm).unwrap_or_default();
        self.named(tgid, tid, name);
    }

    /// A thread took a name.
    pub fn renamed(&mut self, tgid: u32, tid: u32, name: &[u8]) {
        self.named(tgid, tid, comm(name));
    }

    fn named(&mut self, tgid: u32, tid: u32, name: [i8; 16]) {
        let mut known = unknown(tgid, tid);
        known.task.comm = name;
        self.known.insert(tid, known);
    }
}

fn unknown(tgid: u32, tid: u32) -> Known {
    Known { task: sp_task { tgid, tid, ..sp_task::default() }, asked: None }
}

/// A name as the kernel holds it: at most 15 bytes and a NUL.
fn comm(name: &[u8]) -> [i8; 16] {
    let mut out = [0; 16];
    for (to, from) in out.iter_mut().zip(name.iter().take(15)) {
        *to = *from as i8;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::text;

    #[test]
    fn a_thread_is_known_by_proc() {
        let pid = std::process::id();
        let mut tasks = Tasks::new(HostRoot::default());
        let own = tasks.get(pid, pid, 0);
        let name = std::fs::read_to_string("/proc/self/comm").expect("our own name");
        assert_eq!((own.tid, text(&own.comm).as_str()), (pid, name.trim_end()));
        assert!(own.start > 0 && own.flags & PF_KTHREAD == 0);
    }

    #[test]
    fn one_that_is_gone_keeps_the_name_it_was_told_by() {
        let gone = u32::MAX - 1; // past any pid
        let mut tasks = Tasks::new(HostRoot::default());
        tasks.renamed(gone, gone, b"a name of more than 15 bytes");
        assert_eq!(text(&tasks.get(gone, gone, 0).comm), "a name of more ");
        tasks.forked(gone - 1, gone - 1, gone);
        let child = tasks.get(gone - 1, gone - 1, 0);
        assert_eq!((text(&child.comm).as_str(), child.start), ("a name of more ", 0));
        assert_eq!(text(&tasks.get(7, gone, 0).comm), "", "another process has its number now");
        assert_eq!(text(&tasks.get(0, 0, 3).comm), "swapper/3");
    }
}
