//! Tables of what was recorded.

use std::collections::{BTreeMap, HashMap};

use parquet::data_type::ByteArray;

use super::findings::realtime;
use super::table::table;
use crate::analysis::outside_calls;
use crate::export::irq_kind;
use crate::model::event::{HistKind, IrqKind};
use crate::model::{Recording, StackId, TaskId, Vector, hist, syscalls};
use crate::render::spans::Spans;
use crate::units::Cpu;

table! {
    SAMPLES = "samples", |r, f|
    let spans = Spans::all(f);
    let mut texts = Texts { r, stacks: HashMap::new() };
    for s in &r.samples;
    let task = Who::of(r, s.task);
    let outside = outside_calls(r, s.task, s.kernel_stack);
    let user = if outside { StackId::NONE } else { s.user_stack };
    let call = call(r, s.syscall.nr_plus_1).filter(|_| !outside);
    let file = r.str(s.syscall.file);
    let pending = Vector::of_mask(s.pending).map(Vector::name).collect::<Vec<_>>();
    "time_ns": Int = s.time.0,
    "time": Time = realtime(f, s.time),
    "cpu": Int = s.cpu.0,
    "stall": Int = spans.of(s).map(|stall| stall.id),
    "pid": Int = task.pid,
    "tid": Int = task.tid,
    "comm": Text = task.comm,
    "process": Text = task.process,
    "cgroup": Text = task.cgroup,
    "policy": Int = u32::from(s.policy),
    "user_mode": Bool = s.user_mode,
    "syscall": Text = call.as_ref(),
    "file": Text = if outside { "" } else { file },
    "kernel_stack": Text = texts.stack(s.kernel_stack),
    "user_stack": Text = texts.stack(user),
    "pending": Text = &pending.join(","),
    "pending_for_ns": Int = Some(s.pending_for.0).filter(|_| s.pending != 0),
    "ksoftirqd_waits_ns": Int = s.ksoftirqd_waits.0,
    "gap_ns": Int = s.gap.0,
    // Only looked at for gaps.
    "irqs_were_off": Bool = Some(s.irqs_were_off).filter(|_| s.gap.0 > 0),
    "stands_for": Int = s.count(),
}

table! {
    CALLS = "calls", |r, f|
    // What the registers of a kernel thread hold is no call of its own.
    for c in r.syscalls.iter().filter(|c| !r.task(c.task).kthread);
    let task = Who::of(r, c.task);
    "returned_ns": Int = c.time.0,
    "returned": Time = realtime(f, c.time),
    "cpu": Int = c.cpu.0,
    "pid": Int = task.pid,
    "tid": Int = task.tid,
    "comm": Text = task.comm,
    "process": Text = task.process,
    "cgroup": Text = task.cgroup,
    "syscall": Text = call(r, c.syscall.nr_plus_1).as_ref(),
    "file": Text = r.str(c.syscall.file),
    "duration_ns": Int = c.duration.0,
    "on_cpu_ns": Int = c.on_cpu.0,
    "slept": Bool = c.slept,
    "ret": Int = c.ret,
}

table! {
    RUNNERS = "runners", |r, f|
    for run in &r.runners;
    let task = Who::of(r, run.task);
    "handoff_ended_ns": Int = run.time.0,
    "handoff_ended": Time = realtime(f, run.time),
    "cpu": Int = run.cpu.0,
    "pid": Int = task.pid,
    "tid": Int = task.tid,
    "comm": Text = task.comm,
    "process": Text = task.process,
    "cgroup": Text = task.cgroup,
    "policy": Int = u32::from(run.policy),
    "ran_ns": Int = run.ran.0,
    "longest_turn_ns": Int = run.longest.0,
    "turns": Int = run.turns,
}

table! {
    HARDIRQS = "hardirqs", |r, f|
    for irq in &r.hardirqs;
    "returned_ns": Int = irq.time.0,
    "returned": Time = realtime(f, irq.time),
    "cpu": Int = irq.cpu.0,
    "kind": Text = irq_kind(irq.kind),
    // Of others it is the number of a vector.
    "irq": Int = Some(irq.irq).filter(|_| irq.kind == IrqKind::Device),
    "name": Text = r.str(irq.name),
    "handler": Text = r.str(r.frame(irq.handler).function),
    "ran_ns": Int = irq.run.0,
}

table! {
    HISTOGRAMS = "histograms", |r, _|
    for ((kind, cpu, vector, bucket), count) in counts(r);
    let (latency, vector) = match kind {
        HistKind::SoftirqDelay => ("softirq_delay", vector.name()),
        HistKind::SoftirqRun => ("softirq_run", vector.name()),
        HistKind::KsoftirqdWait => ("ksoftirqd_wait", ""),
    };
    let bucket = bucket as usize;
    // The last one takes all that is longer.
    let below = Some(hist::lower(bucket + 1).0).filter(|_| bucket + 1 < hist::BUCKETS);
    "latency": Text = latency,
    "cpu": Int = cpu.0,
    "vector": Text = vector,
    "from_ns": Int = hist::lower(bucket).0,
    "below_ns": Int = below,
    "count": Int = count,
}

/// How many fell into each bucket in the whole recording.
fn counts(r: &Recording) -> BTreeMap<(HistKind, Cpu, Vector, u32), u64> {
    let mut counts: BTreeMap<_, u64> = BTreeMap::new();
    for h in &r.hists {
        let count = counts.entry((h.kind, h.cpu, h.vector, h.bucket)).or_default();
        *count = count.saturating_add(h.count);
    }
    counts
}

/// A task as columns; nothing of one that is not known.
pub(super) struct Who<'r> {
    pub(super) pid: Option<u32>,
    pub(super) tid: Option<u32>,
    pub(super) comm: &'r str,
    pub(super) process: &'r str,
    pub(super) cgroup: &'r str,
}

impl<'r> Who<'r> {
    pub(super) fn of(r: &'r Recording, id: TaskId) -> Who<'r> {
        let task = r.task(id);
        Who {
            pid: id.is_some().then_some(task.tgid.0),
            tid: id.is_some().then_some(task.tid.0),
            comm: r.str(task.comm),
            process: r.str(task.process),
            cgroup: r.str(task.cgroup),
        }
    }
}

fn call(r: &Recording, nr_plus_1: u32) -> Option<String> {
    Some(syscalls::name(&r.meta.arch, nr_plus_1.checked_sub(1)?).into_owned())
}

/// Stacks as text, outermost first, each made once.
struct Texts<'r> {
    r: &'r Recording,
    stacks: HashMap<StackId, ByteArray>,
}

impl Texts<'_> {
    fn stack(&mut self, id: StackId) -> Option<ByteArray> {
        if self.r.stack(id).is_empty() {
            return None;
        }
        let text = || {
            let functions: Vec<&str> = self.r.functions(id).rev().collect();
            ByteArray::from(functions.join(";").into_bytes())
        };
        Some(self.stacks.entry(id).or_insert_with(text).clone())
    }
}
