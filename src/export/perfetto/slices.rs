//! What lasted: stalls and what was late in them, hard interrupts, slow system calls.

use std::collections::BTreeMap;
use std::io;

use super::{Data, SLICE_BEGIN, SLICE_END, Trace};
use crate::export::irq_kind;
use crate::export::proto::perfetto::*;
use crate::model::findings::{Findings, Measure, Stall};
use crate::model::{HardIrq, Recording};
use crate::render::{escape, plain};
use crate::units::{Cpu, Ktime, Nanos};

/// Columns of a name in an argument.
const NAME: usize = 1024;

/// Something that lasted.
struct Slice {
    start: Ktime,
    length: Nanos,
    category: &'static str,
    name: String,
    args: Vec<DebugAnnotation>,
}

/// Tracks of one name below one parent. Slices of a track must lie within one another: those that
/// overlap otherwise get a second track of that name, which Perfetto shows beside the first.
struct Lanes {
    name: &'static str,
    parent: u64,
    rank: i32,
    /// For each of them its number and when its last slice ended.
    lanes: Vec<(u64, Ktime)>,
}

impl Lanes {
    fn put(&mut self, trace: &mut Trace<'_>, slice: Slice) -> io::Result<()> {
        let end = slice.start.after(slice.length);
        let track = match self.lanes.iter_mut().find(|(_, busy)| *busy <= slice.start) {
            Some((track, busy)) => {
                *busy = end;
                *track
            }
            None => {
                let track = trace.track(TrackDescriptor {
                    name: self.name.to_owned(),
                    parent_uuid: self.parent,
                    sibling_order_rank: self.rank,
                    ..TrackDescriptor::default()
                })?;
                self.lanes.push((track, end));
                track
            }
        };
        trace.slice(track, slice)
    }
}

impl Trace<'_> {
    fn slice(&mut self, track_uuid: u64, slice: Slice) -> io::Result<()> {
        let begin = TrackEvent {
            r#type: SLICE_BEGIN,
            track_uuid,
            categories: vec![slice.category.to_owned()],
            name: slice.name,
            debug_annotations: slice.args,
            ..TrackEvent::default()
        };
        self.data(Some(slice.start), Data::TrackEvent(begin))?;
        let end = TrackEvent { r#type: SLICE_END, track_uuid, ..TrackEvent::default() };
        self.data(Some(slice.start.after(slice.length)), Data::TrackEvent(end))
    }
}

/// Stalls, each measure of theirs, and hard interrupts, below their CPUs.
pub fn of_cpus(
    trace: &mut Trace<'_>,
    r: &Recording,
    f: &Findings,
    cpus: &BTreeMap<Cpu, u64>,
) -> io::Result<()> {
    let mut lasted: BTreeMap<(Cpu, i32, &'static str), Vec<Lasted<'_>>> = BTreeMap::new();
    for stall in &f.stalls {
        lasted.entry((stall.cpu, 0, "stalls")).or_default().push(Lasted::Stall(stall));
        for m in &stall.measures {
            let kind = plain::kind(m.kind);
            lasted.entry((stall.cpu, 1, kind)).or_default().push(Lasted::Measure(stall, m));
        }
    }
    for irq in &r.hardirqs {
        lasted.entry((irq.cpu, 2, "hard interrupts")).or_default().push(Lasted::Irq(irq));
    }
    for ((cpu, rank, name), mut own) in lasted {
        own.sort_by_key(|one| {
            let (start, length) = one.when();
            (start, std::cmp::Reverse(length))
        });
        let parent = cpus.get(&cpu).copied().unwrap_or_default();
        let mut lanes = Lanes { name, parent, rank, lanes: Vec::new() };
        own.into_iter().try_for_each(|one| lanes.put(trace, one.slice(r)))?;
    }
    Ok(())
}

/// What becomes a slice when it is written: with all texts, they would fill the memory.
enum Lasted<'a> {
    Stall(&'a Stall),
    Measure(&'a Stall, &'a Measure),
    Irq(&'a HardIrq),
}

impl Lasted<'_> {
    fn when(&self) -> (Ktime, Nanos) {
        match self {
            Lasted::Stall(stall) => (stall.start, stall.duration),
            Lasted::Measure(_, m) => (m.start, m.duration),
            Lasted::Irq(irq) => (irq.time.before(irq.run), irq.run),
        }
    }

    fn slice(&self, r: &Recording) -> Slice {
        match self {
            Lasted::Stall(stall) => of_stall(stall),
            Lasted::Measure(stall, m) => of_measure(stall, m),
            Lasted::Irq(irq) => of_irq(r, irq),
        }
    }
}

fn of_irq(r: &Recording, irq: &HardIrq) -> Slice {
    Slice {
        start: irq.time.before(irq.run),
        length: irq.run,
        category: "hardirq",
        name: format!("{} interrupt", irq_kind(irq.kind).replace('_', " ")),
        args: vec![
            number("irq", u64::from(irq.irq)),
            text("name", r.str(irq.name)),
            text("handler", r.str(r.frame(irq.handler).function)),
        ],
    }
}

fn of_stall(stall: &Stall) -> Slice {
    let culprit = plain::culprit(&stall.culprit);
    let stack = stall.evidence.stack.iter().map(|function| text("", function)).collect();
    Slice {
        start: stall.start,
        length: stall.duration,
        category: "stall",
        name: culprit.clone(),
        args: vec![
            number("stall", stall.id as u64),
            text("culprit", &culprit),
            text("cause", stall.cause.name()),
            text("seen", &stall.evidence.words),
            number("samples_inside", stall.evidence.samples as u64),
            number("samples_that_agree", stall.evidence.agree as u64),
            DebugAnnotation { name: "stack".to_owned(), value: None, array_values: stack },
        ],
    }
}

fn of_measure(stall: &Stall, m: &Measure) -> Slice {
    let mut args = vec![
        number("stall", stall.id as u64),
        text("measure", &plain::measure(m)),
        number("uncertainty_ns", m.uncertainty.0),
    ];
    if let Some(parts) = &m.handoff {
        args.push(number("raise_to_wake_ns", parts.raise_to_wake.0));
        args.push(number("wake_to_in_ns", parts.wake_to_in.0));
        args.push(number("in_to_entry_ns", parts.in_to_entry.0));
    }
    let vectors: Vec<_> = m.vectors.iter().map(|v| v.name()).collect();
    let name = match vectors.join(" ") {
        none if none.is_empty() => plain::kind(m.kind).to_owned(),
        vectors => vectors,
    };
    Slice { start: m.start, length: m.duration, category: "measure", name, args }
}

/// Slow system calls, on the tracks of their threads.
pub fn of_calls(trace: &mut Trace<'_>, r: &Recording) -> io::Result<()> {
    for call in r.syscalls.iter().filter(|c| !r.task(c.task).kthread) {
        let track = trace.thread(r, call.task)?;
        let slice = Slice {
            start: call.time.before(call.duration),
            length: call.duration,
            category: "syscall",
            name: plain::call(r, call.syscall.nr_plus_1),
            args: vec![
                text("file", r.str(call.syscall.file)),
                number("on_cpu_ns", call.on_cpu.0),
                number("slept", u64::from(call.slept)),
                text("returned", &call.ret.to_string()),
                number("returned_on_cpu", u64::from(call.cpu.0)),
            ],
        };
        trace.slice(track, slice)?;
    }
    Ok(())
}

fn number(name: &str, value: u64) -> DebugAnnotation {
    let value = Some(Value::Number(value));
    DebugAnnotation { name: name.to_owned(), value, array_values: Vec::new() }
}

fn text(name: &str, value: &str) -> DebugAnnotation {
    let value = Some(Value::Text(escape::bounded(value, NAME).into_owned()));
    DebugAnnotation { name: name.to_owned(), value, array_values: Vec::new() }
}
