//! Gives numbers to what records name by value: tasks, stacks, strings.

use std::collections::HashMap;
use std::io::Write;

use super::symbols::{Image, Symbols};
use crate::host::HostRoot;
use crate::host::pods::PodNames;
use crate::host::tasks::TaskFacts;
use crate::host::taskstat::{PF_KTHREAD, in_ticks};
use crate::model::workload::workload;
use crate::model::{FrameId, StackId, StrId, Task, TaskId};
use crate::probe::{Names, sp_task};
use crate::recording::Writer;
use crate::units::{Ktime, Tgid, Tid};

const PF_EXITING: u32 = 0x0000_0004;

/// Stacks that are kept to be known again: with all that belongs to them some 100 MB at most.
const MAX_STACKS: usize = 100_000;
/// Tasks that are kept likewise: some 30 MB.
const MAX_TASKS: usize = 100_000;

/// Names for a recording, looked up while their owners live.
pub struct Namer<W: Write> {
    /// Where they go, and events with them.
    pub writer: Writer<W>,
    root: HostRoot,
    symbols: Symbols,
    /// By tid, start, comm and cgroup: a tid is used again, a comm changes at exec, and tasks are
    /// moved into the cgroups of containers. The start as /proc tells it, since some methods have it
    /// from there.
    tasks: HashMap<(u32, u64, [i8; 16], u64), TaskId>,
    pods: PodNames,
    /// Start, cgroup, pod and process of a thread, by tid and start.
    threads: HashMap<(u32, u64), (Ktime, StrId, StrId, StrId)>,
    kernel_stacks: HashMap<Box<[u64]>, StackId>,
    user_stacks: HashMap<(Image, Box<[u64]>), StackId>,
}

impl<W: Write> Namer<W> {
    /// Names for a recording that has none yet; tasks are looked up under `root`.
    pub fn new(writer: Writer<W>, root: HostRoot) -> Namer<W> {
        Namer {
            writer,
            pods: PodNames::new(root.clone()),
            root,
            symbols: Symbols::new(),
            tasks: HashMap::new(),
            threads: HashMap::new(),
            kernel_stacks: HashMap::new(),
            user_stacks: HashMap::new(),
        }
    }

    /// The names of a daemon's recordings: user frames are left as addresses, for their tables
    /// can take hundreds of MB.
    pub fn without_user_symbols(writer: Writer<W>, root: HostRoot) -> Namer<W> {
        Namer { symbols: Symbols::of_the_kernel(), ..Namer::new(writer, root) }
    }

    /// Keeps the memory for names in bounds, however long the recording gets, and forgets those that
    /// no longer hold.
    pub fn bound(&mut self) {
        if self.symbols.forget_replaced() {
            self.kernel_stacks = HashMap::new();
        }
        if self.kernel_stacks.len() + self.user_stacks.len() > MAX_STACKS {
            self.kernel_stacks = HashMap::new();
            self.user_stacks = HashMap::new();
            self.symbols.forget_user();
            self.writer.forget_stacks();
        }
        if self.tasks.len() > MAX_TASKS {
            self.tasks = HashMap::new();
            self.threads = HashMap::new();
            self.writer.forget_tasks();
        }
    }

    /// Goes on with another recording, which knows no names yet; gives the one so far.
    pub fn turn_to(&mut self, next: Writer<W>) -> Writer<W> {
        self.tasks.clear();
        self.threads.clear();
        self.kernel_stacks.clear();
        self.user_stacks.clear();
        self.symbols.forget();
        std::mem::replace(&mut self.writer, next)
    }
}

/// What lies behind the NUL is whatever the record held before.
fn clean(mut comm: [i8; 16]) -> [i8; 16] {
    let end = comm.iter().position(|b| *b == 0).unwrap_or(comm.len());
    comm[end..].fill(0);
    comm
}

impl<W: Write> Names for Namer<W> {
    fn task(&mut self, raw: &sp_task) -> TaskId {
        let comm = clean(raw.comm);
        let started = in_ticks(Ktime(raw.start));
        let key = (raw.tid, started, comm, raw.cgroup);
        if let Some(&id) = self.tasks.get(&key) {
            return id;
        }
        let kthread = raw.flags & PF_KTHREAD != 0;
        let (tgid, tid) = (Tgid(raw.tgid), Tid(raw.tid));
        let seen = match raw.tid {
            0 => None, // the idle task is not in /proc
            // Of a task on its way out /proc says that it is in the root cgroup.
            _ if raw.flags & PF_EXITING != 0 => None,
            _ => TaskFacts::read(&self.root, tgid, tid, Some(Ktime(raw.start))),
        };
        let cgroup = seen.as_ref().and_then(|s| s.cgroup.as_ref()).map(|c| c.path.as_str());
        let uid = cgroup.and_then(workload).and_then(|told| told.pod_uid);
        let pod = uid.and_then(|uid| self.pods.get(&uid)).unwrap_or_default();
        let pod = self.writer.string(pod);
        let cgroup = self.writer.string(cgroup.unwrap_or_default());
        // A worker of the kernel is called by the queue that it serves as /proc is read: no longer
        // that of the stall.
        let process = seen.as_ref().filter(|_| !kthread).map(|s| s.process.as_str());
        let process = self.writer.string(process.unwrap_or_default());
        // A thread that renamed itself and is gone by now was perhaps seen before.
        let first = (Ktime(raw.start), cgroup, pod, process);
        let known = self.threads.entry((raw.tid, started)).or_insert(first);
        if cgroup.is_some() {
            *known = (known.0, cgroup, pod, process);
        }
        let (start, cgroup, pod, process) = *known;
        let comm = crate::probe::text(&comm);
        let task = Task {
            tid,
            tgid,
            start,
            comm: self.writer.string(&comm),
            process,
            cgroup,
            pod,
            kthread,
        };
        let id = self.writer.task(task);
        self.tasks.insert(key, id);
        id
    }

    fn kernel_stack(&mut self, addresses: &[u64]) -> StackId {
        if let Some(&id) = self.kernel_stacks.get(addresses) {
            return id;
        }
        let frames: Vec<FrameId> =
            addresses.iter().map(|a| self.symbols.kernel(*a, &mut self.writer)).collect();
        let id = self.writer.stack(&frames);
        self.kernel_stacks.insert(addresses.into(), id);
        id
    }

    fn user_stack(&mut self, task: &sp_task, addresses: &[u64]) -> StackId {
        let image = Image { tgid: Tgid(task.tgid), comm: clean(task.comm) };
        let key = (image, addresses.into());
        if let Some(&id) = self.user_stacks.get(&key) {
            return id;
        }
        let frames = self.symbols.user(image, addresses, &mut self.writer);
        let id = self.writer.stack(&frames);
        self.user_stacks.insert(key, id);
        id
    }

    fn interrupted(&mut self, addresses: &[u64]) -> bool {
        self.symbols.interrupted(addresses, &mut self.writer)
    }

    fn kernel_symbol(&mut self, address: u64) -> FrameId {
        self.symbols.kernel(address, &mut self.writer)
    }

    fn string(&mut self, text: &str) -> StrId {
        self.writer.string(text)
    }
}
