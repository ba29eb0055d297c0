//! Network namespaces without a name.

use std::ffi::CStr;
use std::fs::{self, File};
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::fs::MetadataExt as _;
use std::ptr;
use std::thread;

use anyhow::{Context as _, Result, anyhow};

use crate::clock::last_error;

/// A network namespace that goes with the last that refers to it.
#[derive(Debug)]
pub struct NetNs(File);

impl NetNs {
    /// Makes one.
    pub fn new() -> Result<Self> {
        in_thread(|| {
            unshare(libc::CLONE_NEWNET).context("cannot make a network namespace")?;
            Ok(Self(File::open("/proc/thread-self/ns/net")?))
        })
    }

    /// Its inode, by which the kernel's side knows it.
    pub fn inode(&self) -> Result<u32> {
        u32::try_from(self.0.metadata()?.ino()).context("inode of a network namespace")
    }

    /// A number for `/proc/<pid>/fd`.
    pub fn raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Runs `work` in it. Sockets made there stay in it.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        in_thread(|| {
            // SAFETY: plain system call on a descriptor that is open.
            if unsafe { libc::setns(self.raw_fd(), libc::CLONE_NEWNET) } != 0 {
                return Err(last_error("setns"));
            }
            work()
        })
    }
}

/// Runs `work` in a thread of its own: what a thread does to its namespaces
/// ends with it.
fn in_thread<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        scope.spawn(work).join().unwrap_or_else(|_| Err(anyhow!("a helper thread panicked")))
    })
}

fn unshare(flags: libc::c_int) -> Result<()> {
    // SAFETY: plain system call without pointers.
    if unsafe { libc::unshare(flags) } != 0 {
        return Err(last_error("unshare"));
    }
    Ok(())
}

/// Receive packet steering of `device`, a device of this thread's namespace.
pub fn steer(device: &str, cpu: u32) -> Result<()> {
    // sysfs shows the namespace in which it was mounted: mount it once more.
    unshare(libc::CLONE_NEWNS)?;
    mount(c"none", c"/", c"", libc::MS_REC | libc::MS_PRIVATE)?;
    mount(c"sysfs", c"/sys", c"sysfs", 0)?;
    let path = format!("/sys/class/net/{device}/queues/rx-0/rps_cpus");
    // 32 bits a word, the highest first.
    let mask = format!("{:x}{}", 1u32 << (cpu % 32), ",00000000".repeat(cpu as usize / 32));
    fs::write(&path, mask).with_context(|| {
        format!("cannot steer packets to CPU {cpu} by {path}: does this kernel have CONFIG_RPS?")
    })
}

fn mount(source: &CStr, target: &CStr, fstype: &CStr, flags: libc::c_ulong) -> Result<()> {
    // SAFETY: three C strings, and no data.
    let failed = unsafe {
        libc::mount(source.as_ptr(), target.as_ptr(), fstype.as_ptr(), flags, ptr::null()) != 0
    };
    if failed {
        return Err(last_error("mount").context(format!("cannot mount {target:?}")));
    }
    Ok(())
}
