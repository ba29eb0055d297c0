//! Sockets of a network namespace and the ports that connections from it take:
//! `/proc/PID/net/sockstat` (net/ipv4/proc.c), `/proc/sys/net/ipv4/ip_local_port_range`.

use super::root::{HostError, HostRoot};

/// TCP sockets of a namespace now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SockStat {
    /// Those in use by programs, in any state but TIME-WAIT.
    pub inuse: u64,
    /// Those in TIME-WAIT.
    pub time_wait: u64,
}

/// Ports for connections that ask for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The first.
    pub low: u16,
    /// The last.
    pub high: u16,
}

impl SockStat {
    /// Reads the file of the namespace that a process is in.
    ///
    /// # Errors
    /// It cannot be read or understood.
    pub fn read(root: &HostRoot, pid: u32) -> Result<SockStat, HostError> {
        let rel = format!("proc/{pid}/net/sockstat");
        let what = || "no counts of TCP sockets".to_owned();
        SockStat::parse(&root.read_to_string(&rel)?)
            .ok_or_else(|| HostError::Content { path: root.path(&rel), what: what() })
    }

    /// Reads the line `TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 101`.
    #[must_use]
    pub fn parse(text: &str) -> Option<SockStat> {
        let line = text.split_inclusive('\n').find_map(|line| line.strip_prefix("TCP:"))?;
        let words: Vec<&str> = line.strip_suffix('\n')?.split_ascii_whitespace().take(32).collect();
        let value = |name: &str| {
            words.chunks_exact(2).find(|pair| pair[0] == name).and_then(|pair| pair[1].parse().ok())
        };
        Some(SockStat { inuse: value("inuse")?, time_wait: value("tw")? })
    }
}

impl PortRange {
    /// Reads the setting of the calling thread's namespace.
    ///
    /// # Errors
    /// It cannot be read or understood.
    pub fn read(root: &HostRoot) -> Result<PortRange, HostError> {
        let rel = "proc/sys/net/ipv4/ip_local_port_range";
        PortRange::parse(&root.read_to_string(rel)?).ok_or_else(|| HostError::Content {
            path: root.path(rel),
            what: "no range of ports".to_owned(),
        })
    }

    /// Reads the two numbers, `32768 60999` with a tab between them.
    #[must_use]
    pub fn parse(text: &str) -> Option<PortRange> {
        let mut numbers = text.split_ascii_whitespace().map(str::parse);
        let range = PortRange { low: numbers.next()?.ok()?, high: numbers.next()?.ok()? };
        (range.low <= range.high && numbers.next().is_none()).then_some(range)
    }

    /// How many ports it has.
    #[must_use]
    pub fn count(&self) -> u64 {
        u64::from(self.high) - u64::from(self.low) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_of_6_18() {
        let text =
            "sockets: used 17\nTCP: inuse 1 orphan 0 tw 9 alloc 1 mem 101\nUDP: inuse 3 mem 0\n";
        assert_eq!(SockStat::parse(text), Some(SockStat { inuse: 1, time_wait: 9 }));
        for odd in [
            "",
            "TCP:\n",
            "TCP: inuse\n",
            "TCP: inuse x tw 1\n",
            "TCP: inuse 1 tw 2",
            "TCP: inuse 1 tw 99999999999999999999\n",
        ] {
            assert_eq!(SockStat::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn port_ranges() {
        assert_eq!(PortRange::parse("32768\t60999\n").map(|r| r.count()), Some(28_232));
        for odd in ["", "1", "9 1", "1 70000", "a b", "1 2 3"] {
            assert_eq!(PortRange::parse(odd), None, "{odd}");
        }
    }
}
