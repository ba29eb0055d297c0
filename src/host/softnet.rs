//! What each CPU's receive softirq took up, dropped and put off: `/proc/net/softnet_stat`
//! (net/core/net-procfs.c, `softnet_seq_show`).

use std::collections::BTreeMap;

use super::root::{HostError, HostRoot};
use crate::model::RxCpu;
use crate::rxpath::SoftnetCpu;
use crate::units::{Cpu, Ktime};

const FILE: &str = "proc/net/softnet_stat";

/// Reads the rows of all CPUs online. They tell of all devices and network namespaces together.
///
/// # Errors
/// The file cannot be read or understood.
pub fn read(root: &HostRoot, online: &[Cpu]) -> Result<Vec<SoftnetCpu>, HostError> {
    // `proc/net` is a link to `self/net`, which a tree of copied files does not have.
    parse(&root.read_to_string(FILE)?, online)
        .map_err(|what| HostError::Content { path: root.path(FILE), what })
}

/// Reads the rows again and again, and tells what each CPU has received meanwhile.
pub struct SoftnetReader {
    root: HostRoot,
    online: Vec<Cpu>,
    last: BTreeMap<Cpu, SoftnetCpu>,
}

impl SoftnetReader {
    /// Takes the first reading.
    ///
    /// # Errors
    /// The file cannot be read or understood.
    pub fn open(root: HostRoot, online: Vec<Cpu>) -> Result<SoftnetReader, HostError> {
        let rows = read(&root, &online)?;
        Ok(SoftnetReader { root, online, last: rows.into_iter().map(|r| (r.cpu, r)).collect() })
    }

    /// What came since the last time, in the order of CPUs; nothing where it cannot be read now:
    /// the next time tells it all. A CPU that was not there the last time is told from then on.
    pub fn since_last(&mut self, time: Ktime) -> Vec<RxCpu> {
        let mut since = Vec::new();
        for now in read(&self.root, &self.online).unwrap_or_default() {
            let Some(last) = self.last.insert(now.cpu, now) else { continue };
            // 32 bits that wrap.
            let grown =
                |count: fn(&SoftnetCpu) -> u32| u64::from(count(&now).wrapping_sub(count(&last)));
            since.push(RxCpu {
                time,
                cpu: now.cpu,
                processed: grown(|c| c.processed),
                dropped: grown(|c| c.dropped),
                squeezed: grown(|c| c.time_squeeze),
                rps_wakes: grown(|c| c.received_rps),
                flow_limited: grown(|c| c.flow_limit),
                backlog_plus_1: now.backlog.map_or(0, |n| n.saturating_add(1)),
                ..RxCpu::default()
            });
        }
        since
    }
}

/// Reads the text: hexadecimal columns without names, by place. Rows are of the CPUs online, in
/// order; since 7d58e6555870 (5.10) each says which it is.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str, online: &[Cpu]) -> Result<Vec<SoftnetCpu>, String> {
    let mut rows = Vec::new();
    let mut numbered = true;
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let bad = |what: &str| format!("row {}: {what}", at + 1);
        let line = line.strip_suffix('\n').ok_or_else(|| bad("cut"))?;
        let row: Option<Vec<u32>> = line.split_ascii_whitespace().take(64).map(number).collect();
        let row = row.ok_or_else(|| bad("not all hexadecimal"))?;
        // Kernels since 2.6.36 have ten columns at least.
        let [processed, dropped, time_squeeze, .., _] = row[..] else {
            return Err(bad("fewer than ten numbers"));
        };
        if row.len() < 10 {
            return Err(bad("fewer than ten numbers"));
        }
        numbered &= row.len() > 12;
        let cpu = row.get(12).copied().map(Cpu).or_else(|| online.get(at).copied());
        rows.push(SoftnetCpu {
            cpu: cpu.ok_or_else(|| bad("more rows than CPUs online"))?,
            processed,
            dropped,
            time_squeeze,
            received_rps: row[9],
            flow_limit: row.get(10).copied().unwrap_or_default(),
            backlog: row.get(11).copied(),
        });
    }
    if rows.is_empty() {
        return Err("no rows".to_owned());
    }
    // A CPU that came or went meanwhile: the order tells no longer whose row is whose.
    if !numbered && rows.len() != online.len() {
        return Err(format!("{} rows for {} CPUs online", rows.len(), online.len()));
    }
    Ok(rows)
}

fn number(field: &str) -> Option<u32> {
    let digits = field.len() == 8 && field.bytes().all(|b| b.is_ascii_hexdigit());
    u32::from_str_radix(field, 16).ok().filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_6_18_and_of_before_5_10() {
        let new = "000069d6 00000001 0000000c 00000000 00000000 00000000 00000000 00000000 \
            00000000 00004f47 00000002 00000005 00000003 00000000 00000000\n";
        let want = SoftnetCpu {
            cpu: Cpu(3),
            processed: 0x69d6,
            dropped: 1,
            time_squeeze: 12,
            received_rps: 0x4f47,
            flow_limit: 2,
            backlog: Some(5),
        };
        assert_eq!(parse(new, &[Cpu(0)]), Ok(vec![want]));
        let old: String = new.split(' ').take(11).collect::<Vec<_>>().join(" ") + "\n";
        let want = SoftnetCpu { cpu: Cpu(7), backlog: None, ..want };
        assert_eq!(parse(&old, &[Cpu(7)]), Ok(vec![want]));
    }

    #[test]
    fn damage_is_an_error_and_not_zero() {
        let row = "00000001 ".repeat(14) + "00000001\n";
        for cut in 0..row.len() {
            assert!(parse(&row[..cut], &[Cpu(0)]).is_err(), "{cut}");
        }
        for odd in ["x\n", "00000000 00000000 00000000\n", "1 2 3\n", "\n"] {
            assert!(parse(odd, &[Cpu(0)]).is_err(), "{odd:?}");
        }
    }
}
