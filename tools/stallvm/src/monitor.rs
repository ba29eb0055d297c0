//! Evidence from a guest that hangs: where its CPUs are. The guest has no address randomisation,
//! so /proc/kallsyms of another boot of the kernel tells the functions.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// For qemu's `-monitor`; in the folder it runs in, for a socket's path must be short.
pub const ARGUMENT: &str = "unix:monitor,server=on,wait=off";
/// Qemu answers at once, and then waits for more.
const PATIENCE: Duration = Duration::from_secs(2);

/// Writes the registers of all CPUs to `registers` in the folder of a guest. As good as it gets:
/// the guest is given up anyway.
pub fn dump_registers(folder: &Path) {
    let Ok(mut monitor) = UnixStream::connect(folder.join("monitor")) else { return };
    let _ = monitor.set_read_timeout(Some(PATIENCE));
    let _ = monitor.write_all(b"info registers -a\n");
    let (mut all, mut buffer) = (Vec::new(), [0; 1 << 16]);
    while let Ok(length @ 1..) = monitor.read(&mut buffer) {
        all.extend(&buffer[..length]);
    }
    let _ = std::fs::write(folder.join("registers"), all);
}
