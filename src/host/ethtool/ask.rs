//! The ioctl. All the unsafe code of this module is here.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// SIOCETHTOOL of include/uapi/linux/sockios.h
const SIOCETHTOOL: libc::c_ulong = 0x8946;

/// Whom to ask: the kernel, or a test.
pub trait Ask {
    /// Hands a request to the driver of `device`, which writes its answer over it. The first four
    /// bytes are the command.
    ///
    /// # Errors
    /// What the kernel said: ENODEV, EOPNOTSUPP, ...
    fn ask(&self, device: &str, request: &mut [u8]) -> io::Result<()>;

    /// The device's number in this network namespace.
    ///
    /// # Errors
    /// ENODEV if there is none of this name.
    fn index(&self, device: &str) -> io::Result<u32>;

    /// The first six bytes of the device's hardware address: of Ethernet, all.
    ///
    /// # Errors
    /// ENODEV if there is none of this name.
    fn address(&self, device: &str) -> io::Result<[u8; 6]>;
}

/// The kernel, in the network namespace of the thread that made this.
#[derive(Debug)]
pub struct Socket(OwnedFd);

impl Socket {
    /// A socket to ask through; it sends nothing.
    ///
    /// # Errors
    /// The kernel gives none.
    pub fn new() -> io::Result<Socket> {
        // SAFETY: socket takes no pointers; a descriptor that it returns is new and ours alone.
        unsafe {
            let fd = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
            if fd < 0 {
                Err(io::Error::last_os_error())
            } else {
                Ok(Socket(OwnedFd::from_raw_fd(fd)))
            }
        }
    }

    fn call(&self, command: libc::c_ulong, request: &mut libc::ifreq) -> io::Result<()> {
        // SAFETY: the request is a whole ifreq; where it points to a buffer, the caller holds that
        // and made it as long as the kernel writes for its command.
        match unsafe { libc::ioctl(self.0.as_raw_fd(), command as _, &raw mut *request) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Ask for Socket {
    fn ask(&self, device: &str, request: &mut [u8]) -> io::Result<()> {
        let mut ifreq = named(device)?;
        // The kernel writes no more than the structure of the command, whose size `read` gives.
        ifreq.ifr_ifru.ifru_data = request.as_mut_ptr().cast();
        self.call(SIOCETHTOOL, &mut ifreq)
    }

    fn index(&self, device: &str) -> io::Result<u32> {
        let mut ifreq = named(device)?;
        self.call(libc::SIOCGIFINDEX as libc::c_ulong, &mut ifreq)?;
        // SAFETY: SIOCGIFINDEX has written this member.
        Ok(unsafe { ifreq.ifr_ifru.ifru_ifindex } as u32)
    }

    fn address(&self, device: &str) -> io::Result<[u8; 6]> {
        let mut ifreq = named(device)?;
        self.call(libc::SIOCGIFHWADDR as libc::c_ulong, &mut ifreq)?;
        // SAFETY: SIOCGIFHWADDR has written this member.
        let data = unsafe { ifreq.ifr_ifru.ifru_hwaddr }.sa_data;
        Ok(std::array::from_fn(|i| data[i] as u8))
    }
}

fn named(device: &str) -> io::Result<libc::ifreq> {
    // SAFETY: an ifreq of zeros is a valid one.
    let mut ifreq: libc::ifreq = unsafe { mem::zeroed() };
    // The last byte stays NUL.
    if device.is_empty() || device.len() >= ifreq.ifr_name.len() {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    for (to, from) in ifreq.ifr_name.iter_mut().zip(device.bytes()) {
        *to = from as libc::c_char;
    }
    Ok(ifreq)
}
