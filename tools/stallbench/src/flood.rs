//! The load: 64-byte UDP packets, one sender on each CPU.

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd as _;
use std::os::unix::thread::JoinHandleExt as _;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use stallgen::clock::{last_error, now_ns, sleep_precisely, sleep_until};
use stallgen::stop::Stop;
use stallgen::task::{pin_to, set_comm};

use crate::net::Net;

/// Ethernet, IPv4 and UDP headers make 64 bytes of it.
const PAYLOAD: usize = 22;
/// How long the load runs before anything is counted.
const WARM_UP_NS: u64 = 300_000_000;

/// How fast.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// As fast as it goes.
    Saturated,
    /// So many packets a second, of all senders together.
    PerSecond(u64),
}

/// Senders at work; dropping ends them.
#[derive(Debug)]
pub struct Flood {
    end: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<()>>>,
}

impl Flood {
    /// Starts a sender on each of `cpus`, and waits until the load is steady.
    pub fn start(net: &Net, cpus: &[u32], batch: u32, pace: Pace, stop: &Stop) -> Result<Self> {
        let mut flood = Self { end: Arc::default(), threads: Vec::new() };
        let period = match pace {
            Pace::Saturated => 0,
            Pace::PerSecond(rate) => {
                1_000_000_000 * u64::from(batch) * cpus.len() as u64 / rate.max(1)
            }
        };
        for &cpu in cpus {
            let (socket, end) = (net.socket()?, Arc::clone(&flood.end));
            let sender = move || {
                pin_to(&[cpu])?;
                set_comm(&format!("flood/{cpu}"));
                send(&socket, batch, period, &end)
            };
            flood.threads.push(thread::Builder::new().spawn(sender)?);
        }
        rest(stop, Duration::from_nanos(WARM_UP_NS))?;
        Ok(flood)
    }

    /// CPU time of all senders so far, in ns. The softirqs of their packets run on it.
    pub fn cpu_ns(&self) -> Result<u64> {
        self.threads.iter().map(cpu_ns).sum()
    }

    /// Ends the senders.
    pub fn stop(mut self) -> Result<()> {
        self.end.store(true, Ordering::Relaxed);
        self.threads.drain(..).try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(anyhow!("a sender panicked")))
        })
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
    }
}

fn cpu_ns<T>(thread: &JoinHandle<T>) -> Result<u64> {
    let mut clock = 0;
    let mut ts = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the thread is not joined yet, so its handle is valid; both are valid for writing.
    let failed = unsafe {
        libc::pthread_getcpuclockid(thread.as_pthread_t(), &raw mut clock) != 0
            || libc::clock_gettime(clock, &raw mut ts) != 0
    };
    if failed {
        return Err(last_error("clock of a sender's CPU time"));
    }
    Ok(ts.tv_sec as u64 * 1_000_000_000 + ts.tv_nsec as u64)
}

/// Waits; an error if the run is to end.
pub fn rest(stop: &Stop, time: Duration) -> Result<()> {
    ensure!(
        stop.sleep_until(now_ns() + time.as_nanos() as u64),
        if stop.timed_out() { "took far too long: given up" } else { "interrupted" }
    );
    Ok(())
}

/// Sends a batch every `period_ns` on average, without a break if that is 0. The times vary, so
/// that they never keep step with the kernel's tick, by which it books CPU time.
fn send(socket: &UdpSocket, batch: u32, period_ns: u64, end: &AtomicBool) -> Result<()> {
    let payload = [0u8; PAYLOAD];
    let mut part = libc::iovec { iov_base: payload.as_ptr().cast_mut().cast(), iov_len: PAYLOAD };
    let header = libc::msghdr {
        msg_name: ptr::null_mut(),
        msg_namelen: 0,
        msg_iov: &raw mut part,
        msg_iovlen: 1,
        msg_control: ptr::null_mut(),
        msg_controllen: 0,
        msg_flags: 0,
    };
    let mut messages: Vec<libc::mmsghdr> =
        (0..batch).map(|_| libc::mmsghdr { msg_hdr: header, msg_len: 0 }).collect();
    sleep_precisely();
    let mut next = now_ns();
    let mut random = next;
    while !end.load(Ordering::Relaxed) {
        // SAFETY: as many headers as told; each points to `part`, and that to `payload`, which
        // the kernel only reads.
        let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), batch, 0) };
        if sent < 0 {
            let error = io::Error::last_os_error();
            let full = [libc::ENOBUFS, libc::EAGAIN, libc::EINTR].map(Some);
            if !full.contains(&error.raw_os_error()) {
                return Err(error).context("cannot send");
            }
        }
        if period_ns > 0 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            next += period_ns / 2 + (random >> 33) % period_ns.max(1);
            let now = now_ns();
            if next > now {
                sleep_until(next);
            } else {
                next = now; // what was missed is not made up for
            }
        }
    }
    Ok(())
}
