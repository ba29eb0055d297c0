//! CPU lists as the kernel and users write them: `0,2-5,11`.

use std::fmt;
use std::str::FromStr;

use super::root::{HostError, HostRoot};
use crate::units::Cpu;

/// No kernel counts CPUs beyond this (NR_CPUS is at most 8192 today).
const MAX_CPU: u32 = 65_535;

/// Longer than the list of every other CPU of 8192.
const MAX_LEN: usize = 65_536;

/// CPUs in ascending order, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuList(Vec<Cpu>);

/// Why a CPU list could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("CPU list \"{list}\": {what}")]
pub struct BadCpuList {
    list: String,
    what: String,
}

impl CpuList {
    /// The CPUs.
    #[must_use]
    pub fn cpus(&self) -> &[Cpu] {
        &self.0
    }

    /// Their numbers, as [`crate::model::Meta`] stores them.
    #[must_use]
    pub fn numbers(&self) -> Vec<u32> {
        self.0.iter().map(|cpu| cpu.0).collect()
    }

    /// Whether `cpu` is among them.
    #[must_use]
    pub fn contains(&self, cpu: Cpu) -> bool {
        self.0.binary_search(&cpu).is_ok()
    }

    /// Reads a list of the kernel: as of a user, but it may be empty
    /// (`/sys/devices/system/cpu/offline`).
    ///
    /// # Errors
    /// [`BadCpuList`] says what is wrong and where.
    pub fn from_kernel(text: &str) -> Result<CpuList, BadCpuList> {
        if text.trim().is_empty() { Ok(CpuList::default()) } else { text.trim_end().parse() }
    }

    /// CPUs that run now: `/sys/devices/system/cpu/online`.
    ///
    /// # Errors
    /// The file cannot be read or understood.
    pub fn online(root: &HostRoot) -> Result<CpuList, HostError> {
        CpuList::read(root, "online")
    }

    /// CPUs that may ever be brought up: `/sys/devices/system/cpu/possible`. Per-CPU BPF maps have
    /// one slot for each.
    ///
    /// # Errors
    /// The file cannot be read or understood.
    pub fn possible(root: &HostRoot) -> Result<CpuList, HostError> {
        CpuList::read(root, "possible")
    }

    /// CPUs plugged in, online or not: `/sys/devices/system/cpu/present`.
    ///
    /// # Errors
    /// The file cannot be read or understood.
    pub fn present(root: &HostRoot) -> Result<CpuList, HostError> {
        CpuList::read(root, "present")
    }

    fn read(root: &HostRoot, which: &str) -> Result<CpuList, HostError> {
        let rel = format!("sys/devices/system/cpu/{which}");
        CpuList::from_kernel(&root.read_to_string(&rel)?)
            .map_err(|e| HostError::Content { path: root.path(&rel), what: e.to_string() })
    }
}

impl FromStr for CpuList {
    type Err = BadCpuList;

    fn from_str(list: &str) -> Result<CpuList, BadCpuList> {
        let bad = |what: String| BadCpuList { list: shortened(list), what };
        let number = |text: &str| -> Result<u32, BadCpuList> {
            match text.trim() {
                "" => Err(bad("a number is missing; write it like 0,2-5,11".to_owned())),
                digits if digits.bytes().all(|b| b.is_ascii_digit()) => match digits.parse::<u32>()
                {
                    Ok(cpu) if cpu <= MAX_CPU => Ok(cpu),
                    _ => Err(bad(format!("there is no CPU {}", shortened(digits)))),
                },
                odd => Err(bad(format!("\"{}\" is not a number", shortened(odd)))),
            }
        };
        if list.len() > MAX_LEN {
            return Err(bad(format!("it is longer than {MAX_LEN} bytes")));
        }
        let mut listed = Vec::new();
        for item in list.split(',') {
            let (first, last) = match item.split_once('-') {
                Some((first, last)) => (number(first)?, number(last)?),
                None => (number(item)?, number(item)?),
            };
            if first > last {
                return Err(bad(format!("{first}-{last} runs backwards")));
            }
            let end = last as usize + 1;
            listed.resize(listed.len().max(end), false);
            listed[first as usize..end].fill(true);
        }
        let listed = (0..).zip(listed).filter(|(_, on)| *on);
        Ok(CpuList(listed.map(|(cpu, _)| Cpu(cpu)).collect()))
    }
}

/// For messages: what someone passed may be a whole file.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    short
}

impl From<Vec<Cpu>> for CpuList {
    fn from(mut cpus: Vec<Cpu>) -> CpuList {
        cpus.sort_unstable();
        cpus.dedup();
        CpuList(cpus)
    }
}

/// As the kernel writes it: `0,2-5,11`.
impl fmt::Display for CpuList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, run) in self.0.chunk_by(|a, b| a.0 + 1 == b.0).enumerate() {
            let comma = if n > 0 { "," } else { "" };
            match run {
                [one] => write!(f, "{comma}{one}")?,
                [first, .., last] => write!(f, "{comma}{first}-{last}")?,
                [] => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written_back() {
        for (list, want) in [
            ("0,2-5,11", "0,2-5,11"),
            ("11, 2 - 3,2", "2-3,11"),
            ("7", "7"),
            ("0-0", "0"),
            ("0,1,2", "0-2"),
            ("0-127", "0-127"),
        ] {
            let read: CpuList = list.parse().expect(list);
            assert_eq!(read.to_string(), want);
            assert_eq!(want.parse(), Ok(read));
        }
        assert_eq!(CpuList::from_kernel("0-1\n").map(|l| l.numbers()), Ok(vec![0, 1]));
        assert_eq!(CpuList::from_kernel("\n"), Ok(CpuList::default()));
    }

    #[test]
    fn a_bad_list_is_told_what_and_where() {
        for (list, want) in [
            ("3-1", "CPU list \"3-1\": 3-1 runs backwards"),
            ("", "CPU list \"\": a number is missing; write it like 0,2-5,11"),
            ("1,,2", "CPU list \"1,,2\": a number is missing; write it like 0,2-5,11"),
            ("1-", "CPU list \"1-\": a number is missing; write it like 0,2-5,11"),
            ("1,x", "CPU list \"1,x\": \"x\" is not a number"),
            ("+1", "CPU list \"+1\": \"+1\" is not a number"),
            ("0-3:2", "CPU list \"0-3:2\": \"3:2\" is not a number"),
            ("0-4294967295", "CPU list \"0-4294967295\": there is no CPU 4294967295"),
            (
                "99999999999999999999",
                "CPU list \"99999999999999999999\": there is no CPU 99999999999999999999",
            ),
        ] {
            assert_eq!(list.parse::<CpuList>().expect_err(list).to_string(), want);
        }
        let long = "9".repeat(1 << 20);
        assert!(long.parse::<CpuList>().expect_err("1 MB").to_string().len() < 200);
        assert!("0-65535,".repeat(500).parse::<CpuList>().is_err(), "ends in a comma");
    }
}
