//! Hard interrupt handlers that run long.

use std::mem::MaybeUninit;

use anyhow::Result;
use libbpf_rs::skel::{OpenSkel, Skel, SkelBuilder};

use super::ladder::{Needs, climb};
use super::skel::hardirq::HardirqSkelBuilder;
use super::wire::types::{sp_hardirq, sp_irq_kind};
use super::wire::{read, text, wire};
use super::{Attached, Config, Method, Names, Shared};
use crate::model::{Event, FrameId, HardIrq, IrqKind};
use crate::units::{Cpu, Ktime, Nanos};

wire!(sp_hardirq);

/// What a tracepoint's record does not hold.
pub const BY_RECORD: &str = "device handlers are known by number, not by name";

/// What the function rungs miss.
pub const BY_FUNCTION: &str = "only device, timer, function call and irq work interrupts as a \
                               whole, without number or handler";

pub fn attach(config: &Config, shared: &Shared, method: Method) -> Result<Attached> {
    let mut storage = MaybeUninit::uninit();
    let mut open = HardirqSkelBuilder::default().open(&mut storage)?;
    if let Some(rodata) = open.maps.rodata_data.as_deref_mut() {
        rodata.stall_ns = config.stall.0;
    }
    Ok(climb!(open, shared, method, Needs::Any))
}

pub fn decode(record: &[u8], names: &mut dyn Names) -> Option<Event> {
    let e = read::<sp_hardirq>(record)?;
    Some(Event::HardIrq(HardIrq {
        time: Ktime(e.head.time),
        cpu: Cpu(e.head.cpu),
        kind: match sp_irq_kind(e.irq_kind) {
            sp_irq_kind::SP_IRQ_TIMER => IrqKind::Timer,
            sp_irq_kind::SP_IRQ_CALL => IrqKind::CallFunction,
            sp_irq_kind::SP_IRQ_WORK => IrqKind::IrqWork,
            sp_irq_kind::SP_IRQ_SYSTEM => IrqKind::System,
            _ => IrqKind::Device,
        },
        irq: e.irq,
        name: names.string(&text(&e.name)),
        handler: if e.handler == 0 { FrameId::NONE } else { names.kernel_symbol(e.handler) },
        run: Nanos(e.run),
    }))
}
