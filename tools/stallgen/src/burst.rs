//! Gets ksoftirqd woken during each stall.
//!
//! The kernel leaves softirqs to ksoftirqd when some are still pending after a
//! run of `handle_softirqs()` and a task waits for the CPU (`need_resched`), or
//! ten runs or 2 ms went by. So the stall is met with
//! - packets faster than the CPU takes them, so that `net_rx_action()` stops
//!   before the backlog is empty and raises NET_RX again. It stops at its budget
//!   (300 packets), newer kernels at the first poll (64) once a task waits. The
//!   bursts begin small, for the victims wait behind what is left of them;
//! - a real-time task, bound to the CPU, that some of these packets wake: the
//!   bell. It wants the CPU from then on.

use std::hint;
use std::io::{Error, ErrorKind};
use std::mem;
use std::net::UdpSocket;
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::clock::{now_ns, sleep_precisely, sleep_until};
use crate::observe::Observer;
use crate::packet::packet;
use crate::stop::Stop;
use crate::task::{pin_to, set_comm, set_fifo};

/// Packets in one system call.
const BATCH: usize = 32;
/// Every so many packets one rings the bell: the bell sleeps again where the
/// stall lets it run (kind fifo).
const BELL_EVERY: usize = 16;
/// Batches of each burst in a stall: at first a few more than one poll takes,
/// at last what a backlog holds (net.core.netdev_max_backlog).
const BURSTS: [u32; 6] = [3, 6, 12, 24, 32, 32];
/// How long a burst may take to get ksoftirqd woken before the next.
const REST_NS: u64 = 500_000;
/// How often to look for the next stall.
const LOOK_NS: u64 = 100_000;
/// Above kind fifo's hog, or it could not run.
pub const BELL_PRIORITY: i32 = 2;

/// Sends bursts in each stall of `length_ns` until ksoftirqd waits. `since_ns`
/// is the start of the stall under way, 0 between stalls.
pub fn send(
    socket: &UdpSocket,
    observer: &Observer<'_>,
    since_ns: &AtomicU64,
    length_ns: u64,
    stop: &Stop,
) -> Result<()> {
    set_comm("sg-burst");
    sleep_precisely();
    let mut met = 0;
    while !stop.is_set() {
        let since = since_ns.load(Ordering::Relaxed);
        if since != met {
            met = since;
            if since != 0 {
                meet_stall(socket, observer, since + length_ns)?;
            }
        }
        sleep_until(now_ns() + LOOK_NS);
    }
    // Lets the bell see that the run is over.
    let _ = socket.send(&packet(true));
    Ok(())
}

/// Meets one stall, which ends at `end_ns`. Whether or not ksoftirqd gets
/// woken, the bursts end: a flood would be a stall of its own.
fn meet_stall(socket: &UdpSocket, observer: &Observer<'_>, end_ns: u64) -> Result<()> {
    for batches in BURSTS {
        for _ in 0..batches {
            if observer.ksoftirqd_waits() || now_ns() > end_ns {
                return Ok(());
            }
            send_batch(socket)?;
        }
        let rest_until_ns = now_ns() + REST_NS;
        while !observer.ksoftirqd_waits() && now_ns() < rest_until_ns {
            hint::spin_loop();
        }
    }
    Ok(())
}

fn send_batch(socket: &UdpSocket) -> Result<()> {
    let mut payloads: [_; BATCH] = std::array::from_fn(|i| packet(i % BELL_EVERY == 0));
    let mut vectors = payloads.each_mut().map(|payload| libc::iovec {
        iov_base: payload.as_mut_ptr().cast(),
        iov_len: payload.len(),
    });
    let mut messages = vectors.each_mut().map(|vector| {
        // SAFETY: all-zero is a message without address, control and flags.
        let mut message: libc::mmsghdr = unsafe { mem::zeroed() };
        message.msg_hdr.msg_iov = vector;
        message.msg_hdr.msg_iovlen = 1;
        message
    });
    // SAFETY: BATCH messages, each with one vector, all of them alive.
    let sent = unsafe {
        libc::sendmmsg(
            socket.as_raw_fd(),
            messages.as_mut_ptr(),
            BATCH as libc::c_uint,
            libc::MSG_DONTWAIT,
        )
    };
    if sent < 0 {
        let error = Error::last_os_error();
        let full = matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOBUFS));
        if !full {
            return Err(error).context("cannot send a burst");
        }
    }
    Ok(())
}

/// The bell: does nothing, as soon as possible.
pub fn ring(socket: &UdpSocket, cpu: u32, stop: &Stop) -> Result<()> {
    set_comm("sg-bell");
    pin_to(&[cpu])?;
    set_fifo(BELL_PRIORITY)?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut buffer = [0; 64];
    while !stop.is_set() {
        match socket.recv(&mut buffer) {
            Err(e) if !matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Err(e).context("cannot receive a burst");
            }
            _ => {}
        }
    }
    Ok(())
}
