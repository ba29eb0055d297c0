//! Datagram sockets of the prober: ICMP echo and UDP, with the kernel's receive timestamps and the
//! ICMP errors that come back. The unsafe code of the prober is here.

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::log::Proto;

/// Bytes of a datagram besides headers, as ping sends: a mark, the number, and nothing more.
const SIZE: usize = 56;
/// Longest answer that is read.
const ANSWER: usize = 2048;
/// `ee_origin` of errors that came by ICMP or ICMPv6 (include/uapi/linux/errqueue.h).
const BY_ICMP: [u8; 2] = [2, 3];

/// What came in.
pub struct Arrival {
    /// The number of the probe that it answers.
    pub seq: u64,
    /// When the kernel had it, nanoseconds since 1970 UTC.
    pub realtime: Option<u64>,
    /// It is an ICMP error and not an echo.
    pub unreachable: bool,
}

/// A socket that sends probes to one target.
pub struct Datagrams {
    socket: Socket,
    proto: Proto,
    v4: bool,
    /// A raw socket: it sees the packets of others, and IPv4 headers.
    raw: bool,
    /// What our probes carry and no others do.
    mark: [u8; 8],
    /// Identifier of echo requests.
    pub icmp_id: Option<u16>,
}

impl Datagrams {
    /// Opens and connects a socket, from `source_port` if it is not 0.
    ///
    /// # Errors
    /// The system refuses: no permission, no route, the port is taken.
    pub fn open(proto: Proto, to: SocketAddr, source_port: u16) -> io::Result<Datagrams> {
        let v4 = to.is_ipv4();
        let domain = if v4 { Domain::IPV4 } else { Domain::IPV6 };
        let protocol = match proto {
            Proto::Icmp if v4 => Protocol::ICMPV4,
            Proto::Icmp => Protocol::ICMPV6,
            _ => Protocol::UDP,
        };
        let open = |kind: Type| Socket::new(domain, kind, Some(protocol));
        let (socket, raw) = match open(Type::DGRAM) {
            Err(_) if proto == Proto::Icmp => (open(Type::RAW)?, true),
            socket => (socket?, false),
        };
        socket.set_nonblocking(true)?;
        let (level, errors) = match v4 {
            true => (libc::IPPROTO_IP, libc::IP_RECVERR),
            false => (libc::IPPROTO_IPV6, libc::IPV6_RECVERR),
        };
        set(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS)?;
        set(&socket, level, errors)?;
        if source_port != 0 {
            let any: IpAddr = if v4 { [0; 4].into() } else { [0_u16; 8].into() };
            socket.bind(&SocketAddr::new(any, source_port).into())?;
        }
        socket.connect(&to.into())?;
        let random = std::collections::hash_map::RandomState::new();
        let mark = std::hash::BuildHasher::hash_one(&random, std::process::id()).to_ne_bytes();
        let local = socket.local_addr()?.as_socket();
        // The kernel keeps the identifier of a ping socket as its port.
        let given = local.map(|a| a.port()).filter(|port| !raw && *port != 0);
        let own = u16::from_ne_bytes([mark[0], mark[1]]);
        let icmp_id = (proto == Proto::Icmp).then(|| given.unwrap_or(own));
        Ok(Datagrams { socket, proto, v4, raw, mark, icmp_id })
    }

    /// The address and port that it sends from.
    pub fn local(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()?.as_socket()
    }

    pub fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Sends a probe.
    pub fn send(&self, seq: u64) -> io::Result<()> {
        let mut packet = Vec::with_capacity(8 + SIZE);
        if self.proto == Proto::Icmp {
            packet.extend([if self.v4 { 8 } else { 128 }, 0, 0, 0]);
            packet.extend(self.icmp_id.unwrap_or_default().to_be_bytes());
            packet.extend((seq as u16).to_be_bytes());
        }
        packet.extend(self.mark);
        packet.extend(seq.to_be_bytes());
        packet.resize(packet.len() + SIZE - 16, 0);
        if self.proto == Proto::Icmp && self.v4 {
            let sum = checksum(&packet);
            packet[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        match self.socket.send(&packet) {
            // An ICMP error to an earlier one, which is told by the error queue.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                self.socket.send(&packet).map(|_| ())
            }
            sent => sent.map(|_| ()),
        }
    }

    /// What has come in; none when there is no more.
    pub fn receive(&self) -> Option<Arrival> {
        loop {
            let (errors, message) = match self.message(libc::MSG_ERRQUEUE) {
                Some(message) => (true, message),
                None => (false, self.message(0)?),
            };
            let wanted = if errors { message.by_icmp } else { self.is_reply(&message.bytes) };
            if let Some(seq) = self.seq_in(&message.bytes).filter(|_| wanted) {
                return Some(Arrival { seq, realtime: message.realtime, unreachable: errors });
            }
        }
    }

    /// Whether it is an answer, and not, on a raw socket, a request to this host.
    fn is_reply(&self, bytes: &[u8]) -> bool {
        if self.proto != Proto::Icmp {
            return true;
        }
        let header = match (self.raw && self.v4, bytes.first()) {
            (true, Some(first)) => usize::from(first & 15) * 4,
            _ => 0,
        };
        bytes.get(header) == Some(if self.v4 { &0 } else { &129 })
    }

    /// The number behind our mark.
    fn seq_in(&self, bytes: &[u8]) -> Option<u64> {
        let at = bytes.windows(8).position(|w| w == self.mark)?;
        bytes.get(at + 8..)?.first_chunk().map(|n| u64::from_be_bytes(*n))
    }

    fn message(&self, flags: i32) -> Option<Message> {
        let mut bytes = vec![0_u8; ANSWER];
        let mut control = [0_u64; 64];
        let mut io = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
        // SAFETY: all zero is an empty msghdr.
        let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
        header.msg_iov = &raw mut io;
        header.msg_iovlen = 1;
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = size_of::<[u64; 64]>() as _;
        // SAFETY: the buffers outlive the call and their lengths are theirs.
        let read = unsafe { libc::recvmsg(self.fd(), &raw mut header, flags | libc::MSG_DONTWAIT) };
        let mut message = Message { bytes, realtime: None, by_icmp: false };
        if read < 0 {
            let refused = io::Error::last_os_error().kind() == io::ErrorKind::ConnectionRefused;
            // The error itself was read from its queue, or will be.
            return if refused { self.message(flags) } else { None };
        }
        message.bytes.truncate(read as usize);
        // SAFETY: the kernel filled the control buffer, and the macros stay within it.
        unsafe {
            let mut at = libc::CMSG_FIRSTHDR(&raw const header);
            while !at.is_null() {
                let data = libc::CMSG_DATA(at);
                let len = ((*at).cmsg_len as usize).saturating_sub(data.addr() - at.addr());
                match ((*at).cmsg_level, (*at).cmsg_type) {
                    (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS)
                        if len >= size_of::<libc::timespec>() =>
                    {
                        let t = data.cast::<libc::timespec>().read_unaligned();
                        message.realtime = Some(t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64);
                    }
                    (libc::IPPROTO_IP, libc::IP_RECVERR)
                    | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
                        if len >= size_of::<libc::sock_extended_err>() =>
                    {
                        let error = data.cast::<libc::sock_extended_err>().read_unaligned();
                        message.by_icmp = BY_ICMP.contains(&error.ee_origin);
                    }
                    _ => {}
                }
                at = libc::CMSG_NXTHDR(&raw const header, at);
            }
        }
        Some(message)
    }
}

struct Message {
    bytes: Vec<u8>,
    realtime: Option<u64>,
    by_icmp: bool,
}

/// Switches a socket option on.
fn set(socket: &Socket, level: i32, option: i32) -> io::Result<()> {
    let on: libc::c_int = 1;
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the value outlives the call.
    match unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const on).cast(), size)
    } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let pairs = bytes.chunks(2).map(|p| u32::from(p[0]) << 8 | u32::from(*p.get(1).unwrap_or(&0)));
    let mut sum: u32 = pairs.sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

/// Waits until one of them has something to read or write, a signal comes, or the time is up.
pub fn wait(fds: &mut [libc::pollfd], time: Duration) {
    let limit = libc::timespec { tv_sec: time.as_secs() as _, tv_nsec: time.subsec_nanos() as _ };
    // SAFETY: both outlive the call; no signal mask is given. Whatever it returns, all are looked at.
    unsafe {
        libc::ppoll(fds.as_mut_ptr(), fds.len() as _, &raw const limit, std::ptr::null());
    }
}

/// Lets this thread's timers fire when they are due, not up to 50 us later.
pub fn be_punctual() {
    // SAFETY: takes a number.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1) };
}

/// How often the kernel sent the SYN of a connection again.
pub fn syn_retransmits(fd: BorrowedFd<'_>) -> u32 {
    let mut info = MaybeUninit::<libc::tcp_info>::zeroed();
    let mut size = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `size` bytes; zeroes are a value of it.
    unsafe {
        let to = info.as_mut_ptr().cast();
        let option = libc::TCP_INFO;
        libc::getsockopt(fd.as_raw_fd(), libc::IPPROTO_TCP, option, to, &raw mut size);
        info.assume_init().tcpi_total_retrans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_as_the_rfc_has_them() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&bytes), !0xddf2);
        assert_eq!(checksum(&[0xff]), !0xff00);
    }
}
