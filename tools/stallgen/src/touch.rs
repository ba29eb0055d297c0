//! Threads that dirty the statistics of memory cgroups, each on its CPU.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::ptr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use anyhow::{Context as _, Result, anyhow};

use crate::clock::last_error;
use crate::task::{pin_to, set_comm};

/// One on each of several CPUs.
pub type Touchers = Vec<Toucher>;

/// A thread that waits to be told; it ends with this value.
pub struct Toucher {
    go: Sender<()>,
    done: Receiver<Result<()>>,
}

impl Toucher {
    /// Starts it: it will map and unmap these pages on this CPU.
    pub fn start(pages: File, bytes: usize, cpu: u32) -> Result<Self> {
        let (go, told) = channel();
        let (tell, done) = channel();
        let run = move || {
            set_comm("sg-touch");
            let pinned = pin_to(&[cpu]);
            if pinned.is_err() {
                let _ = tell.send(pinned);
                return;
            }
            while told.recv().is_ok() && tell.send(map_and_unmap(&pages, bytes)).is_ok() {}
        };
        thread::Builder::new().spawn(run).context("cannot start a thread")?;
        Ok(Self { go, done })
    }
}

/// Has all of them do it, at the same time.
pub fn touch(touchers: &Touchers) -> Result<()> {
    for toucher in touchers {
        // One that is gone has said why.
        let _ = toucher.go.send(());
    }
    touchers
        .iter()
        .try_for_each(|t| t.done.recv().unwrap_or_else(|_| Err(anyhow!("a thread is gone"))))
}

fn map_and_unmap(file: &File, bytes: usize) -> Result<()> {
    // SAFETY: a new mapping, which nobody reads, writes or keeps.
    unsafe {
        let address = libc::mmap(
            ptr::null_mut(),
            bytes,
            libc::PROT_READ,
            libc::MAP_SHARED | libc::MAP_POPULATE,
            file.as_raw_fd(),
            0,
        );
        if address == libc::MAP_FAILED {
            return Err(last_error("mmap"));
        }
        libc::munmap(address, bytes);
    }
    Ok(())
}
