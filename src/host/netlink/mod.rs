//! Questions to the kernel over netlink: RFC 3549, include/uapi/linux/netlink.h.
//!
//! Taking answers apart is pure and trusts nothing: a length that does not fit ends it with an
//! error, never with a part of the answer that looks whole.

mod wire;

use std::fs::File;
use std::io::{self, Read, Write};

use super::sys;

pub use wire::{Attributes, Malformed, attributes, be32, messages, native32};

/// Answers of more bytes than this are refused: 100,000 links fit.
const MAX_ANSWER: usize = 256 << 20;
/// The kernel fills at most 32 KiB at once (`netlink_dump`) where the functions of a device are not
/// asked for.
const ROOM: usize = 64 << 10;

/// Give all entries, not one (`NLM_F_DUMP`).
pub const DUMP: u16 = libc::NLM_F_DUMP as u16;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// The socket failed, or the kernel answered with this error.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The answer cannot be understood.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The table changed while it was listed, more than once (`NLM_F_DUMP_INTR`).
    #[error("it changed each time while it was listed")]
    Changing,
    /// The answer is longer than the bound.
    #[error("the answer is longer than {MAX_ANSWER} bytes")]
    TooLong,
}

/// A netlink socket; it stays in the network namespace that its maker was in.
#[derive(Debug)]
pub struct Netlink {
    socket: File,
    buffer: Vec<u8>,
    seq: u32,
}

impl Netlink {
    /// Opens one: `NETLINK_ROUTE`, `NETLINK_NETFILTER`, ...
    ///
    /// # Errors
    /// The kernel has no such protocol.
    pub fn open(protocol: i32) -> io::Result<Netlink> {
        Ok(Netlink { socket: sys::netlink_socket(protocol)?, buffer: vec![0; ROOM], seq: 0 })
    }

    /// Asks for all entries of a table and hands each message (its type and what follows the
    /// header) to `each`. Lists again, once, if the table changed meanwhile: `restart` then
    /// forgets what `each` took down.
    ///
    /// # Errors
    /// [`NetlinkError`] says why there is no whole answer.
    pub fn dump<T>(
        &mut self,
        kind: u16,
        body: &[u8],
        mut each: impl FnMut(&mut Vec<T>, u16, &[u8]) -> Result<(), Malformed>,
    ) -> Result<Vec<T>, NetlinkError> {
        for _ in 0..2 {
            let mut found = Vec::new();
            let whole = self.ask(kind, DUMP, body, |k, payload| each(&mut found, k, payload))?;
            if whole {
                return Ok(found);
            }
        }
        Err(NetlinkError::Changing)
    }

    /// Asks one question and hands each message of the answer to `each`; false if the table
    /// changed while it was listed.
    ///
    /// # Errors
    /// [`NetlinkError`] says why there is no whole answer.
    pub fn ask(
        &mut self,
        kind: u16,
        flags: u16,
        body: &[u8],
        mut each: impl FnMut(u16, &[u8]) -> Result<(), Malformed>,
    ) -> Result<bool, NetlinkError> {
        self.seq = self.seq.wrapping_add(1);
        // Without NLM_F_DUMP only an acknowledgement marks the end of an answer.
        let flags = if flags & DUMP == 0 { flags | libc::NLM_F_ACK as u16 } else { flags };
        let request = wire::request(kind, flags | libc::NLM_F_REQUEST as u16, self.seq, body);
        self.socket.write_all(&request)?;
        let (mut total, mut whole) = (0, true);
        loop {
            let read = self.read()?;
            total += read;
            if total > MAX_ANSWER || read == self.buffer.len() {
                return Err(NetlinkError::TooLong);
            }
            for message in messages(&self.buffer[..read]) {
                let message = message?;
                if message.seq != self.seq {
                    continue; // Left over from a question whose answer was given up.
                }
                whole &= message.flags & libc::NLM_F_DUMP_INTR as u16 == 0;
                match wire::end(&message)? {
                    Some(0) => return Ok(whole),
                    Some(errno) => return Err(io::Error::from_raw_os_error(errno).into()),
                    None => each(message.kind, message.payload)?,
                }
            }
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        loop {
            match self.socket.read(&mut self.buffer) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in 300 ms"));
                }
                other => return other,
            }
        }
    }
}
