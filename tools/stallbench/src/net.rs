//! Two network namespaces joined by a veth pair. No packet leaves them, and nothing is left of
//! them: they have no name, and go with the last socket and descriptor of this process.

use std::fs::File;
use std::io::Write as _;
use std::net::UdpSocket;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::process::{self, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use stallgen::clock::last_error;
use stallgen::netns::NetNs;

/// From the block for benchmarks of network devices, RFC 2544.
const SENDER: &str = "198.18.0.1";
const RECEIVER: &str = "198.18.0.2";
const SENDER_MAC: &str = "02:00:00:00:00:01";
const RECEIVER_MAC: &str = "02:00:00:00:00:02";
const PORT: u16 = 9;
const DEVICE: &str = "sb0";

/// The pair of namespaces.
#[derive(Debug)]
pub struct Net {
    sender: NetNs,
    _receiver: NetNs,
    _sink: UdpSocket,
    counters: File,
}

impl Net {
    /// Makes the namespaces, and a socket behind them that throws away what it gets.
    pub fn create() -> Result<Self> {
        let (sender, receiver) = (NetNs::new()?, NetNs::new()?);
        let peer = format!("/proc/{}/fd/{}", process::id(), receiver.raw_fd());
        // Fixed neighbours and no IPv6 address: no packets but our own.
        sender.run(|| {
            ip(&format!(
                "link set lo up\n\
                 link add {DEVICE} address {SENDER_MAC} type veth peer name {DEVICE} \
                 address {RECEIVER_MAC} netns {peer}\n\
                 link set {DEVICE} addrgenmode none up\n\
                 addr add {SENDER}/30 dev {DEVICE}\n\
                 neigh add {RECEIVER} lladdr {RECEIVER_MAC} dev {DEVICE} nud permanent\n"
            ))
        })?;
        let (sink, counters) = receiver.run(|| {
            ip(&format!(
                "link set lo up\n\
                 link set {DEVICE} addrgenmode none up\n\
                 addr add {RECEIVER}/30 dev {DEVICE}\n\
                 neigh add {SENDER} lladdr {SENDER_MAC} dev {DEVICE} nud permanent\n"
            ))?;
            let sink = UdpSocket::bind((RECEIVER, PORT)).context("cannot bind the sink")?;
            drop_all(&sink)?;
            let counters = File::open("/proc/thread-self/net/dev")
                .context("cannot read interface counters")?;
            Ok((sink, counters))
        })?;
        Ok(Self { sender, _receiver: receiver, _sink: sink, counters })
    }

    /// A socket whose packets go to the sink.
    pub fn socket(&self) -> Result<UdpSocket> {
        self.sender.run(|| {
            let socket = UdpSocket::bind((SENDER, 0))?;
            socket.connect((RECEIVER, PORT))?;
            Ok(socket)
        })
    }

    /// Packets that the receiving interface has taken so far.
    pub fn received(&self) -> Result<u64> {
        let mut text = [0; 4096];
        let n = self.counters.read_at(&mut text, 0).context("cannot read interface counters")?;
        let text = String::from_utf8_lossy(&text[..n]);
        received(&text).context("the receiving interface is not in /proc/net/dev")
    }
}

fn received(text: &str) -> Option<u64> {
    let (_, line) =
        text.lines().find_map(|l| l.trim().split_once(':').filter(|p| p.0 == DEVICE))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// A filter of one instruction, `return 0`: drop at the socket.
fn drop_all(socket: &UdpSocket) -> Result<()> {
    let mut code = [libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: 0 }];
    let program = libc::sock_fprog { len: 1, filter: code.as_mut_ptr() };
    // SAFETY: `program` and the code it points to are valid for reading, with their sizes.
    let failed = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            size_of_val(&program) as libc::socklen_t,
        ) != 0
    };
    if failed {
        return Err(last_error("setsockopt(SO_ATTACH_FILTER)"));
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::received;

    #[test]
    fn counts_of_the_receiving_interface() {
        let text = "Inter-|   Receive\n face |bytes    packets errs\n    lo: 1 2 0 0\n   \
                    sb0: 5024 157 0 0 0 0 0 0 0 0\n";
        assert_eq!(received(text), Some(157));
        assert_eq!(received("    lo: 1 2 0 0\n"), None);
    }
}
