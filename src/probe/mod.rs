//! The probes: what each measures, how it attaches, what its records mean.
//!
//! A probe is one `bpf/NAME.bpf.c`, one file here with `attach()` and `decode()`, and one entry of
//! [`PROBES`]. Each has its own BPF object, so that the failure of one costs only that one; they
//! meet in the [`shared`] maps. Each attaches by the first rung of its [`Method`]s that works.

pub mod affinity;
mod attach;
mod config;
mod conntrack;
mod ct_stats;
mod hardirq;
mod histograms;
mod hook;
mod ksoftirqd;
mod ladder;
pub mod log;
mod memcg;
mod method;
mod perf;
pub mod reads;
mod rstat;
mod rxpath;
mod sampler;
mod schedstat;
pub mod shared;
mod skel;
mod softirq;
mod syscall;
mod table;
#[cfg(test)]
mod testing;
mod tracking;
mod windows;
mod wire;

use std::any::Any;

use crate::model::{Event, FrameId, StackId, StrId, TaskId};
pub use attach::{NO_BPF, Outcome, attach_all};
pub use config::{Config, Wanted};
pub use histograms::Histograms;
pub use method::Method;
pub use shared::Shared;
pub use table::{PROBES, Probe, Rung};
pub use tracking::Tracking;
pub use wire::{text, types::sp_task};

/// Where a record's names go: whoever writes the recording numbers them.
pub trait Names {
    /// Number of a task, looked up in /proc at first sight.
    fn task(&mut self, task: &sp_task) -> TaskId;
    /// Number of a kernel stack.
    fn kernel_stack(&mut self, addresses: &[u64]) -> StackId;
    /// Number of a user stack of a task.
    fn user_stack(&mut self, task: &sp_task, addresses: &[u64]) -> StackId;
    /// Whether an interrupt or a softirq lies on a kernel stack, over what it interrupted; no where
    /// its functions have no names.
    fn interrupted(&mut self, addresses: &[u64]) -> bool;
    /// Number of the symbol at a kernel address.
    fn kernel_symbol(&mut self, address: u64) -> FrameId;
    /// Number of a string.
    fn string(&mut self, text: &str) -> StrId;
}

/// Keeps a probe attached for as long as it lives.
pub type Attachment = Box<dyn Any>;

/// A measure without BPF: it has no ring, and is asked for its events instead.
pub trait Source {
    /// Hands over what has happened since the last time.
    fn drain(&mut self, names: &mut dyn Names, push: &mut dyn FnMut(Event));

    /// The same for the last time, after the end.
    fn rest(&mut self, names: &mut dyn Names, push: &mut dyn FnMut(Event)) {
        self.drain(names, push);
    }
}

/// A probe that is attached.
pub struct Attached {
    /// Links and descriptors; dropping them detaches.
    pub keep: Attachment,
    /// Where its events come from, if not from the ring.
    pub source: Option<Box<dyn Source>>,
    /// What a person should know of it: a part that could not be attached, for instance.
    pub note: Option<String>,
}

impl Attached {
    /// Programs of a rung, some of whose targets may be missing on this kernel.
    fn programs(links: Vec<libbpf_rs::Link>, missing: &str) -> Attached {
        let note = (!missing.is_empty())
            .then(|| format!("this kernel has not, or does not let be traced: {missing}"));
        Attached { keep: Box::new(links), source: None, note }
    }
}

/// One bit for each system call of which `such` holds, by number.
fn call_mask(such: fn(&str, u32) -> bool) -> [u64; 8] {
    let mut mask = [0; 8];
    for nr in (0..512).filter(|nr| such(std::env::consts::ARCH, *nr)) {
        mask[nr as usize / 64] |= 1 << (nr % 64);
    }
    mask
}

/// Turns one record of the ring into events. Records that are too short or of no known kind give
/// none: they cannot come from our own programs.
pub fn decode(record: &[u8], names: &mut dyn Names, push: &mut dyn FnMut(Event)) {
    use wire::types::{sp_head, sp_kind as kind};
    let Some(head) = wire::read::<sp_head>(record) else { return };
    match kind(head.kind) {
        kind::SP_SAMPLE => sampler::decode(record, names).into_iter().for_each(push),
        kind::SP_DELAY => softirq::decode_delay(record, names).into_iter().for_each(push),
        kind::SP_RUN => softirq::decode_run(record, names).into_iter().for_each(push),
        kind::SP_HANDOFF => ksoftirqd::decode(record, names, push),
        kind::SP_HARDIRQ => hardirq::decode(record, names).into_iter().for_each(push),
        kind::SP_SYSCALL => syscall::decode(record, names).into_iter().for_each(push),
        kind::SP_FILE_CALL => rstat::decode(record).into_iter().for_each(push),
        kind::SP_CT_DROP => conntrack::decode_drop(record, names).into_iter().for_each(push),
        kind::SP_SYN_AGAIN => conntrack::decode_syn(record, names).into_iter().for_each(push),
        _ => {}
    }
}
