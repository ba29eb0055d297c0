//! Softirq delay, and run time on idle CPUs and on request.

use std::mem::MaybeUninit;

use anyhow::Result;
use libbpf_rs::skel::{OpenSkel, Skel, SkelBuilder};

use super::ladder::{Needs, climb};
use super::skel::softirq::SoftirqSkelBuilder;
use super::wire::types::{sp_delay, sp_run};
use super::wire::{Tail, read, wire};
use super::{Attached, Config, Method, Names, Shared};
use crate::model::{Event, SoftirqDelay, SoftirqRun, Vector};
use crate::units::{Cpu, Ktime, Nanos};

wire!(sp_delay, sp_run);

/// What the function rungs miss.
pub const BY_FUNCTION: &str = "measured at the functions that raise and handle softirqs; raises by device interrupts and \
     tasklets are not all seen";

pub fn attach(config: &Config, shared: &Shared, method: Method) -> Result<Attached> {
    let mut storage = MaybeUninit::uninit();
    let mut open = SoftirqSkelBuilder::default().open(&mut storage)?;
    if let Some(rodata) = open.maps.rodata_data.as_deref_mut() {
        rodata.stall_ns = config.stall.0;
        rodata.handoff_ns = config.stall.0;
        rodata.all_runs = u32::from(config.softirq_runs);
        rodata.idle_seen = u32::from(!config.softirq_runs && method.is_tracepoint());
    }
    let needs = if method.is_tracepoint() { Needs::All } else { Needs::Any };
    let unwanted = Some(if config.softirq_runs { "cpu_idle" } else { "softirq_exit" });
    Ok(climb!(open, shared, method, needs, unwanted))
}

pub fn decode_delay(record: &[u8], names: &mut dyn Names) -> Option<Event> {
    let e = read::<sp_delay>(record)?;
    let stack = Tail::after::<sp_delay>(record).addresses(e.kernel_len);
    Some(Event::SoftirqDelay(SoftirqDelay {
        time: Ktime(e.head.time),
        cpu: Cpu(e.head.cpu),
        vector: Vector(e.vector as u8),
        delay: Nanos(e.delay),
        task: names.task(&e.task),
        entry_stack: names.kernel_stack(&stack),
    }))
}

pub fn decode_run(record: &[u8], names: &mut dyn Names) -> Option<Event> {
    let e = read::<sp_run>(record)?;
    Some(Event::SoftirqRun(SoftirqRun {
        time: Ktime(e.head.time),
        cpu: Cpu(e.head.cpu),
        vector: Vector(e.vector as u8),
        run: Nanos(e.run),
        task: names.task(&e.task),
    }))
}

#[cfg(test)]
mod tests;
