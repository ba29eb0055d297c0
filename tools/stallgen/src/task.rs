//! Threads: where they run, how they are scheduled and what they are called.

use std::ffi::CString;
use std::fs;
use std::mem;

use anyhow::{Context as _, Result, bail};

use crate::clock::last_error;

/// The online CPUs, in order.
pub fn online_cpus() -> Result<Vec<u32>> {
    let path = "/sys/devices/system/cpu/online";
    let list = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    parse_cpu_list(list.trim()).with_context(|| format!("{path}: {list:?} is no list of CPUs"))
}

fn parse_cpu_list(list: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        cpus.extend(first.parse().ok()?..=last.parse::<u32>().ok()?);
    }
    Some(cpus)
}

/// The calling thread's id.
pub fn gettid() -> u32 {
    // SAFETY: plain system call without arguments.
    unsafe { libc::gettid() as u32 }
}

/// Lets the calling thread, and those it starts, run on these CPUs only.
pub fn pin_to(cpus: &[u32]) -> Result<()> {
    // SAFETY: an all-zero cpu_set_t is the empty set.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    for &cpu in cpus {
        if cpu as usize >= 8 * mem::size_of_val(&set) {
            bail!("CPU {cpu} is beyond what sched_setaffinity(2) takes here");
        }
        // SAFETY: `cpu` is inside the set.
        unsafe { libc::CPU_SET(cpu as usize, &mut set) };
    }
    // SAFETY: `set` is valid for reading, with its size.
    if unsafe { libc::sched_setaffinity(0, mem::size_of_val(&set), &raw const set) } != 0 {
        return Err(last_error("sched_setaffinity")
            .context(format!("cannot pin to CPUs {cpus:?}: is a cpuset in the way?")));
    }
    Ok(())
}

/// Gives the calling thread its comm.
pub fn set_comm(comm: &str) {
    if let Ok(comm) = CString::new(comm) {
        // SAFETY: `comm` is a C string; the kernel copies it.
        unsafe { libc::prctl(libc::PR_SET_NAME, comm.as_ptr()) };
    }
}

/// Makes the calling thread SCHED_FIFO.
pub fn set_fifo(priority: i32) -> Result<()> {
    let param = libc::sched_param { sched_priority: priority };
    // SAFETY: `param` is valid for reading.
    if unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const param) } != 0 {
        return Err(last_error("sched_setscheduler(SCHED_FIFO)").context(
            "cannot become a real-time task: run in the root cpu cgroup \
             (echo $$ > /sys/fs/cgroup/cpu/tasks) or give the group cpu.rt_runtime_us",
        ));
    }
    Ok(())
}

/// The task id of `ksoftirqd/<cpu>`.
pub fn ksoftirqd_of(cpu: u32) -> Result<u32> {
    let comm = format!("ksoftirqd/{cpu}\n");
    for entry in fs::read_dir("/proc").context("cannot read /proc")? {
        let entry = entry.context("cannot read /proc")?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if fs::read_to_string(entry.path().join("comm")).is_ok_and(|found| found == comm) {
            return Ok(pid);
        }
    }
    bail!("there is no ksoftirqd/{cpu} in /proc: run stallgen in the initial PID namespace")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_lists() {
        assert_eq!(parse_cpu_list("0"), Some(vec![0]));
        assert_eq!(parse_cpu_list("0-2,7"), Some(vec![0, 1, 2, 7]));
        assert_eq!(parse_cpu_list(""), None);
    }
}
