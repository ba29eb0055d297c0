//! Who held a CPU, and on what that verdict rests.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::model::Vector;
use crate::units::{Ktime, Nanos, Tgid, Tid};

/// Who held the CPU.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Culprit {
    /// One task.
    Task(TaskCulprit),
    /// A softirq handler.
    Softirq {
        /// Which vector.
        vector: Vector,
        /// The function it spent the time in, where a sample says.
        function: Option<String>,
    },
    /// A hard interrupt.
    HardIrq {
        /// `timer`, `device`, `call_function`, `irq_work`, `system`.
        kind: &'static str,
        /// Interrupt line of a device.
        irq: Option<u32>,
        /// The name its driver gave it; of `system` the vector's.
        name: Option<String>,
        /// The function that took the time, where known.
        handler: Option<String>,
    },
    /// The hypervisor: this virtual CPU was not running.
    Hypervisor,
    /// No single one: several tasks shared the time.
    Several {
        /// The tasks, who ran longest first, as `comm[tid]`.
        tasks: Vec<String>,
    },
    /// Not known.
    Unknown {
        /// What was seen and what was not.
        why: String,
    },
}

/// A task that held a CPU, and what it was doing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct TaskCulprit {
    /// Thread id.
    pub tid: Tid,
    /// Process id.
    pub tgid: Tgid,
    /// Thread name.
    pub comm: String,
    /// Name of its process, where that is another one and known.
    pub process: Option<String>,
    /// Start of the thread, nanoseconds since boot: tells a reused tid from this one.
    pub start: Ktime,
    /// Path of its cgroup, where known.
    pub cgroup: Option<String>,
    /// Container id, pod or unit that the cgroup path tells.
    pub workload: Option<Box<Workload>>,
    /// The system call it was in; none in user mode, a kernel thread or a worker of io_uring.
    pub syscall: Option<String>,
    /// The file of that call.
    pub file: Option<String>,
    /// The work function of a kernel worker.
    pub work: Option<String>,
    /// It ran in user mode.
    pub user_mode: bool,
}

/// What a cgroup path says about whose task it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Workload {
    /// Container runtime: `docker`, `containerd`, `cri-o`, `podman`.
    pub runtime: Option<String>,
    /// Container id, in full.
    pub container: Option<String>,
    /// Namespace and name of the pod, `kube-system/coredns-x7k2p`, where the node told it.
    pub pod: Option<String>,
    /// Pod UID of Kubernetes.
    pub pod_uid: Option<String>,
    /// systemd unit (`ssh.service`, `session-3.scope`).
    pub unit: Option<String>,
}

/// Names of functions, innermost first. Many stalls show the same: equal ones share their memory.
pub type Functions = Arc<[Arc<str>]>;

pub(super) fn names<S: Serializer>(functions: &Functions, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(functions.iter().map(|name| &**name))
}

/// On what a verdict rests.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Evidence {
    /// Ticks of the sampler that were judged: those inside the measure that tells who it was; of a gap
    /// the one that ended it.
    pub samples: usize,
    /// How many of them, or of the scheduler's records, point to the culprit.
    pub agree: usize,
    /// Time that the scheduler's records, or those of the interrupt or softirq itself, give to the
    /// culprit; 0 where there are none.
    pub ran: Nanos,
    /// Function blamed: the one that had interrupts off, or a hard interrupt's handler; else the
    /// innermost that all samples of the culprit share.
    pub function: Option<String>,
    /// The most telling kernel stack, innermost first, what lay on top of it left out.
    #[serde(serialize_with = "names")]
    pub stack: Functions,
    /// What was concluded from what, in a sentence.
    pub words: String,
}
