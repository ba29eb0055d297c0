//! A program that can be taken off its tracepoint and put back while others stay: each tracepoint
//! that is passed for every packet costs that packet some tens of nanoseconds, also where the
//! program does nothing.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use libbpf_rs::ProgramImpl;
use libbpf_rs::libbpf_sys::bpf_raw_tracepoint_open;

/// A loaded program and, while it is attached, its link.
pub struct Hook {
    program: OwnedFd,
    /// None where the program itself tells (`tp_btf`).
    tracepoint: Option<CString>,
    link: Option<OwnedFd>,
}

impl Hook {
    /// A program that is not attached yet. `tracepoint` where it does not tell itself.
    ///
    /// # Errors
    /// No more file descriptors.
    pub fn new<T>(program: &ProgramImpl<'_, T>, tracepoint: Option<&str>) -> Result<Hook> {
        let tracepoint = tracepoint.map(CString::new).transpose()?;
        let program = program.as_fd().try_clone_to_owned().context("a program's descriptor")?;
        Ok(Hook { program, tracepoint, link: None })
    }

    /// Attaches it if it is not.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn attach(&mut self) -> io::Result<()> {
        if self.link.is_some() {
            return Ok(());
        }
        let name = self.tracepoint.as_ref().map_or(ptr::null(), |name| name.as_ptr());
        // SAFETY: the name is null or ends in NUL, and the call keeps no reference to it.
        let fd = unsafe { bpf_raw_tracepoint_open(name, self.program.as_raw_fd()) };
        if fd < 0 {
            return Err(io::Error::from_raw_os_error(-fd));
        }
        // SAFETY: a new descriptor that nobody else has.
        self.link = Some(unsafe { OwnedFd::from_raw_fd(fd) });
        Ok(())
    }

    /// Takes it off.
    pub fn detach(&mut self) {
        self.link = None;
    }
}

/// How long a period is in which packets do not come fast.
const PERIOD: Duration = Duration::from_secs(1);
/// How long a program looks at a flood before it rests for `REST` times as long.
const LOOK: Duration = Duration::from_millis(100);
const REST: u32 = 9;
/// Packets a second on one CPU that are fast: that they pass costs more than 0.2 % of it.
const FAST: f64 = 20_000.0;

/// What a program does just now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Packets do not come fast: it sees them all.
    Watching,
    /// They do: it sees them for a moment.
    Looking,
    /// It is off its tracepoint.
    Resting,
}

/// Looks at a flood for a tenth of the time only.
pub struct Windows {
    /// None where the program stays attached all the time.
    hook: Option<Hook>,
    phase: Phase,
    /// When the phase began, or the period of one that goes on.
    began: Instant,
    due: Instant,
}

/// The end of a time for which a program was, or was not, on its tracepoint.
#[derive(Clone, Copy)]
pub struct Ended {
    /// It was off.
    pub paused: bool,
}

impl Windows {
    /// Attaches the program.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn begin(mut hook: Option<Hook>) -> io::Result<Windows> {
        hook.as_mut().map_or(Ok(()), Hook::attach)?;
        let began = Instant::now();
        Ok(Windows { hook, phase: Phase::Watching, began, due: began + PERIOD })
    }

    /// Whether the program is off its tracepoint.
    pub fn is_resting(&self) -> bool {
        self.phase == Phase::Resting
    }

    /// Goes on, and says if a time has ended. `most` tells how many packets passed on one CPU since
    /// the last that did; where resting is not `allowed`, the program stays attached, or comes back.
    ///
    /// # Errors
    /// It cannot be attached again: it goes on resting.
    pub fn turn(
        &mut self,
        allowed: bool,
        most: impl Fn() -> u64,
    ) -> (Option<Ended>, io::Result<()>) {
        let (now, took) = (Instant::now(), self.began.elapsed());
        let fast = || most() as f64 > FAST * took.as_secs_f64();
        let may = allowed && self.hook.is_some();
        let paused = self.phase == Phase::Resting;
        let (next, length) = match self.phase {
            Phase::Watching if may && took >= LOOK && fast() => (Phase::Looking, LOOK),
            Phase::Looking if now < self.due => return (None, Ok(())),
            Phase::Looking if may && fast() => (Phase::Resting, took * REST),
            Phase::Resting if allowed && now < self.due => return (None, Ok(())),
            Phase::Resting => (Phase::Looking, LOOK),
            Phase::Watching if now < self.due => return (None, Ok(())),
            Phase::Watching | Phase::Looking => (Phase::Watching, PERIOD),
        };
        (self.phase, self.began, self.due) = (next, now, now + length);
        let mut attached = Ok(());
        if let Some(hook) = &mut self.hook {
            match next {
                Phase::Resting => hook.detach(),
                _ => attached = hook.attach(),
            }
        }
        if attached.is_err() {
            (self.phase, self.due) = (Phase::Resting, now + PERIOD);
        }
        (Some(Ended { paused }), attached)
    }
}
