//! What the kernel does with packets: frames go out of one device and come in at another, where
//! packet sockets tell the receive queue and the CPU of each (PACKET_FANOUT, packet(7)).

use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use stallprof::host::ethtool::{Ask, Socket};
use stallprof::rxpath::Flow;

use super::frames::{MAGIC, frame};

/// PACKET_FANOUT_CPU and PACKET_FANOUT_QM of include/uapi/linux/if_packet.h
const BY_CPU: i32 = 2;
const BY_QUEUE: i32 = 5;
/// Frames sent before they are looked for.
const BATCH: usize = 32;

/// Where a packet was received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The queue that the driver recorded with it, if it recorded any.
    pub queue: Option<u32>,
    pub cpu: Option<u32>,
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A packet socket on a device, in a fanout group if one is given.
fn packet_socket(index: u32, protocol: u16, group: Option<(u16, i32)>) -> io::Result<OwnedFd> {
    // SAFETY: plain system calls; the structures outlive them, and the descriptor is ours.
    unsafe {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        let fd = OwnedFd::from_raw_fd(check(libc::socket(libc::AF_PACKET, kind, 0))?);
        let mut address: libc::sockaddr_ll = mem::zeroed();
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = protocol.to_be();
        address.sll_ifindex = index as i32;
        let size = mem::size_of_val(&address) as u32;
        check(libc::bind(fd.as_raw_fd(), (&raw const address).cast(), size))?;
        if let Some((id, how)) = group {
            let value = i32::from(id) | how << 16;
            let option = (&raw const value).cast();
            check(libc::setsockopt(
                fd.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_FANOUT,
                option,
                4,
            ))?;
        }
        Ok(fd)
    }
}

/// Sends a packet of each flow out of `peer` and tells where each came in at `device`; one that
/// did not is not there. `queues` and `cpus` are how many there can be.
pub fn watch(
    device: &str,
    peer: &str,
    flows: &[Flow],
    queues: u32,
    cpus: u32,
) -> io::Result<BTreeMap<usize, Seen>> {
    const ALL: u16 = libc::ETH_P_ALL as u16;
    let names = Socket::new()?;
    let (from, to) = (names.index(peer)?, names.index(device)?);
    let id = std::process::id() as u16 & 0x7fff;
    let group = |count: u32, id, how| -> io::Result<Vec<OwnedFd>> {
        (0..count).map(|_| packet_socket(to, ALL, Some((id, how)))).collect()
    };
    // The mapping of a recorded queue is its number and one; without a record it is 0.
    let by_queue = group(queues + 1, id, BY_QUEUE)?;
    let by_cpu = group(cpus, id | 0x8000, BY_CPU)?;
    let sender = packet_socket(from, 0, None)?;
    let mut seen = BTreeMap::<usize, Seen>::new();
    let all = flows.iter().enumerate().collect::<Vec<_>>();
    for batch in all.chunks(BATCH) {
        for (nth, flow) in batch {
            let frame = frame(flow, *nth as u32);
            // SAFETY: the frame is as long as is said.
            let sent =
                unsafe { libc::send(sender.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
            check(sent as i32)?;
        }
        let end = Instant::now() + Duration::from_secs(3);
        let whole = |s: Option<&Seen>| s.is_some_and(|s| s.cpu.is_some());
        let mut settled = false;
        while Instant::now() < end && !settled {
            std::thread::sleep(Duration::from_millis(2));
            // Once more after the last one came: the other group's copy may be behind.
            settled = batch.iter().all(|(nth, _)| whole(seen.get(nth)));
            for (nth, socket) in by_queue.iter().enumerate() {
                drain(socket, |seq| {
                    seen.entry(seq).or_default().queue = (nth as u32).checked_sub(1);
                });
            }
            for (nth, socket) in by_cpu.iter().enumerate() {
                drain(socket, |seq| seen.entry(seq).or_default().cpu = Some(nth as u32));
            }
        }
    }
    Ok(seen)
}

/// Reads all packets that wait; calls with the number of each that is ours.
fn drain(socket: &OwnedFd, mut each: impl FnMut(usize)) {
    let mut buffer = [0_u8; 2048];
    loop {
        // SAFETY: the kernel writes no more than the buffer's length.
        let n =
            unsafe { libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
        let Ok(n) = usize::try_from(n) else { return };
        let frame = &buffer[..n];
        let at = frame.windows(MAGIC.len()).position(|w| w == MAGIC);
        let Some(seq) = at.and_then(|at| frame.get(at + 8..at + 12)) else { continue };
        each(u32::from_be_bytes(seq.try_into().expect("four bytes")) as usize);
    }
}
