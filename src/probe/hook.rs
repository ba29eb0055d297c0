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

/// How long a period is.
const PERIOD: Duration = Duration::from_secs(1);
/// Where packets come fast, the program is attached for so long, and then rests for the rest of the
/// period, which is `SHARE` times as long at least.
const WINDOW: Duration = Duration::from_millis(100);
const SHARE: u32 = 10;
/// Packets a second on one CPU that are fast: that they pass costs more than 0.2 % of it.
const FAST: f64 = 20_000.0;

/// Looks at a flood for a part of each second only.
pub struct Windows {
    /// None where the program stays attached all the time.
    hook: Option<Hook>,
    began: Instant,
    /// When the period is over.
    due: Instant,
    paused: bool,
}

impl Windows {
    /// Attaches the program; the first period begins.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn begin(hook: Option<Hook>) -> io::Result<Windows> {
        let began = Instant::now();
        let mut windows = Windows { hook, began, due: began, paused: false };
        windows.next()?;
        Ok(windows)
    }

    /// Whether the period is over.
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.due
    }

    /// Whether the program was off its tracepoint for a part of this period.
    pub fn paused(&self) -> bool {
        self.paused
    }

    /// Takes the program off for the rest of the period if it has seen enough: `most` tells how
    /// many passed on one CPU since the period began. Whether that is so now.
    pub fn rest_if_fast(&mut self, most: impl FnOnce() -> u64) -> bool {
        let took = self.began.elapsed();
        let Some(hook) = self.hook.as_mut().filter(|_| !self.paused && took >= WINDOW) else {
            return false;
        };
        if most() as f64 <= FAST * took.as_secs_f64() {
            return false;
        }
        hook.detach();
        self.paused = true;
        self.due = self.began + PERIOD.max(took * SHARE);
        true
    }

    /// The next period begins.
    ///
    /// # Errors
    /// What the kernel says; then the program sees nothing in this period, and it is a paused one.
    pub fn next(&mut self) -> io::Result<()> {
        self.began = Instant::now();
        self.due = self.began + PERIOD;
        self.paused = true;
        self.hook.as_mut().map_or(Ok(()), Hook::attach)?;
        self.paused = false;
        Ok(())
    }
}
