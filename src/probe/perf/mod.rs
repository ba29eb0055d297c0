//! The sampling timer without BPF: perf events read from user space. Ticks and switches of tasks
//! come through one ring for each CPU, in the order in which they were.

mod ring;
mod tasks;
mod watch;

use anyhow::{Result, bail};
use perf_event_open::count::Counter;
use perf_event_open::sample::Sampler;
use perf_event_open::sample::record::ctx::Switch;
use perf_event_open::sample::record::sample::{CallChain, Sample as Tick};
use perf_event_open::sample::record::{Priv, Record, RecordId, Task};

use super::{Attached, Config, Names, Source};
use crate::host::in_host_pid_namespace;
use crate::model::{Event, Lost, Sample, StackId};
use crate::units::{Cpu, Ktime, Nanos, Tgid};
use tasks::Tasks;
use watch::Watch;

/// What it does not see, or not exactly.
pub const BY_PERF: &str = "system calls and their files are not known; tasks have the names that \
                           /proc shows up to 20 ms later, and none if they are gone by then";

/// Records taken from a CPU at a time: a load that makes them faster than they are read must not
/// keep the rest from being done.
const AT_ONCE: usize = 100_000;

/// A thread that is past its end: `perf_event_pid_type` of kernel/events/core.c.
const GONE: u32 = u32::MAX;

/// Keeps the timers going.
struct Timers(Vec<Counter>);

impl Drop for Timers {
    fn drop(&mut self) {
        // The rings hold the events, too: what is in them is read after this.
        for timer in &self.0 {
            let _ = timer.disable();
        }
    }
}

/// One CPU.
struct Ring {
    sampler: Sampler,
    state: State,
}

/// What is known of a CPU from its records so far.
struct State {
    cpu: Cpu,
    watch: Watch,
    /// The thread that runs there, as the switches tell: process and thread.
    current: (u32, u32),
}

/// All recorded CPUs.
struct Rings {
    rings: Vec<Ring>,
    tasks: Tasks,
    /// Whose profile is taken; everybody's if none.
    only: Option<Tgid>,
}

pub fn attach(config: &Config) -> Result<Attached> {
    // In another pid namespace than the kernel's own, perf gives no numbers to tasks outside of
    // it, and the idle task cannot be told from them .
    if !in_host_pid_namespace() {
        bail!("perf events name tasks only in the host's pid namespace (docker run --pid=host)");
    }
    let timers = ring::timers(config)?;
    let rings = ring::rings(&timers, config)?.into_iter().zip(&config.cpus);
    let rings = rings
        .map(|(sampler, &cpu)| {
            let watch = Watch::new(config.period(), config.gap);
            Ring { sampler, state: State { cpu, watch, current: (GONE, GONE) } }
        })
        .collect();
    for timer in &timers {
        timer.enable()?;
    }
    let source = Rings { rings, tasks: Tasks::new(config.root.clone()), only: config.pid };
    Ok(Attached { keep: Box::new(Timers(timers)), source: Some(Box::new(source)), note: None })
}

impl Source for Rings {
    fn drain(&mut self, names: &mut dyn Names, push: &mut dyn FnMut(Event)) {
        for Ring { sampler, state } in &mut self.rings {
            let Some(records) = sampler.iter() else { continue };
            for (mode, record) in records.take(AT_ONCE) {
                if let Record::Sample(tick) = &record {
                    let tick = state.tick(mode, tick, &mut self.tasks, self.only, names);
                    tick.into_iter().for_each(&mut *push);
                } else {
                    state.other(&record, &mut self.tasks, names).into_iter().for_each(&mut *push);
                }
            }
        }
    }
}

impl State {
    /// Looks at anything but a tick.
    fn other(&mut self, r: &Record, tasks: &mut Tasks, names: &mut dyn Names) -> Option<Event> {
        match r {
            Record::CtxSwitch(switch) => {
                let (time, own) = when_and_who(switch.record_id.as_ref())?;
                let (from, to) = match &switch.info {
                    Switch::OutTo { task: Some(next), .. } => (own, next),
                    Switch::InFrom(Some(prev)) => (prev, own),
                    _ => return None,
                };
                self.watch.switched(time, from.tid, to.tid);
                self.current = (to.pid, to.tid);
            }
            Record::Comm(c) => tasks.renamed(c.task.pid, c.task.tid, c.comm.to_bytes()),
            Record::Fork(f) => tasks.forked(f.task.pid, f.task.tid, f.parent_task.tid),
            // The kernel stopped the timer for a while, as it took too much time.
            Record::Throttle(_) | Record::Unthrottle(_) => self.watch.forget(),
            Record::LostRecords(lost) => {
                self.watch.forget();
                let (time, _) = when_and_who(lost.record_id.as_ref())?;
                return Some(Event::Lost(Lost {
                    time,
                    cpu: self.cpu,
                    probe: names.string("sampler"),
                    ring_full: lost.lost_records,
                    ..Lost::default()
                }));
            }
            _ => {}
        }
        None
    }

    /// A tick, unless it tells nothing that is asked for.
    fn tick(
        &mut self,
        mode: Priv,
        tick: &Tick,
        tasks: &mut Tasks,
        only: Option<Tgid>,
        names: &mut dyn Names,
    ) -> Option<Event> {
        let (time, task) = when_and_who(Some(&tick.record_id))?;
        let (tgid, tid) = match (task.pid, task.tid) {
            (GONE, _) | (_, GONE) => self.current,
            known => known,
        };
        let gap = self.watch.tick(time, tid);
        if tid == GONE || gap == Nanos(0) && only.is_some_and(|only| only.0 != tgid) {
            return None;
        }
        let (mut kernel, mut user): (&[u64], &[u64]) = (&[], &[]);
        for chain in tick.call_chain.iter().flatten() {
            match chain {
                CallChain::Kernel(frames) => kernel = frames,
                CallChain::User(frames) => user = frames,
                _ => {}
            }
        }
        // Idle is what is left of the whole.
        if tid == 0 && !names.interrupted(kernel) {
            return None;
        }
        let raw = tasks.get(tgid, tid, self.cpu.0);
        Some(Event::Sample(Sample {
            time,
            cpu: self.cpu,
            task: names.task(&raw),
            policy: raw.policy as u8,
            user_mode: matches!(mode, Priv::User | Priv::GuestUser | Priv::GuestKernel),
            kernel_stack: names.kernel_stack(kernel),
            user_stack: if user.is_empty() { StackId::NONE } else { names.user_stack(&raw, user) },
            gap,
            // What a BPF program reads from the kernel meanwhile is not known: 0.
            ..Sample::default()
        }))
    }
}

/// The time of a record, and the thread that ran.
fn when_and_who(id: Option<&RecordId>) -> Option<(Ktime, &Task)> {
    let id = id?;
    Some((Ktime(id.time?), id.task.as_ref()?))
}
