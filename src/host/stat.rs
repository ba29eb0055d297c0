//! Steal time of each CPU: `/proc/stat`.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::root::{HostError, HostRoot};
use super::sys;
use crate::units::{Cpu, Nanos};

/// Room for the CPU lines; doubled where they do not fit.
const FIRST_ROOM: usize = 16 << 10;
/// 8192 CPUs of at most 216 bytes fit.
const MAX_ROOM: usize = 2 << 20;

/// Steal time of one CPU since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuSteal {
    /// The CPU.
    pub cpu: Cpu,
    /// Time in which the hypervisor ran something else, in steps of 1/USER_HZ = 10 ms. The kernel's
    /// own account; it may even step back a little.
    pub total: Nanos,
}

/// Reads steal times again and again with one open file and one buffer, one pread(2) each.
#[derive(Debug)]
pub struct StealReader {
    file: File,
    path: PathBuf,
    buffer: Vec<u8>,
    steals: Vec<CpuSteal>,
    user_hz: u64,
}

impl StealReader {
    /// Opens `/proc/stat`.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(root: &HostRoot) -> Result<StealReader, HostError> {
        Ok(StealReader {
            file: root.open("proc/stat")?,
            path: root.path("proc/stat"),
            buffer: vec![0; FIRST_ROOM],
            steals: Vec::new(),
            user_hz: sys::user_hz(),
        })
    }

    /// Steal times of the CPUs online now, in order.
    ///
    /// # Errors
    /// The file cannot be read, or has no end of CPU lines within 2 MiB.
    pub fn read(&mut self) -> Result<&[CpuSteal], HostError> {
        loop {
            let read = read_full(&self.file, &mut self.buffer)
                .map_err(|source| HostError::Io { path: self.path.clone(), source })?;
            self.steals.clear();
            let whole = read < self.buffer.len();
            if parse(&self.buffer[..read], self.user_hz, &mut self.steals) || whole {
                return Ok(&self.steals);
            }
            if self.buffer.len() >= MAX_ROOM {
                return Err(HostError::TooLong { path: self.path.clone(), limit: MAX_ROOM as u64 });
            }
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
    }
}

/// Reads from the start until the buffer is full or the file ends: procfs may give less at once.
fn read_full(file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], read as u64) {
            Ok(0) => break,
            Ok(n) => read += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(read)
}

/// Reads the lines `cpuN user nice system idle iowait irq softirq steal ...` up to the first line
/// of another kind; true if one came. A kernel without steal time has none to tell: no entry.
fn parse(text: &[u8], user_hz: u64, out: &mut Vec<CpuSteal>) -> bool {
    for line in text.split_inclusive(|b| *b == b'\n') {
        if !b"cpu".starts_with(&line[..line.len().min(3)]) {
            return true;
        }
        // A line without its end is not read: its last number may be cut.
        let Some(line) = line.strip_suffix(b"\n") else { return false };
        out.extend(std::str::from_utf8(line).ok().and_then(|line| parse_line(line, user_hz)));
    }
    false
}

fn parse_line(line: &str, user_hz: u64) -> Option<CpuSteal> {
    let mut fields = line.strip_prefix("cpu")?.split_ascii_whitespace();
    let cpu = fields.next().filter(|_| line.as_bytes()[3].is_ascii_digit())?.parse().ok()?;
    let ticks: u64 = fields.nth(7)?.parse().ok()?;
    Some(CpuSteal { cpu: Cpu(cpu), total: Nanos(ticks.saturating_mul(1_000_000_000 / user_hz)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> (Vec<(u32, u64)>, bool) {
        let mut out = Vec::new();
        let ended = parse(text, 100, &mut out);
        (out.iter().map(|s| (s.cpu.0, s.total.0)).collect(), ended)
    }

    #[test]
    fn steal_is_field_eight() {
        let text = b"cpu  38391 0 4087 180836 516 0 60 106 0 0\n\
            cpu0 19223 0 2024 90363 292 0 26 57 0 0\ncpu7 1 2 3 4 5 6 7 8\nintr 303641 0 0\n";
        assert_eq!(read(text), (vec![(0, 570_000_000), (7, 80_000_000)], true));
    }

    #[test]
    fn cut_and_hostile_lines() {
        assert_eq!(read(b""), (vec![], false));
        assert_eq!(read(b"cpu0 1 2 3 4 5 6 7 89"), (vec![], false), "the number may be cut");
        assert_eq!(read(b"cpu0 1 2 3 4 5 6 7\nintr"), (vec![], true), "no steal field");
        assert_eq!(read(b"cp"), (vec![], false));
        assert_eq!(read(b"\n"), (vec![], true));
        let huge =
            b"cpu0 0 0 0 0 0 0 0 18446744073709551615\ncpu1 0 0 0 0 0 0 0 99999999999999999999\n";
        assert_eq!(read(huge), (vec![(0, u64::MAX)], false));
        assert_eq!(read(b"cpu0 \xff 0 0 0 0 0 0 1\ncpux 0 0 0 0 0 0 0 1\nx"), (vec![], true));
        let mut long = b"cpu0 ".to_vec();
        long.resize(1 << 20, b'1');
        assert_eq!(read(&long), (vec![], false));
    }
}
