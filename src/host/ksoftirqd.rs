//! Which thread is `ksoftirqd/N` of which CPU.

use std::collections::BTreeMap;

use super::cpulist::CpuList;
use super::root::HostRoot;
use super::taskstat::TaskStat;
use crate::units::{Cpu, Tid};

/// kthreadd, the parent of all kernel threads.
const KTHREADD: Tid = Tid(2);

/// Where the kernel does not list kthreadd's children, ids up to here are tried first: each CPU
/// brings half a dozen threads at boot.
const LOW_TIDS: u32 = 8_192;

/// The ksoftirqd threads of the given CPUs.
///
/// Only kernel threads count: a process can call itself `ksoftirqd/3`. CPUs whose thread is not
/// found are left out; all of them are where /proc shows another pid namespace than the kernel's
/// own (in a container without the host's).
///
/// Takes 0.1 to 1 ms, however many processes there are; only where the kernel does not list
/// kthreadd's children and a thread is missing are all looked at (7 us each).
#[must_use]
pub fn ksoftirqds(root: &HostRoot, cpus: &CpuList) -> BTreeMap<Cpu, Tid> {
    let mut found = BTreeMap::new();
    if !shows_kthreadd(root) {
        return found;
    }
    let mut look = |tid: u32| {
        if let Some(cpu) = cpu_of(root, tid).filter(|cpu| cpus.contains(*cpu)) {
            found.insert(cpu, Tid(tid));
        }
        found.len() == cpus.cpus().len()
    };
    // The children in order of their ids (CONFIG_PROC_CHILDREN), else low ids, else all.
    let children = root.value("proc/2/task/2/children").unwrap_or_default();
    let mut done =
        children.split_ascii_whitespace().filter_map(|tid| tid.parse().ok()).any(&mut look);
    if !done && children.is_empty() {
        done = (3..LOW_TIDS).any(&mut look);
    }
    if !done && children.is_empty() {
        let all = root.list("proc").into_iter().flatten().flatten();
        all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|tid| *tid >= LOW_TIDS)
            .any(&mut look);
    }
    found
}

/// Whether /proc shows the parent of all kernel threads, which only the first pid namespace has.
pub(super) fn shows_kthreadd(root: &HostRoot) -> bool {
    let kthreadd = TaskStat::read(root, "proc/2/stat");
    kthreadd.is_some_and(|stat| stat.kthread && stat.tid == KTHREADD)
}

/// The CPU whose ksoftirqd this thread is.
fn cpu_of(root: &HostRoot, tid: u32) -> Option<Cpu> {
    // The name first: it costs a quarter of the whole stat file.
    let cpu = parse_comm(&root.value(format!("proc/{tid}/comm"))?)?;
    let stat = TaskStat::read(root, &format!("proc/{tid}/stat"))?;
    let same = parse_comm(&stat.comm) == Some(cpu) && stat.tid == Tid(tid);
    (same && stat.kthread && stat.parent == KTHREADD).then_some(cpu)
}

/// N of `ksoftirqd/N`.
fn parse_comm(comm: &str) -> Option<Cpu> {
    let digits = comm.strip_prefix("ksoftirqd/")?;
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| plain).map(Cpu)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_name_counts() {
        assert_eq!(parse_comm("ksoftirqd/0"), Some(Cpu(0)));
        assert_eq!(parse_comm("ksoftirqd/1023"), Some(Cpu(1023)));
        for odd in [
            "ksoftirqd",
            "ksoftirqd/",
            "ksoftirqd/+1",
            "ksoftirqd/1 ",
            "xksoftirqd/1",
            "ksoftirqd/99999999999",
        ] {
            assert_eq!(parse_comm(odd), None, "{odd}");
        }
    }
}
