//! Loads the observer and collects what it sees.

use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use libbpf_rs::skel::{OpenSkel as _, SkelBuilder as _};
use libbpf_rs::{Link, OpenObject, RingBufferBuilder};

use crate::clock::{now_ns, sleep_until};
use crate::effects::{Packet, Seen};
use crate::skel::observe::{ObserveSkel, ObserveSkelBuilder, types};
use crate::stop::Stop;
use crate::task::{ksoftirqd_of, set_comm};

/// How often the ring buffer is emptied; it holds several seconds.
const DRAIN_NS: u64 = 50_000_000;
/// What a packet of a burst costs its CPU: more than it costs its sender.
const BURST_PACKET: Duration = Duration::from_micros(3);

/// The observer, attached.
pub struct Observer<'obj> {
    cpu: u32,
    ksoftirqd_waits: &'obj AtomicU32,
    lost: &'obj AtomicU64,
    _links: [Link; 2],
    skel: ObserveSkel<'obj>,
}

impl<'obj> Observer<'obj> {
    /// Watches packets and ksoftirqd of `cpu`.
    pub fn attach(storage: &'obj mut MaybeUninit<OpenObject>, cpu: u32) -> Result<Self> {
        let mut open = ObserveSkelBuilder::default().open(storage)?;
        let rodata = open.maps.rodata_data.as_deref_mut().context("observer without rodata")?;
        rodata.ksoftirqd_tid = ksoftirqd_of(cpu)?;
        rodata.burst_packet_ns = BURST_PACKET.as_nanos() as u64;
        let mut skel = open.load().context("cannot load the BPF programs that watch victims")?;
        let links = [skel.progs.ksoftirqd_woken.attach()?, skel.progs.ksoftirqd_in.attach()?];
        let bss = skel.maps.bss_data.take().context("observer without bss")?;
        // SAFETY: aligned fields of a mapping that lives as long as `skel`,
        // next to which they are kept; nobody else refers to them.
        let (ksoftirqd_waits, lost) = unsafe {
            (
                AtomicU32::from_ptr(&raw mut bss.ksoftirqd_waits),
                AtomicU64::from_ptr(&raw mut bss.lost),
            )
        };
        Ok(Self { cpu, ksoftirqd_waits, lost, _links: links, skel })
    }

    /// The filter that times packets.
    pub fn victim_filter(&self) -> BorrowedFd<'_> {
        self.skel.progs.victim.as_fd()
    }

    /// The filter of a burst's receiver.
    pub fn burst_filter(&self) -> BorrowedFd<'_> {
        self.skel.progs.burst.as_fd()
    }

    /// Whether ksoftirqd was woken and has not got the CPU yet.
    pub fn ksoftirqd_waits(&self) -> bool {
        self.ksoftirqd_waits.load(Ordering::Relaxed) != 0
    }

    /// Collects until the run ends.
    pub fn collect(&self, stop: &Stop) -> Result<Seen> {
        set_comm("sg-collect");
        let seen = RefCell::new(Seen::default());
        let mut ring = RingBufferBuilder::new();
        ring.add(&self.skel.maps.observations, |bytes| {
            self.sort_in(bytes, &mut seen.borrow_mut());
            0
        })?;
        let ring = ring.build()?;
        while !stop.is_set() {
            sleep_until(now_ns() + DRAIN_NS);
            ring.consume().map_err(|e| anyhow!("cannot read the observations: {e}"))?;
        }
        ring.consume()?;
        drop(ring);
        let mut seen = seen.into_inner();
        seen.packets.sort_by_key(|p| p.received_ns);
        seen.woken.sort_unstable();
        seen.switched_in.sort_unstable();
        seen.lost = self.lost.load(Ordering::Relaxed);
        Ok(seen)
    }

    fn sort_in(&self, bytes: &[u8], seen: &mut Seen) {
        if bytes.len() < size_of::<types::observation>() {
            return;
        }
        // SAFETY: long enough, and any bytes make an `observation`.
        let o: types::observation = unsafe { ptr::read_unaligned(bytes.as_ptr().cast()) };
        match o.what {
            types::seen::SEEN_PACKET => {
                seen.packets.push(Packet { sent_ns: o.sent_ns, received_ns: o.ns });
                seen.strayed += usize::from(o.cpu != self.cpu);
            }
            types::seen::SEEN_WOKEN => seen.woken.push(o.ns),
            types::seen::SEEN_SWITCHED_IN => seen.switched_in.push(o.ns),
            _ => {}
        }
    }
}
