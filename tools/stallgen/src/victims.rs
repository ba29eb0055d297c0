//! The steady stream of timed packets.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::clock::{now_ns, sleep_precisely};
use crate::packet::packet;
use crate::stop::Stop;
use crate::task::{set_comm, set_fifo};

/// Above other tasks of its CPU, for it is to send on time.
const SENDER_PRIORITY: i32 = 1;
/// How often a waiting receiver looks whether to stop.
const LOOK: Duration = Duration::from_millis(200);

/// Sends `pps` packets a second until the run ends.
pub fn send(socket: &UdpSocket, pps: u32, stop: &Stop) -> Result<()> {
    set_comm("sg-send");
    sleep_precisely();
    // A packet less punctual is a victim all the same.
    let _ = set_fifo(SENDER_PRIORITY);
    let period_ns = 1_000_000_000 / u64::from(pps);
    let mut next_ns = now_ns();
    while stop.sleep_until(next_ns) {
        match socket.send(&packet(false)) {
            // The receiver goes first at the end of a run; a full device queue
            // is the stall's doing.
            Err(e) if !matches!(e.raw_os_error(), Some(libc::ECONNREFUSED | libc::ENOBUFS)) => {
                return Err(e).context("cannot send packets");
            }
            _ => {}
        }
        // Late is late: no burst to catch up.
        next_ns = (next_ns + period_ns).max(now_ns());
    }
    Ok(())
}

/// Receives them, for someone has to.
pub fn receive(socket: &UdpSocket, stop: &Stop) -> Result<()> {
    set_comm("sg-recv");
    socket.set_read_timeout(Some(LOOK))?;
    let mut buffer = [0; 64];
    while !stop.is_set() {
        match socket.recv(&mut buffer) {
            Err(e) if !matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Err(e).context("cannot receive packets");
            }
            _ => {}
        }
    }
    Ok(())
}
