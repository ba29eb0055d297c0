//! CPU time and memory, as /proc tells them.

use std::fs::read_to_string;

use anyhow::{Context as _, Result, ensure};

/// CPU time of the machine since boot, in ticks of all CPUs together.
#[derive(Clone, Copy, Debug)]
pub struct CpuTime {
    busy: u64,
    all: u64,
}

impl CpuTime {
    /// Reads it.
    pub fn read() -> Result<Self> {
        let text = read_to_string("/proc/stat").context("cannot read /proc/stat")?;
        Self::parse(&text).context("/proc/stat: no line of all CPUs")
    }

    /// Idle and waiting for I/O are not busy; guest time is in user time already.
    fn parse(text: &str) -> Option<Self> {
        let line = text.lines().next()?.strip_prefix("cpu ")?;
        let fields: Vec<u64> =
            line.split_whitespace().take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
        let all = fields.iter().sum();
        Some(Self { busy: all - fields.get(3)? - fields.get(4)?, all })
    }

    /// Share of the machine that was busy since `before`, in percent.
    pub fn busy_since(self, before: Self) -> f64 {
        let all = self.all.saturating_sub(before.all).max(1);
        100.0 * self.busy.saturating_sub(before.busy) as f64 / all as f64
    }
}

/// Time in which tasks ran, of all CPUs together, in ns: exact, where /proc/stat looks only at each
/// tick. Interrupts of idle CPUs are not in it. None where the kernel does not tell.
pub fn task_ns() -> Option<u64> {
    let schedstat = read_to_string("/proc/schedstat").unwrap_or_default();
    let groups = ["cpuacct", "cpu,cpuacct"].map(|c| format!("/sys/fs/cgroup/{c}/cpuacct.usage"));
    let usage = || groups.iter().find_map(|path| read_to_string(path).ok()?.trim().parse().ok());
    run_time(&schedstat).filter(|&ns| ns > 0).or_else(usage)
}

fn run_time(schedstat: &str) -> Option<u64> {
    let cpus = schedstat.lines().filter(|line| line.starts_with("cpu"));
    cpus.map(|line| line.split(' ').nth(7)?.parse::<u64>().ok()).sum()
}

/// CPU time of a process and its threads so far, in ns.
pub fn process_ns(pid: u32) -> Result<u64> {
    let mut clock = 0;
    let mut ts = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both are valid for writing.
    let failed = unsafe {
        libc::clock_getcpuclockid(pid as libc::pid_t, &raw mut clock) != 0
            || libc::clock_gettime(clock, &raw mut ts) != 0
    };
    ensure!(!failed, "process {pid} is gone");
    Ok(ts.tv_sec as u64 * 1_000_000_000 + ts.tv_nsec as u64)
}

/// The most memory a process had in RAM so far, in MB.
pub fn peak_memory(pid: u32) -> Option<f64> {
    let status = read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_share() {
        let before = CpuTime::parse("cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1\n").unwrap();
        let after = CpuTime::parse("cpu  130 0 120 740 110 0 0 0 0 0\n").unwrap();
        assert_eq!(after.busy_since(before), 50.0);
        assert!(CpuTime::parse("cpu0 1 2 3\n").is_none());
    }

    #[test]
    fn time_of_tasks() {
        let text = "version 17\ntimestamp 1\ncpu0 0 0 0 5 6 7 100 8 9\ndomain0 MC 3 0 0\n\
                    cpu1 0 0 0 5 6 7 11 8 9\n";
        assert_eq!(run_time(text), Some(111));
        assert_eq!(run_time("cpu0 0 0\n"), None);
    }

    #[test]
    fn time_of_a_process() {
        let before = process_ns(std::process::id()).unwrap();
        assert!(process_ns(std::process::id()).unwrap() > before);
        assert!(process_ns(100_000_000).is_err());
    }
}
