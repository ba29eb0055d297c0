//! A program that can be taken off its tracepoint and put back while others stay: each tracepoint
//! that is passed for every packet costs that packet some tens of nanoseconds, also where the
//! program does nothing.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::ptr;

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
