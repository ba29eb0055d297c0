//! One run at a time on a machine: two would stall each other, and neither's
//! truth would be the whole truth.

use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How long to wait for other runs.
const PATIENCE: Duration = Duration::from_secs(600);

/// The right to make stalls. It ends with the process, at the latest.
#[derive(Debug)]
pub struct Turn {
    _name: UnixListener,
}

impl Turn {
    /// Waits for runs under way.
    pub fn take() -> Result<Self> {
        // An abstract name is no file: nothing to clean up.
        let name = SocketAddr::from_abstract_name(env!("CARGO_PKG_NAME"))?;
        let give_up = Instant::now() + PATIENCE;
        let mut told = false;
        loop {
            match UnixListener::bind_addr(&name) {
                Ok(listener) => return Ok(Self { _name: listener }),
                Err(e) if e.kind() != ErrorKind::AddrInUse => {
                    return Err(e).context("cannot take the name of the run under way");
                }
                Err(_) if Instant::now() > give_up => {
                    bail!("another run is still under way after {PATIENCE:?}: end it first");
                }
                Err(_) if !told => eprintln!("stallgen: waiting for another run to end"),
                Err(_) => {}
            }
            told = true;
            thread::sleep(Duration::from_millis(100));
        }
    }
}
