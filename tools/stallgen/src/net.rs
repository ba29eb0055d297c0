//! Two network namespaces joined by a veth pair, packets steered to one CPU.
//!
//! No packet can leave them, and nothing is left of them, for they have no name:
//! they live as long as a descriptor or a socket of this process refers to them.

use std::io::Write as _;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::process::{self, Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::clock::last_error;
use crate::netns::{NetNs, steer};

/// From the block for benchmarks of network devices, RFC 2544.
const SENDER: &str = "198.18.0.1";
const RECEIVER: &str = "198.18.0.2";
const SENDER_MAC: &str = "02:00:00:00:00:01";
const RECEIVER_MAC: &str = "02:00:00:00:00:02";
/// Room for the packets of a whole stall.
const BUFFER_BYTES: libc::c_int = 8 << 20;

/// The port of the timed packets.
pub const VICTIM_PORT: u16 = 9000;
/// The port of bursts and of packets sent to make a stall.
pub const BURST_PORT: u16 = 9001;

/// The pair of namespaces.
#[derive(Debug)]
pub struct Net {
    sender: NetNs,
    receiver: NetNs,
}

impl Net {
    /// Makes the namespaces and steers what the receiver gets to `cpu`.
    pub fn create(cpu: u32) -> Result<Self> {
        let net = Self { sender: NetNs::new()?, receiver: NetNs::new()? };
        let peer = format!("/proc/{}/fd/{}", process::id(), net.receiver.raw_fd());
        // Fixed neighbours and no IPv6 address: no packets but our own.
        net.sender.run(|| {
            ip(&format!(
                "link set lo up\n\
                 link add sg0 address {SENDER_MAC} type veth peer name sg0 \
                 address {RECEIVER_MAC} netns {peer}\n\
                 link set sg0 addrgenmode none up\n\
                 addr add {SENDER}/30 dev sg0\n\
                 neigh add {RECEIVER} lladdr {RECEIVER_MAC} dev sg0 nud permanent\n"
            ))
        })?;
        net.receiver.run(|| {
            ip(&format!(
                "link set lo up\n\
                 link set sg0 addrgenmode none up\n\
                 addr add {RECEIVER}/30 dev sg0\n\
                 neigh add {SENDER} lladdr {SENDER_MAC} dev sg0 nud permanent\n"
            ))?;
            steer("sg0", cpu)
        })?;
        Ok(net)
    }

    /// A socket that sends to the receiver's `port`.
    pub fn sender(&self, port: u16) -> Result<UdpSocket> {
        let socket = self.sender.run(|| {
            let socket = UdpSocket::bind((SENDER, 0))?;
            socket.connect((RECEIVER, port))?;
            Ok(socket)
        })?;
        // The veth pair keeps a packet charged to its sender until it arrives.
        set_option(&socket, libc::SO_SNDBUFFORCE, BUFFER_BYTES)?;
        Ok(socket)
    }

    /// A socket that receives on `port`, behind the BPF program `filter`.
    pub fn receiver(&self, port: u16, filter: BorrowedFd<'_>) -> Result<UdpSocket> {
        let socket = self.receiver.run(|| Ok(UdpSocket::bind((RECEIVER, port))?))?;
        set_option(&socket, libc::SO_ATTACH_BPF, filter.as_raw_fd())?;
        set_option(&socket, libc::SO_RCVBUFFORCE, BUFFER_BYTES)?;
        Ok(socket)
    }

    /// The inode of the namespace that sends.
    pub fn sender_inode(&self) -> Result<u32> {
        self.sender.inode()
    }

    /// The inode of the namespace that receives.
    pub fn receiver_inode(&self) -> Result<u32> {
        self.receiver.inode()
    }
}

fn ip(commands: &str) -> Result<()> {
    let mut child = Command::new("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run ip: install iproute2")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(commands.as_bytes()).context("cannot write to ip")?;
    }
    let output = child.wait_with_output().context("cannot wait for ip")?;
    ensure!(
        output.status.success(),
        "ip failed to join two namespaces by a veth pair: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

fn set_option(socket: &UdpSocket, option: libc::c_int, value: libc::c_int) -> Result<()> {
    // SAFETY: `value` is valid for reading, with its size.
    let failed = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        ) != 0
    };
    if failed {
        return Err(last_error("setsockopt").context(format!("socket option {option}")));
    }
    Ok(())
}
