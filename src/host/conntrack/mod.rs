//! Connection tracking: what the kernel counts for each CPU of a network namespace, and how full
//! its table is.
//!
//! Two sources tell the same counters: `/proc/net/stat/nf_conntrack`, which some distributions
//! build without (CONFIG_NF_CONNTRACK_PROCFS), and ctnetlink, which may be a module that is not
//! loaded. Their columns differ, and differ between kernels: all are kept by the kernel's name.

mod ctnetlink;
mod file;

use std::fmt;

pub use ctnetlink::{Ctnetlink, parse_global, parse_stats_cpu};
pub use file::{parse, read};

use super::counter::grown32;
use crate::units::Cpu;

/// Where counters are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CtSource {
    /// `/proc/net/stat/nf_conntrack`.
    File,
    /// ctnetlink, `IPCTNL_MSG_CT_GET_STATS_CPU`: what `conntrack -S` shows.
    Netlink,
}

impl fmt::Display for CtSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            CtSource::File => "/proc/net/stat/nf_conntrack",
            CtSource::Netlink => "ctnetlink",
        })
    }
}

/// Counters of one namespace since it, or the module, came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CtStats {
    /// Where they are from.
    pub source: CtSource,
    /// The kernel's names: `insert_failed`, `drop`, ... without the gauge `entries`.
    pub columns: Vec<String>,
    /// One row for each possible CPU.
    pub rows: Vec<CtRow>,
}

/// The counters of one CPU, 32 bits each, which wrap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CtRow {
    /// Which; none where the file's rows cannot be told apart.
    pub cpu: Option<Cpu>,
    /// As many as there are columns. None: the kernel left this one out.
    pub values: Vec<Option<u32>>,
}

/// What counters grew by between two readings, summed over the CPUs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CtGrowth(Vec<(String, u64)>);

/// What one counter of one CPU grew by between two readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CtCell<'a> {
    /// The CPU; none where the file's rows cannot be told apart.
    pub cpu: Option<Cpu>,
    /// The kernel's name of the counter.
    pub counter: &'a str,
    /// By how much.
    pub by: u64,
}

impl CtStats {
    /// Sum over the CPUs; none if this kernel does not have the counter.
    #[must_use]
    pub fn total(&self, name: &str) -> Option<u64> {
        let at = self.columns.iter().position(|c| c == name)?;
        self.rows.iter().map(|row| row.values[at].map(u64::from)).sum()
    }

    /// What each counter of each CPU grew by since an earlier reading of the same namespace; those
    /// that did not grow are left out.
    ///
    /// # Errors
    /// As [`CtStats::since`].
    pub fn grown(&self, earlier: &CtStats) -> Result<Vec<CtCell<'_>>, String> {
        self.since(earlier)?;
        let mut grown = Vec::new();
        for (before, after) in earlier.rows.iter().zip(&self.rows) {
            for (at, name) in self.columns.iter().enumerate() {
                let values = before.values[at].zip(after.values[at]);
                let by = values.and_then(|(before, after)| grown32(before, after)).unwrap_or(0);
                if by > 0 {
                    grown.push(CtCell { cpu: after.cpu, counter: name, by });
                }
            }
        }
        Ok(grown)
    }

    /// What each counter grew by since an earlier reading of the same namespace.
    ///
    /// # Errors
    /// The two are not of the same kind, or a counter was reset.
    pub fn since(&self, earlier: &CtStats) -> Result<CtGrowth, String> {
        let cpus = |stats: &CtStats| stats.rows.iter().map(|row| row.cpu).collect::<Vec<_>>();
        if self.columns != earlier.columns || cpus(self) != cpus(earlier) {
            return Err("the second reading has other counters than the first".to_owned());
        }
        let mut growth = Vec::new();
        for (at, name) in self.columns.iter().enumerate() {
            let mut sum = Some(0);
            for (before, after) in earlier.rows.iter().zip(&self.rows) {
                let (Some(b), Some(a)) = (before.values[at], after.values[at]) else {
                    sum = None;
                    continue;
                };
                let grown = grown32(b, a);
                let grown = grown.ok_or_else(|| format!("{name} fell from {b} to {a}: reset"))?;
                sum = sum.map(|sum: u64| sum + grown);
            }
            growth.extend(sum.map(|sum| (name.clone(), sum)));
        }
        Ok(CtGrowth(growth))
    }
}

impl CtGrowth {
    /// Growth of one counter; none if this kernel does not have it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u64> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, grown)| *grown)
    }

    /// All of them, by the kernel's names.
    #[must_use]
    pub fn all(&self) -> &[(String, u64)] {
        &self.0
    }
}

/// How full a namespace's table is. Each namespace counts its own entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CtFill {
    /// Entries now.
    pub entries: u64,
    /// `nf_conntrack_max` as it holds in that namespace; 0 means no limit
    /// (`__nf_conntrack_alloc`).
    pub max: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(rows: &[[u32; 2]]) -> CtStats {
        let columns = vec!["insert_failed".to_owned(), "drop".to_owned()];
        let row = |(cpu, values): (u32, &[u32; 2])| CtRow {
            cpu: Some(Cpu(cpu)),
            values: values.iter().map(|v| Some(*v)).collect(),
        };
        CtStats { source: CtSource::File, columns, rows: (0..).zip(rows).map(row).collect() }
    }

    #[test]
    fn growth_is_summed_over_cpus_and_survives_a_wrap() {
        let growth = stats(&[[7, 1], [1, 1]]).since(&stats(&[[5, 1], [u32::MAX, 1]]));
        let growth = growth.expect("two readings");
        assert_eq!((growth.get("insert_failed"), growth.get("drop")), (Some(4), Some(0)));
        assert_eq!(growth.get("early_drop"), None, "not known is not 0");
    }

    #[test]
    fn growth_of_each_cpu() {
        let (earlier, later) = (stats(&[[7, 1], [1, 1]]), stats(&[[9, 1], [1, 4]]));
        let cell = |cpu, counter, by| CtCell { cpu: Some(Cpu(cpu)), counter, by };
        let expected = vec![cell(0, "insert_failed", 2), cell(1, "drop", 3)];
        assert_eq!(later.grown(&earlier), Ok(expected));
        assert!(earlier.grown(&later).is_err(), "reset");
    }

    #[test]
    fn no_growth_from_readings_that_do_not_belong_together() {
        let error = stats(&[[0, 0]]).since(&stats(&[[5, 0]])).expect_err("a reset");
        assert_eq!(error, "insert_failed fell from 5 to 0: reset");
        assert!(stats(&[[0, 0], [0, 0]]).since(&stats(&[[0, 0]])).is_err(), "other CPUs");
    }

    #[test]
    fn what_a_cpu_does_not_tell_has_no_sum() {
        let mut one = stats(&[[1, 2], [3, 4]]);
        one.rows[1].values[0] = None;
        assert_eq!((one.total("insert_failed"), one.total("drop")), (None, Some(6)));
        let growth = one.since(&one).expect("itself");
        assert_eq!((growth.get("insert_failed"), growth.get("drop")), (None, Some(0)));
    }
}
