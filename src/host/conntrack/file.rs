//! `/proc/net/stat/nf_conntrack` (net/netfilter/nf_conntrack_standalone.c, `ct_cpu_seq_show`).

use super::{CtRow, CtSource, CtStats};
use crate::host::counter::HexTable;
use crate::host::root::{HostError, HostRoot};
use crate::units::Cpu;

/// Reads the counters of the network namespace that a process is in, with the number of entries.
///
/// # Errors
/// The kernel has no such file, the process is gone, or the file cannot be understood.
pub fn read(root: &HostRoot, pid: u32, cpus: &[Cpu]) -> Result<(CtStats, u64), HostError> {
    let rel = format!("proc/{pid}/net/stat/nf_conntrack");
    parse(&root.read_to_string(&rel)?, cpus)
        .map_err(|what| HostError::Content { path: root.path(&rel), what })
}

/// Reads the text; `cpus` are the possible ones, for which the kernel writes a row each, in order,
/// without saying which.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str, cpus: &[Cpu]) -> Result<(CtStats, u64), String> {
    let table = HexTable::parse(text)?;
    let entries = table.first("entries").ok_or("no column \"entries\"")?;
    let counters: Vec<usize> =
        (0..table.columns.len()).filter(|at| table.columns[*at] != "entries").collect();
    let known = cpus.len() == table.rows.len();
    let mut rows = Vec::with_capacity(table.rows.len());
    for (at, row) in table.rows.iter().enumerate() {
        let values: Result<Vec<_>, _> =
            counters.iter().map(|c| u32::try_from(row[*c]).map(Some)).collect();
        let values = values.map_err(|_| format!("row {} has more than 32 bits", at + 1))?;
        rows.push(CtRow { cpu: cpus.get(at).copied().filter(|_| known), values });
    }
    let columns = counters.iter().map(|at| table.columns[*at].clone()).collect();
    Ok((CtStats { source: CtSource::File, columns, rows }, entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of Linux 5.15 to 6.18; those before have `delete_list` for `chainlength`, and before
    /// 5.8 `searched` for `clashres`.
    const NEW: &str = "entries  clashres found new invalid ignore delete chainlength insert \
        insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete \
        search_restart\n";

    fn row(insert_failed: u32) -> String {
        let zero = "00000000 ".repeat(7);
        format!("0000002a  00000003 {}{insert_failed:08x} {zero}\n", "00000000 ".repeat(7))
    }

    #[test]
    fn columns_of_two_kernels() {
        let cpus = [Cpu(0), Cpu(4)];
        for names in [NEW.to_owned(), NEW.replace("clashres", "searched")] {
            let (stats, entries) =
                parse(&(names.clone() + &row(0x4eb) + &row(1)), &cpus).expect("a table");
            assert_eq!((entries, stats.total("insert_failed")), (42, Some(1260)));
            assert_eq!(stats.total("clashres"), names.contains("clashres").then_some(6));
            assert_eq!(stats.total("entries"), None, "a gauge is no counter");
            assert_eq!(stats.rows[1].cpu, Some(Cpu(4)), "the second possible CPU");
        }
        let (stats, _) = parse(&(NEW.to_owned() + &row(1)), &cpus).expect("a table");
        assert_eq!(stats.rows[0].cpu, None, "one row for two CPUs: which is not known");
    }

    #[test]
    fn damage_is_an_error_and_not_zero() {
        let text = NEW.to_owned() + &row(9);
        for cut in 0..text.len() {
            assert!(parse(&text[..cut], &[]).is_err(), "{cut}");
        }
        assert!(parse(&text.replacen("entries", "x", 1), &[]).is_err());
        assert!(parse(&text.replacen("0000002a  00000003", "2a  100000000", 1), &[]).is_err());
    }
}
