//! The kernel tells when pressure passes a limit ("Monitoring for pressure thresholds" of
//! Documentation/accounting/psi.rst): nothing is missed between two looks at an average.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;

use super::pressure::Resource;
use super::root::HostRoot;

/// Over which time. Without CAP_SYS_RESOURCE the kernel takes multiples of 2 s only, 10 s at most.
const WINDOW_US: u64 = 10_000_000;

/// A limit of the share of 10 s in which some task waited.
#[derive(Debug)]
pub struct PressureWatch(File);

impl PressureWatch {
    /// Begins to watch.
    ///
    /// # Errors
    /// The kernel has no such file or does not allow it: before 6.4 it takes CAP_SYS_RESOURCE.
    pub fn open(root: &HostRoot, of: Resource, per_cent: u32) -> io::Result<PressureWatch> {
        let path = root.place(format!("proc/pressure/{}", of.name()))?;
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        let limit = WINDOW_US * u64::from(per_cent) / 100;
        file.write_all(format!("some {limit} {WINDOW_US}\0").as_bytes())?;
        Ok(PressureWatch(file))
    }

    /// Whether the limit was passed since the last time; the kernel tells it once in 10 s at most.
    ///
    /// # Errors
    /// The watch has ended.
    pub fn is_past(&self) -> io::Result<bool> {
        let mut poll = libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLPRI, revents: 0 };
        // SAFETY: one entry, which is written to; it does not wait.
        let n = unsafe { libc::poll(&raw mut poll, 1, 0) };
        match poll.revents {
            _ if n < 0 => Err(io::Error::last_os_error()),
            seen if seen & libc::POLLERR != 0 => Err(io::Error::other("the watch has ended")),
            seen => Ok(seen & libc::POLLPRI != 0),
        }
    }
}
