//! A trace for Perfetto (<https://perfetto.dev>): a track for each CPU with its stalls and what was
//! late in them as slices, slow system calls on the tracks of their threads, samples with their
//! stacks, and counters.

mod slices;
mod stacks;

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use prost::Message;

use super::proto::perfetto::*;
use crate::model::findings::Findings;
use crate::model::{Recording, TaskId};
use crate::render::escape;
use crate::units::{Cpu, Ktime};
use stacks::Interner;

/// Numbers of clocks, of the enum `BuiltinClock`.
const REALTIME: u32 = 1;
const MONOTONIC: u32 = 3;
/// Flags of a sequence: its names begin here; they are needed.
const CLEARED: u32 = 1;
const NEEDED: u32 = 2;
/// `TrackEvent.Type`.
const SLICE_BEGIN: i32 = 1;
const SLICE_END: i32 = 2;
const COUNTER: i32 = 4;
/// `Profiling.CpuMode`.
const KERNEL: i32 = 1;
const USER: i32 = 2;
/// `PerfEvents.Counter`: the software CPU clock.
const SW_CPU_CLOCK: i32 = 1;
/// `TrackDescriptor.ChildTracksOrdering`: by the rank that each states.
const BY_RANK: i32 = 3;

/// Writes the trace, packet by packet.
pub fn write(out: &mut dyn Write, r: &Recording, f: &Findings) -> io::Result<()> {
    let mut trace = Trace { out, uuid: 0, threads: HashMap::new() };
    trace.head(r)?;
    let mut cpus: BTreeMap<Cpu, u64> = BTreeMap::new();
    for cpu in f.cpus.iter().map(|c| c.cpu) {
        let name = format!("CPU {cpu}");
        let rank = i32::try_from(cpu.0).unwrap_or(i32::MAX);
        let track = TrackDescriptor { name, child_ordering: BY_RANK, ..TrackDescriptor::default() };
        cpus.insert(cpu, trace.track(TrackDescriptor { sibling_order_rank: rank, ..track })?);
    }
    slices::of_cpus(&mut trace, r, f, &cpus)?;
    slices::of_calls(&mut trace, r)?;
    counters(&mut trace, r, &cpus)?;
    samples(&mut trace, r)
}

struct Trace<'o> {
    out: &'o mut dyn Write,
    uuid: u64,
    /// Threads by process, number and start, so that one that renames itself stays one.
    threads: HashMap<(u32, u32, Ktime), u64>,
}

impl Trace<'_> {
    /// The clock of all that follows, and the host.
    fn head(&mut self, r: &Recording) -> io::Result<()> {
        let meta = &r.meta;
        let mut clocks = vec![Clock { clock_id: MONOTONIC, timestamp: meta.start.0 }];
        if meta.start_realtime > 0 {
            clocks.push(Clock { clock_id: REALTIME, timestamp: meta.start_realtime });
        }
        let primary_trace_clock = MONOTONIC as i32;
        let period = meta.sample_period.0;
        let name = "samples".to_owned();
        let timebase = Timebase { period, counter: SW_CPU_CLOCK, name };
        let defaults = TracePacketDefaults {
            timestamp_clock_id: MONOTONIC,
            perf_sample_defaults: (period > 0)
                .then_some(PerfSampleDefaults { timebase: Some(timebase) }),
        };
        self.packet(TracePacket {
            sequence_flags: CLEARED,
            trace_packet_defaults: Some(defaults),
            data: Some(Data::ClockSnapshot(ClockSnapshot { clocks, primary_trace_clock })),
            ..TracePacket::default()
        })?;
        let shown = |text: &str| escape::visible(text).into_owned();
        let utsname = Utsname {
            sysname: "Linux".to_owned(),
            version: shown(&meta.kernel_version),
            release: shown(&meta.kernel),
            machine: shown(&meta.arch),
        };
        let tracing_service_version = format!("stallprof {}", shown(&meta.version));
        let info = SystemInfo { utsname: Some(utsname), tracing_service_version };
        self.data(None, Data::SystemInfo(info))
    }

    fn data(&mut self, time: Option<Ktime>, data: Data) -> io::Result<()> {
        let timestamp = time.map(|t| t.0);
        let sequence_flags = NEEDED;
        let data = Some(data);
        self.packet(TracePacket { timestamp, sequence_flags, data, ..TracePacket::default() })
    }

    /// Writes a packet as an element of the file's list of them (field 1).
    fn packet(&mut self, mut packet: TracePacket) -> io::Result<()> {
        packet.trusted_packet_sequence_id = 1;
        let mut bytes = vec![1 << 3 | 2];
        packet.encode_length_delimited(&mut bytes).map_err(io::Error::other)?;
        self.out.write_all(&bytes)
    }

    /// Declares a track and gives it a number.
    fn track(&mut self, mut track: TrackDescriptor) -> io::Result<u64> {
        self.uuid += 1;
        track.uuid = self.uuid;
        self.data(None, Data::TrackDescriptor(track))?;
        Ok(self.uuid)
    }

    /// The track of a thread.
    fn thread(&mut self, r: &Recording, id: TaskId) -> io::Result<u64> {
        let task = r.task(id);
        let key = (task.tgid.0, task.tid.0, task.start);
        if let Some(&known) = self.threads.get(&key) {
            return Ok(known);
        }
        let thread = ThreadDescriptor {
            pid: task.tgid.0 as i32,
            tid: i64::from(task.tid.0),
            thread_name: escape::terminal(r.str(task.comm)).into_owned(),
        };
        let track = TrackDescriptor { thread: Some(thread), ..TrackDescriptor::default() };
        let uuid = self.track(track)?;
        self.threads.insert(key, uuid);
        Ok(uuid)
    }

    fn counter(&mut self, name: &str, unit: &str, parent: u64) -> io::Result<u64> {
        self.track(TrackDescriptor {
            name: name.to_owned(),
            parent_uuid: parent,
            counter: Some(CounterDescriptor { unit_name: unit.to_owned() }),
            ..TrackDescriptor::default()
        })
    }

    fn count(&mut self, track_uuid: u64, time: Ktime, value: u64) -> io::Result<()> {
        let counter_value = Some(i64::try_from(value).unwrap_or(i64::MAX));
        let event =
            TrackEvent { r#type: COUNTER, track_uuid, counter_value, ..TrackEvent::default() };
        self.data(Some(time), Data::TrackEvent(event))
    }
}

/// Dying memory cgroups, steal time since the first reading, records lost so far.
fn counters(trace: &mut Trace<'_>, r: &Recording, cpus: &BTreeMap<Cpu, u64>) -> io::Result<()> {
    if !r.dying_memcgs.is_empty() {
        let track = trace.counter("dying memory cgroups", "cgroups", 0)?;
        for count in &r.dying_memcgs {
            trace.count(track, count.time, count.count)?;
        }
    }
    let mut steal: BTreeMap<Cpu, (u64, u64)> = BTreeMap::new();
    for reading in &r.steal {
        let (track, first) = match steal.get(&reading.cpu) {
            Some(&known) => known,
            None => {
                let parent = cpus.get(&reading.cpu).copied().unwrap_or_default();
                let track = trace.counter("steal time", "ns", parent)?;
                steal.insert(reading.cpu, (track, reading.total.0));
                (track, reading.total.0)
            }
        };
        trace.count(track, reading.time, reading.total.0.saturating_sub(first))?;
    }
    if !r.lost.is_empty() {
        let track = trace.counter("records lost", "records", 0)?;
        let mut total = 0u64;
        for lost in &r.lost {
            total = total.saturating_add(lost.total());
            trace.count(track, lost.time, total)?;
        }
    }
    Ok(())
}

/// Samples as they were taken: where the timer found the CPU, whoever is to blame.
fn samples(trace: &mut Trace<'_>, r: &Recording) -> io::Result<()> {
    let mut interner = Interner::new(r);
    for s in &r.samples {
        let task = r.task(s.task);
        if s.task.is_some() && task.tid.0 != 0 {
            trace.thread(r, s.task)?;
        }
        let (callstack_iid, interned_data) = interner.callstack(s);
        let cpu_mode = if s.user_mode { USER } else { KERNEL };
        let (cpu, pid, tid) = (s.cpu.0, task.tgid.0, task.tid.0);
        trace.packet(TracePacket {
            timestamp: Some(s.time.0),
            sequence_flags: NEEDED,
            interned_data,
            data: Some(Data::PerfSample(PerfSample { cpu, pid, tid, callstack_iid, cpu_mode })),
            ..TracePacket::default()
        })?;
    }
    Ok(())
}
