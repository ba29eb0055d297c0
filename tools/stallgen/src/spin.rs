//! Loads and arms the BPF program that holds the CPU.

use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use libbpf_rs::skel::{OpenSkel as _, SkelBuilder as _};
use libbpf_rs::{Link, MapCore as _, MapFlags, OpenObject};

use crate::cli::{Args, Kind};
use crate::clock::now_ns;
use crate::net::Net;
use crate::possible::Place;
use crate::skel::hog::{HogSkel, HogSkelBuilder, types};
use crate::truth::Span;

/// How long an armed stall may take to begin.
const PATIENCE: Duration = Duration::from_millis(100);

/// When the timer of kind irqsoff expires: never, and when no other timer does.
pub const TIMER_EXPIRES_NS: i64 = 4_000_000_000_123_456_789;

/// The program of one kind, loaded, and attached unless it is for a perf event.
pub struct Spin<'obj> {
    hog_tid: &'obj AtomicU32,
    armed: &'obj AtomicU32,
    made: &'obj AtomicU32,
    since_ns: &'obj AtomicU64,
    place: Option<Place>,
    _link: Option<Link>,
    skel: HogSkel<'obj>,
}

impl<'obj> Spin<'obj> {
    /// Loads the program of `args.kind`.
    pub fn load(
        storage: &'obj mut MaybeUninit<OpenObject>,
        args: &Args,
        net: Option<&Net>,
    ) -> Result<Self> {
        let place = Place::of(args.kind)?;
        let mut open = HogSkelBuilder::default().open(storage)?;
        open.maps.stalls.set_max_entries(args.count)?;
        let rodata = open.maps.rodata_data.as_deref_mut().context("hog without rodata")?;
        rodata.spin_ns = args.length.as_nanos() as u64;
        rodata.hog_cpu = args.cpu;
        rodata.hog_syscall = libc::SYS_pread64 as u64;
        rodata.hog_timer_expires = TIMER_EXPIRES_NS;
        rodata.hog_netns = match (args.kind, net) {
            (Kind::Bh, Some(net)) => net.sender_inode()?,
            (Kind::Softirq, Some(net)) => net.receiver_inode()?,
            _ => 0,
        };
        let progs = &mut open.progs;
        match place {
            None => {}
            Some(Place::SysEnter) => progs.hog_in_syscall.set_autoload(true),
            Some(Place::NetDevQueue) => progs.hog_in_bh.set_autoload(true),
            Some(Place::RstatLocked) => progs.hog_in_irqsoff.set_autoload(true),
            Some(Place::HrtimerStart) => progs.hog_in_irqsoff_timer.set_autoload(true),
            Some(Place::NetifReceive) => progs.hog_in_softirq.set_autoload(true),
            Some(Place::PerfEvent) => progs.hog_in_hardirq.set_autoload(true),
        }
        let mut skel = open.load().context("cannot load the BPF program that holds the CPU")?;
        let progs = &skel.progs;
        let link = match place {
            None | Some(Place::PerfEvent) => None,
            Some(Place::SysEnter) => Some(progs.hog_in_syscall.attach()?),
            Some(Place::NetDevQueue) => Some(progs.hog_in_bh.attach()?),
            Some(Place::RstatLocked) => Some(progs.hog_in_irqsoff.attach()?),
            Some(Place::HrtimerStart) => Some(progs.hog_in_irqsoff_timer.attach()?),
            Some(Place::NetifReceive) => Some(progs.hog_in_softirq.attach()?),
        };
        let bss = skel.maps.bss_data.take().context("hog without bss")?;
        // SAFETY: aligned fields of a mapping that lives as long as `skel`,
        // next to which they are kept; nobody else refers to them.
        let (hog_tid, armed, made, since_ns) = unsafe {
            (
                AtomicU32::from_ptr(&raw mut bss.hog_tid),
                AtomicU32::from_ptr(&raw mut bss.armed),
                AtomicU32::from_ptr(&raw mut bss.made),
                AtomicU64::from_ptr(&raw mut bss.since_ns),
            )
        };
        Ok(Self { hog_tid, armed, made, since_ns, place, _link: link, skel })
    }

    /// Start of the stall under way, 0 between stalls.
    pub fn since_ns(&self) -> &AtomicU64 {
        self.since_ns
    }

    /// Where it is attached.
    pub fn place(&self) -> Option<Place> {
        self.place
    }

    /// Makes the thread `tid` the one that is held.
    pub fn set_hog(&self, tid: u32) {
        self.hog_tid.store(tid, Ordering::SeqCst);
    }

    /// The program for a perf event.
    pub fn hardirq_program(&self) -> Result<File> {
        Ok(self.skel.progs.hog_in_hardirq.as_fd().try_clone_to_owned()?.into())
    }

    /// Arms one stall, does what leads into it and waits for it by `pause`.
    /// `None` if it did not come about.
    pub fn make(
        &self,
        lead_in: impl FnOnce() -> Result<()>,
        pause: impl Fn(),
    ) -> Result<Option<Span>> {
        let n = self.made.load(Ordering::SeqCst);
        let give_up_ns = now_ns() + PATIENCE.as_nanos() as u64;
        self.armed.store(1, Ordering::SeqCst);
        let led_in = lead_in();
        while self.made.load(Ordering::SeqCst) == n {
            let under_way = self.since_ns.load(Ordering::SeqCst) != 0;
            if !under_way && (led_in.is_err() || now_ns() > give_up_ns) {
                self.armed.store(0, Ordering::SeqCst);
                // It may have begun just before.
                if self.since_ns.load(Ordering::SeqCst) == 0 {
                    break;
                }
            }
            pause();
        }
        led_in?;
        if self.made.load(Ordering::SeqCst) == n {
            return Ok(None);
        }
        self.record(n).map(Some)
    }

    fn record(&self, n: u32) -> Result<Span> {
        let bytes = self.skel.maps.stalls.lookup(&n.to_ne_bytes(), MapFlags::ANY)?;
        let bytes = bytes.filter(|b| b.len() == size_of::<types::stall>());
        let bytes = bytes.with_context(|| format!("no record of stall {n}"))?;
        let number = |n: usize| -> Result<u64> {
            let at = n * size_of::<u64>();
            Ok(u64::from_ne_bytes(bytes[at..at + size_of::<u64>()].try_into()?))
        };
        Ok(Span { start_ns: number(0)?, end_ns: number(1)?, paused_ns: number(2)? })
    }
}

/// A pause for those who may sleep.
pub fn nap() {
    thread::sleep(Duration::from_micros(200));
}
