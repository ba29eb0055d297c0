//! The handoff to ksoftirqd in its parts, and who ran while it waited.

use std::mem::MaybeUninit;

use anyhow::Result;
use libbpf_rs::skel::{OpenSkel, Skel, SkelBuilder};

use super::ladder::{Needs, climb};
use super::skel::ksoftirqd::KsoftirqdSkelBuilder;
use super::wire::types::sp_handoff;
use super::wire::{read, wire};
use super::{Attached, Config, Method, Names, Shared};
use crate::model::{Event, Handoff, Runner};
use crate::units::{Cpu, Ktime, Nanos};

wire!(sp_handoff);

/// What the function rungs miss.
pub const BY_FUNCTION: &str = "measured at the scheduler's functions; who waits again after being \
                               preempted on the way to sleep is not seen";

pub fn attach(config: &Config, shared: &Shared, method: Method) -> Result<Attached> {
    let mut storage = MaybeUninit::uninit();
    let mut open = KsoftirqdSkelBuilder::default().open(&mut storage)?;
    if let Some(rodata) = open.maps.rodata_data.as_deref_mut() {
        rodata.handoff_ns = config.stall.0;
    }
    Ok(climb!(open, shared, method, Needs::All))
}

pub fn decode(record: &[u8], names: &mut dyn Names, push: &mut dyn FnMut(Event)) {
    let Some(e) = read::<sp_handoff>(record) else { return };
    let (time, cpu) = (Ktime(e.head.time), Cpu(e.head.cpu));
    for runner in e.runner.iter().take(e.runners as usize) {
        push(Event::Runner(Runner {
            time,
            cpu,
            task: names.task(&runner.task),
            policy: runner.task.policy as u8,
            ran: Nanos(runner.ran),
            longest: Nanos(runner.longest),
            turns: runner.turns,
        }));
    }
    push(Event::Handoff(Handoff {
        time,
        cpu,
        raise_to_wake: Nanos(e.raise_to_wake),
        wake_to_in: Nanos(e.wake_to_in),
        in_to_entry: Nanos(e.in_to_entry),
        entered: e.entered != 0,
        served_after: Nanos(e.served_after),
        pending: e.pending as u16,
        preempted: e.preempted != 0,
        other_runners: e.other_runners,
        other_ran: Nanos(e.other_ran),
    }));
}
