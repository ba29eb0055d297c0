//! A task that has interrupts off.

use std::fs::File;
use std::hint;
use std::io::{Read as _, Seek as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::ptr;

use anyhow::{Context as _, Result, ensure};

use super::{Hog, Workshop};
use crate::cgroup::{OwnGroup, unified_mount};
use crate::clock::last_error;
use crate::possible::Place;
use crate::spin::{Spin, TIMER_EXPIRES_NS};
use crate::truth::{Header, Span};

/// A system call, held under a lock that keeps interrupts off.
pub struct Irqsoff<'a> {
    workshop: Workshop<'a>,
    spin: &'a Spin<'a>,
    call: Call,
}

/// The system call. Which one the kernel allows: see possible.rs.
enum Call {
    /// A read(2) of a cgroup's cpu.stat, held under the rstat lock.
    ReadStat { path: String, file: File, _group: OwnGroup },
    /// A timerfd_settime(2), held under the lock of the CPU's timers.
    SetTimer(OwnedFd),
}

impl<'a> Irqsoff<'a> {
    /// The calling thread becomes the hog.
    pub fn prepare(workshop: Workshop<'a>) -> Result<Self> {
        let spin = workshop.spin()?;
        let call = match spin.place() {
            Some(Place::RstatLocked) => Call::read_stat()?,
            _ => Call::set_timer()?,
        };
        workshop.become_hog()?;
        Ok(Self { workshop, spin, call })
    }
}

impl Call {
    fn read_stat() -> Result<Self> {
        // The root's cpu.stat takes no lock: a group of our own.
        let group = OwnGroup::create(&unified_mount()?)?;
        let path = group.path().join("cpu.stat");
        let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Self::ReadStat { path: path.to_string_lossy().into_owned(), file, _group: group })
    }

    fn set_timer() -> Result<Self> {
        // SAFETY: no pointers; the descriptor returned is ours alone.
        match unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC) } {
            -1 => Err(last_error("timerfd_create")),
            fd => Ok(Self::SetTimer(unsafe { OwnedFd::from_raw_fd(fd) })),
        }
    }

    fn make(&self) -> Result<()> {
        match self {
            Self::ReadStat { path, file, .. } => {
                let mut file = file;
                file.rewind()?;
                ensure!(file.read(&mut [0; 4096])? > 0, "{path} is empty");
                Ok(())
            }
            Self::SetTimer(timer) => start(timer),
        }
    }
}

fn start(timer: &OwnedFd) -> Result<()> {
    let never = libc::itimerspec {
        it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 },
        it_value: libc::timespec {
            tv_sec: TIMER_EXPIRES_NS / 1_000_000_000,
            tv_nsec: TIMER_EXPIRES_NS % 1_000_000_000,
        },
    };
    // SAFETY: `never` is valid for reading; the old setting is not asked for.
    let failed = unsafe {
        let timer = timer.as_raw_fd();
        libc::timerfd_settime(timer, libc::TFD_TIMER_ABSTIME, &raw const never, ptr::null_mut())
            != 0
    };
    if failed {
        return Err(last_error("timerfd_settime"));
    }
    Ok(())
}

impl Hog for Irqsoff<'_> {
    fn header(&self) -> Header {
        let (file, syscall) = match &self.call {
            Call::ReadStat { path, .. } => (Some(path.clone()), "read"),
            Call::SetTimer(_) => (None, "timerfd_settime"),
        };
        Header { file, syscall: Some(syscall.into()), ..self.workshop.header() }
    }

    fn stall(&mut self) -> Result<Option<Span>> {
        self.spin.make(|| self.call.make(), hint::spin_loop)
    }
}
