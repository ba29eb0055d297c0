//! Counters of the protocols of a network namespace: `/proc/PID/net/snmp` and
//! `/proc/PID/net/netstat` (net/ipv4/proc.c; names: RFC 1213, RFC 4293 and
//! Documentation/networking/snmp_counter.rst).

use std::collections::HashMap;

use super::root::{HostError, HostRoot};

/// Names and values by group, as they stand in one or more files.
#[derive(Debug, Default)]
pub struct Mib<'a> {
    groups: HashMap<&'a str, (&'a str, &'a str)>,
}

impl<'a> Mib<'a> {
    /// Reads pairs of lines, `Tcp: NAMES` and `Tcp: VALUES`.
    ///
    /// # Errors
    /// A line of values does not follow its names, or has other values than names: numbers would
    /// stand under wrong names.
    pub fn parse(text: &'a str) -> Result<Mib<'a>, String> {
        if !text.ends_with('\n') {
            return Err("its last line is cut".to_owned());
        }
        let mut groups = HashMap::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let (group, names) = line.split_once(':').ok_or("a line without a group")?;
            let values = lines.next().and_then(|line| line.strip_prefix(group)?.strip_prefix(':'));
            let values = values.ok_or_else(|| format!("no values of {group:.20}"))?;
            let count = |text: &str| text.split_ascii_whitespace().count();
            if count(names) != count(values) {
                return Err(format!("{group:.20} has not as many values as names"));
            }
            groups.insert(group, (names, values));
        }
        Ok(Mib { groups })
    }

    /// A counter; none if this kernel does not have it (or it is no natural number: `MaxConn` is
    /// -1).
    #[must_use]
    pub fn get(&self, group: &str, name: &str) -> Option<u64> {
        let (names, values) = self.groups.get(group)?;
        let at = names.split_ascii_whitespace().position(|n| n == name)?;
        values.split_ascii_whitespace().nth(at)?.parse().ok()
    }
}

/// The counters that the health of a node is judged by, since the namespace was made; none where
/// the kernel does not have one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetCounters {
    /// Connections opened from here (`Tcp: ActiveOpens`).
    pub active_opens: Option<u64>,
    /// SYN and SYN-ACK segments sent again (`TcpExt: TCPSynRetrans`, since 4.0 or so).
    pub syn_retrans: Option<u64>,
    /// Handshakes ended while the accept queue of the listener was full
    /// (`TcpExt: ListenOverflows`).
    pub listen_overflows: Option<u64>,
    /// Handshakes a listener dropped for any reason, overflows among them (`TcpExt: ListenDrops`).
    pub listen_drops: Option<u64>,
    /// Packets dropped because they were too long for the next link and must not be fragmented
    /// (`Ip: FragFails`).
    pub frag_fails: Option<u64>,
    /// Fragments made (`Ip: FragCreates`).
    pub frag_creates: Option<u64>,
    /// Packets whose fragments did not all come (`Ip: ReasmFails`).
    pub reasm_fails: Option<u64>,
}

impl NetCounters {
    /// Reads both files of the namespace that a process is in.
    ///
    /// # Errors
    /// One of them cannot be read or understood.
    pub fn read(root: &HostRoot, pid: u32) -> Result<NetCounters, HostError> {
        let (snmp, netstat) = (format!("proc/{pid}/net/snmp"), format!("proc/{pid}/net/netstat"));
        let of = |rel: &str, what| HostError::Content { path: root.path(rel), what };
        let text = root.read_to_string(&snmp)?;
        let ip = Mib::parse(&text).map_err(|what| of(&snmp, what))?;
        let ext = root.read_to_string(&netstat)?;
        let ext = Mib::parse(&ext).map_err(|what| of(&netstat, what))?;
        Ok(NetCounters {
            active_opens: ip.get("Tcp", "ActiveOpens"),
            syn_retrans: ext.get("TcpExt", "TCPSynRetrans"),
            listen_overflows: ext.get("TcpExt", "ListenOverflows"),
            listen_drops: ext.get("TcpExt", "ListenDrops"),
            frag_fails: ip.get("Ip", "FragFails"),
            frag_creates: ip.get("Ip", "FragCreates"),
            reasm_fails: ip.get("Ip", "ReasmFails"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Ip: Forwarding FragFails\nIp: 1 7\nTcp: MaxConn ActiveOpens\nTcp: -1 12\n";

    #[test]
    fn counters_by_group_and_name() {
        let mib = Mib::parse(TEXT).expect("a table");
        assert_eq!(
            (mib.get("Ip", "FragFails"), mib.get("Tcp", "ActiveOpens")),
            (Some(7), Some(12))
        );
        assert_eq!((mib.get("Tcp", "MaxConn"), mib.get("Tcp", "FragFails")), (None, None));
    }

    #[test]
    fn damage_is_an_error_and_not_zero() {
        for cut in 1..TEXT.len() {
            let whole_pair = TEXT[..cut].ends_with("1 7\n");
            assert_eq!(Mib::parse(&TEXT[..cut]).is_ok(), whole_pair, "{cut}");
        }
        for odd in ["x\n", "Ip: a b\nIp: 1\n", "Ip: a\nTcp: 1\n", "Ip: a\n", "\n\n"] {
            assert!(Mib::parse(odd).is_err(), "{odd:?}");
        }
        let huge = Mib::parse("Ip: a\nIp: 99999999999999999999999\n").expect("a pair");
        assert_eq!(huge.get("Ip", "a"), None, "no number that fits is not 0");
    }
}
