//! Tables of what was recorded.

use std::collections::{BTreeMap, HashMap};
use std::io;

use parquet::data_type::ByteArray;

use super::Table;
use super::findings::realtime;
use super::sheet::{Kind, Sheet};
use crate::analysis::{outside_calls, syscalls};
use crate::export::irq_kind;
use crate::model::event::{HistKind, IrqKind};
use crate::model::findings::Findings;
use crate::model::{Recording, StackId, TaskId, Vector, hist};
use crate::render::spans::Spans;
use Kind::{Bool, Int, Text, Time};

pub const SAMPLES: Table = Table {
    name: "samples",
    columns: &[
        ("time_ns", Int),
        ("time", Time),
        ("cpu", Int),
        ("stall", Int),
        ("pid", Int),
        ("tid", Int),
        ("comm", Text),
        ("process", Text),
        ("cgroup", Text),
        ("policy", Int),
        ("user_mode", Bool),
        ("syscall", Text),
        ("file", Text),
        ("kernel_stack", Text),
        ("user_stack", Text),
        ("pending", Text),
        ("pending_for_ns", Int),
        ("ksoftirqd_waits_ns", Int),
        ("gap_ns", Int),
        ("irqs_were_off", Bool),
        ("stands_for", Int),
    ],
    fill: samples,
};

fn samples(sheet: &mut Sheet<'_>, r: &Recording, f: &Findings) -> io::Result<()> {
    let spans = Spans::new(f);
    let mut texts = Texts { r, stacks: HashMap::new() };
    for s in &r.samples {
        let task = Who::of(r, s.task);
        let outside = outside_calls(r, s.task, s.kernel_stack);
        let user = if outside { StackId::NONE } else { s.user_stack };
        let call = call(r, s.syscall.nr_plus_1).filter(|_| !outside);
        let file = r.str(s.syscall.file);
        let pending: Vec<_> = Vector::of_mask(s.pending).map(Vector::name).collect();
        sheet.row([
            s.time.0.into(),
            realtime(f, s.time),
            s.cpu.0.into(),
            spans.of(s).map(|stall| stall.id).into(),
            task.pid.into(),
            task.tid.into(),
            task.comm.into(),
            task.process.into(),
            task.cgroup.into(),
            u32::from(s.policy).into(),
            s.user_mode.into(),
            call.as_ref().into(),
            (if outside { "" } else { file }).into(),
            texts.stack(s.kernel_stack).into(),
            texts.stack(user).into(),
            (&pending.join(",")).into(),
            Some(s.pending_for.0).filter(|_| s.pending != 0).into(),
            s.ksoftirqd_waits.0.into(),
            s.gap.0.into(),
            // Only looked at for gaps.
            Some(s.irqs_were_off).filter(|_| s.gap.0 > 0).into(),
            s.count().into(),
        ])?;
    }
    Ok(())
}

pub const CALLS: Table = Table {
    name: "calls",
    columns: &[
        ("returned_ns", Int),
        ("returned", Time),
        ("cpu", Int),
        ("pid", Int),
        ("tid", Int),
        ("comm", Text),
        ("process", Text),
        ("cgroup", Text),
        ("syscall", Text),
        ("file", Text),
        ("duration_ns", Int),
        ("on_cpu_ns", Int),
        ("slept", Bool),
        ("ret", Int),
    ],
    fill: |sheet, r, f| {
        // What the registers of a kernel thread hold is no call of its own.
        for c in r.syscalls.iter().filter(|c| !r.task(c.task).kthread) {
            let task = Who::of(r, c.task);
            sheet.row([
                c.time.0.into(),
                realtime(f, c.time),
                c.cpu.0.into(),
                task.pid.into(),
                task.tid.into(),
                task.comm.into(),
                task.process.into(),
                task.cgroup.into(),
                call(r, c.syscall.nr_plus_1).as_ref().into(),
                r.str(c.syscall.file).into(),
                c.duration.0.into(),
                c.on_cpu.0.into(),
                c.slept.into(),
                c.ret.into(),
            ])?;
        }
        Ok(())
    },
};

pub const RUNNERS: Table = Table {
    name: "runners",
    columns: &[
        ("handoff_ended_ns", Int),
        ("handoff_ended", Time),
        ("cpu", Int),
        ("pid", Int),
        ("tid", Int),
        ("comm", Text),
        ("process", Text),
        ("cgroup", Text),
        ("policy", Int),
        ("ran_ns", Int),
        ("turns", Int),
    ],
    fill: |sheet, r, f| {
        for run in &r.runners {
            let task = Who::of(r, run.task);
            sheet.row([
                run.time.0.into(),
                realtime(f, run.time),
                run.cpu.0.into(),
                task.pid.into(),
                task.tid.into(),
                task.comm.into(),
                task.process.into(),
                task.cgroup.into(),
                u32::from(run.policy).into(),
                run.ran.0.into(),
                run.turns.into(),
            ])?;
        }
        Ok(())
    },
};

pub const HARDIRQS: Table = Table {
    name: "hardirqs",
    columns: &[
        ("returned_ns", Int),
        ("returned", Time),
        ("cpu", Int),
        ("kind", Text),
        ("irq", Int),
        ("name", Text),
        ("handler", Text),
        ("ran_ns", Int),
    ],
    fill: |sheet, r, f| {
        for irq in &r.hardirqs {
            sheet.row([
                irq.time.0.into(),
                realtime(f, irq.time),
                irq.cpu.0.into(),
                irq_kind(irq.kind).into(),
                // Of others it is the number of a vector.
                Some(irq.irq).filter(|_| irq.kind == IrqKind::Device).into(),
                r.str(irq.name).into(),
                r.str(r.frame(irq.handler).function).into(),
                irq.run.0.into(),
            ])?;
        }
        Ok(())
    },
};

pub const HISTOGRAMS: Table = Table {
    name: "histograms",
    columns: &[
        ("latency", Text),
        ("cpu", Int),
        ("vector", Text),
        ("from_ns", Int),
        ("below_ns", Int),
        ("count", Int),
    ],
    fill: |sheet, r, _| {
        let mut rows: BTreeMap<_, u64> = BTreeMap::new();
        for h in &r.hists {
            let row = rows.entry((h.kind, h.cpu, h.vector, h.bucket)).or_default();
            *row = row.saturating_add(h.count);
        }
        for ((kind, cpu, vector, bucket), count) in rows {
            let (latency, vector) = match kind {
                HistKind::SoftirqDelay => ("softirq_delay", vector.name()),
                HistKind::SoftirqRun => ("softirq_run", vector.name()),
                HistKind::KsoftirqdWait => ("ksoftirqd_wait", ""),
            };
            let bucket = bucket as usize;
            // The last one takes all that is longer.
            let below = Some(hist::lower(bucket + 1).0).filter(|_| bucket + 1 < hist::BUCKETS);
            let from = hist::lower(bucket).0;
            sheet.row([
                latency.into(),
                cpu.0.into(),
                vector.into(),
                from.into(),
                below.into(),
                count.into(),
            ])?;
        }
        Ok(())
    },
};

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
