//! TCP probes: a connection each, closed at once.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::log::Answer;
use super::socket::syn_retransmits;

/// A connection under way.
pub struct Connecting {
    socket: Socket,
    /// The probe's number.
    pub seq: u64,
}

impl Connecting {
    /// Sends the SYN, from `source_port` if it is not 0.
    ///
    /// # Errors
    /// This host refuses.
    pub fn start(seq: u64, to: SocketAddr, source_port: u16) -> io::Result<Connecting> {
        let domain = if to.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
        let socket = Socket::new(domain, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        // Closing sends a RST: no port stays in TIME_WAIT, here or there.
        socket.set_linger(Some(Duration::ZERO))?;
        if source_port != 0 {
            socket.set_reuse_address(true)?;
            let any: IpAddr = if to.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() };
            socket.bind(&SocketAddr::new(any, source_port).into())?;
        }
        match socket.connect(&to.into()) {
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
            // A RST can be back already, by the loopback; it is told as any other.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                return Err(error);
            }
            other => other?,
        }
        Ok(Connecting { socket, seq })
    }

    pub fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// The port that it comes from.
    pub fn source_port(&self) -> Option<u16> {
        Some(self.socket.local_addr().ok()?.as_socket()?.port())
    }

    /// What came of it, once the socket says that something did, and how often its SYN was sent
    /// again.
    pub fn answer(&self) -> (Answer, u32) {
        let answer = match self.socket.take_error() {
            Ok(None) => Answer::Open,
            Ok(Some(error)) | Err(error) => refusal(&error),
        };
        (answer, syn_retransmits(self.socket.as_fd()))
    }
}

/// What an error of a connection means.
pub fn refusal(error: &io::Error) -> Answer {
    match error.raw_os_error() {
        Some(libc::ECONNREFUSED) => Answer::Reset,
        Some(libc::ETIMEDOUT) => Answer::Lost,
        Some(libc::EHOSTUNREACH | libc::ENETUNREACH | libc::EACCES | libc::ENOPROTOOPT) => {
            Answer::Unreachable
        }
        _ => Answer::NotSent,
    }
}
