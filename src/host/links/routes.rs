//! The devices that packets leave by where no other route holds: `/proc/PID/net/route`
//! (net/ipv4/fib_trie.c, `fib_route_seq_show`).

use crate::host::root::{HostError, HostRoot};

/// Names of the devices of IPv4 default routes of the namespace a process is in, that of the
/// lowest metric first. Only the main table is in the file.
///
/// # Errors
/// It cannot be read or understood.
pub fn default_devices(root: &HostRoot, pid: u32) -> Result<Vec<String>, HostError> {
    let rel = format!("proc/{pid}/net/route");
    parse_routes(&root.read_to_string(&rel)?)
        .ok_or_else(|| HostError::Content { path: root.path(&rel), what: "no routes".to_owned() })
}

/// Reads the table; none if it has no heading.
#[must_use]
pub fn parse_routes(text: &str) -> Option<Vec<String>> {
    let mut lines = text.lines();
    lines.next().filter(|head| head.starts_with("Iface\tDestination"))?;
    let mut found: Vec<(u32, String)> = Vec::new();
    for line in lines {
        let fields: Vec<&str> = line.split_ascii_whitespace().take(9).collect();
        let [name, "00000000", _, flags, _, _, metric, "00000000", ..] = fields[..] else {
            continue;
        };
        let up = u16::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 != 0);
        if let Some(metric) = metric.parse().ok().filter(|_| up) {
            found.push((metric, name.to_owned()));
        }
    }
    found.sort();
    found.dedup_by(|a, b| a.1 == b.1);
    Some(found.into_iter().map(|(_, name)| name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_of_the_default_route() {
        let head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\n";
        let rows = "eth1\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\n\
            eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\n\
            eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\n\
            eth2\t00000000\t00000000\t0200\t0\t0\t0\t00000000\t0\n";
        let text = format!("{head}{rows}");
        assert_eq!(parse_routes(&text), Some(vec!["eth0".to_owned(), "eth1".to_owned()]));
        assert_eq!(parse_routes(head), Some(vec![]));
        assert_eq!((parse_routes(""), parse_routes("eth0\t00000000\n")), (None, None));
    }
}
