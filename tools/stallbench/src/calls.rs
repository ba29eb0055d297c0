//! System calls in a loop: what tracing them costs each.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use stallgen::clock::now_ns;
use stallgen::stop::Stop;
use stallgen::task::{pin_to, set_comm};

use crate::stats::median;

/// Calls between two looks at the clock: some 100 us, so that few batches are interrupted.
const BATCH: u32 = 1000;

/// Which call.
#[derive(Clone, Copy, Debug)]
pub enum Call {
    /// Does nothing.
    Getppid,
    /// 8 bytes of /dev/zero.
    Read,
}

/// ns per call on `cpu`: the median of batches, so that being interrupted does not count.
pub fn ns_per_call(call: Call, cpu: u32, time: Duration, stop: &Stop) -> Result<f64> {
    let zero = File::open("/dev/zero").context("cannot open /dev/zero")?;
    let run = || {
        pin_to(&[cpu])?;
        set_comm("calls");
        let mut buffer = [0u8; 8];
        let mut batches = Vec::new();
        let (mut last, end) = (now_ns(), now_ns() + time.as_nanos() as u64);
        while last < end {
            for _ in 0..BATCH {
                // SAFETY: getppid takes nothing; read writes at most the size of `buffer`.
                unsafe {
                    match call {
                        Call::Getppid => libc::syscall(libc::SYS_getppid),
                        Call::Read => {
                            libc::read(zero.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len())
                                as libc::c_long
                        }
                    };
                }
            }
            let now = now_ns();
            batches.push((now - last) as f64 / f64::from(BATCH));
            last = now;
            ensure!(!stop.is_set(), "interrupted");
        }
        Ok(median(&batches))
    };
    thread::scope(|scope| {
        scope.spawn(run).join().unwrap_or_else(|_| Err(anyhow!("the calling thread panicked")))
    })
}
